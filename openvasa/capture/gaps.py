"""Motion where the driver's face tells nothing: between two shots, and while it is out of sight.

The unknown frames take the mean of a Gaussian process that goes through the known frames beside
them (Rasmussen & Williams, Gaussian Processes for Machine Learning, 2006, section 2.2). Its
autocovariance is that of people's motion. So a movement that the gap cuts off runs out as people's
movements do and comes to rest, and the next one begins out of the rest. A short gap is bridged.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from openvasa.motion.prior import OBSERVED_VARIANCE
from openvasa.motion.window_network import SPACE_FILE, MotionSpace

CONTEXT = 16
"""Known frames on either side of a gap that it goes by."""


def fill_gaps(values: np.ndarray, known: np.ndarray, channels: slice) -> np.ndarray:
    """Fill in the unknown frames of some channels of motion; rest is zero.

    Args:
        values: (T, n) at `MOTION_RATE`; what unknown frames hold is not read.
        known: (T,) bool.
        channels: which of the channels of a row, pose and dynamics, these n are.

    Returns:
        (T, n) float32; known frames as they are.
    """
    filled = np.where(known[:, None], values, 0).astype(np.float32)
    correlation = _correlation()[channels]
    for first, last in find_runs(~known):
        beside = np.arange(max(first - CONTEXT, 0), min(last + CONTEXT, len(known)))
        beside = beside[known[beside]]
        gap = np.arange(first, last)
        for channel in range(values.shape[1] if len(beside) else 0):
            filled[gap, channel] = _expect(
                gap, beside, values[beside, channel], correlation[channel]
            )
    return filled


def find_runs(flags: np.ndarray) -> list[tuple[int, int]]:
    """First and one past the last of every run of true (T,) flags."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(int)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def _expect(
    gap: np.ndarray, beside: np.ndarray, values: np.ndarray, correlation: np.ndarray
) -> np.ndarray:
    """(g,) mean of one channel at the frames `gap`, given (k,) values at the frames `beside`."""
    inner = _at_lags(beside, beside, correlation) + OBSERVED_VARIANCE * np.eye(len(beside))
    return _at_lags(gap, beside, correlation) @ np.linalg.solve(inner, values)


def _at_lags(rows: np.ndarray, columns: np.ndarray, correlation: np.ndarray) -> np.ndarray:
    lags = np.abs(np.subtract.outer(rows, columns))
    return np.append(correlation, 0)[np.minimum(lags, len(correlation))]


@lru_cache(maxsize=1)
def _correlation() -> np.ndarray:
    """(C, W) autocorrelation of people's motion, zero from W frames on.

    Parzen's lag window (Technometrics 3(2), 1961) brings it there, and keeps it a correlation.
    """
    factor = MotionSpace.load(SPACE_FILE).prior.factor[0].astype(np.float64)
    covariance = factor @ factor.transpose(0, 2, 1)
    window = covariance.shape[1]
    lags = [np.diagonal(covariance, lag, 1, 2).mean(axis=1) for lag in range(window)]
    at = np.arange(window) / window
    taper = np.where(at < 0.5, 1 - 6 * at**2 * (1 - at), 2 * (1 - at) ** 3)
    return np.stack(lags, axis=1) / lags[0][:, None] * taper
