"""Curves that several rooms draw: the smooth step and the cubic between two points."""

from __future__ import annotations

import numba
import numpy as np

Numbers = float | np.ndarray


def smoothstep(low: Numbers, high: Numbers, value: Numbers) -> np.ndarray:
    """0 at `low`, 1 at `high`, smooth between and level outside: 3 t² − 2 t³.

    Args:
        low: where the step begins; it may lie above `high`, and the step then falls.
        high: where the step ends.
        value: where to read the step, any shape.

    Returns:
        The step at each value, 0 to 1, in the values' floating-point type.
    """
    # For few numbers twice as quick as `np.clip`.
    share = np.minimum(np.maximum((value - low) / (high - low), 0), 1)
    return share * share * (3 - 2 * share)


@numba.njit(cache=True, nogil=True)
def smoothstep_at(low: float, high: float, value: float) -> float:
    """`smoothstep` of one value, for compiled loops."""
    share = min(max((value - low) / (high - low), 0.0), 1.0)
    return share * share * (3 - 2 * share)


def hermite(
    share: np.ndarray | np.floating,
    start: np.ndarray,
    start_slope: np.ndarray,
    end: np.ndarray,
    end_slope: np.ndarray,
) -> np.ndarray:
    """The cubic from `start` to `end` with the given slopes at its ends.

    Args:
        share: how far along, 0 to 1, of a shape that broadcasts with the points.
        start, end: points where `share` is 0 and 1.
        start_slope, end_slope: change of the point for each 1 of `share`, at either end.
    """
    u = share
    from_start = (2 * u**3 - 3 * u**2 + 1) * start + (u**3 - 2 * u**2 + u) * start_slope
    return from_start + (3 * u**2 - 2 * u**3) * end + (u**3 - u**2) * end_slope
