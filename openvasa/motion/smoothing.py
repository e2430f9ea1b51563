"""Smoothing along time that keeps peaks: a polynomial fitted around every frame.

Savitzky & Golay, Analytical Chemistry 36(8), 1964, as `scipy.signal.savgol_filter` does it, whose
import alone takes longer than a second of motion.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np


@lru_cache(maxsize=8)
def _fit(width: int, order: int) -> np.ndarray:
    """(width, width): `_fit @ samples` is the fitted polynomial at every one of them."""
    at = np.arange(width) - width // 2
    powers = np.vander(at.astype(float), order + 1)
    return powers @ np.linalg.pinv(powers)


def smooth_frames(values: np.ndarray, width: int, order: int) -> np.ndarray:
    """Fit a polynomial to the `width` frames around each and take its value there.

    The first and last half window go by the polynomial of the first and last whole one.

    Args:
        values: (T, …) with T at least `width`.
        width: odd number of frames.
        order: of the polynomial, below `width`.

    Returns:
        The same shape, float64.
    """
    half, fit = width // 2, _fit(width, order)
    windows = np.lib.stride_tricks.sliding_window_view(values, width, axis=0)
    inside = windows @ fit[half]
    first, last = (np.tensordot(fit, part, axes=1) for part in (values[:width], values[-width:]))
    return np.concatenate([first[:half], inside, last[half + 1 :]])
