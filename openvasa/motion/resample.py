"""Rows of motion at another rate."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from openvasa.maths import hermite


def interpolate(values: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Catmull-Rom interpolation of (T, n) rows at fractional row numbers, ends held."""
    last = len(values) - 1
    at = np.clip(at, 0, last)
    low = np.minimum(at.astype(int), max(last - 1, 0))
    u = (at - low)[:, None].astype(np.float32)
    p0, p1, p2, p3 = (values[np.clip(low + k, 0, last)] for k in (-1, 0, 1, 2))
    slope1, slope2 = (p2 - p0) / 2, (p3 - p1) / 2
    return hermite(u, p1, slope1, p2, slope2).astype(np.float32)


def resample_pieces(pieces: Iterable[np.ndarray], rate: float, fps: float) -> Iterator[np.ndarray]:
    """Resample consecutive (n, k) pieces of motion from `rate` to `fps` as they come.

    What comes out equals `Motion.resample` of the whole, for any cutting into pieces.
    """
    if rate == fps:
        yield from pieces
        return
    held: np.ndarray | None = None
    first = total = done = 0
    for piece in pieces:
        held = piece if held is None else np.concatenate([held, piece])
        total += len(piece)
        # Cubic interpolation needs two rows beyond the one it starts from.
        ready = int(np.floor((total - 2.5) * fps / rate - 0.5))
        if ready > done:
            yield _rows_between(held, done, ready, first, rate / fps)
            done = ready
            keep = max(int((done + 0.5) * rate / fps - 0.5) - 3, 0)
            held = held[max(keep - first, 0) :]
            first = max(first, keep)
    count = max(1, round(total * fps / rate))
    if held is not None and count > done:
        yield _rows_between(held, done, count, first, rate / fps)


def _rows_between(held: np.ndarray, start: int, stop: int, first: int, step: float) -> np.ndarray:
    """Output rows start..stop of a resampling, from input rows that begin at number `first`."""
    return interpolate(held, (np.arange(start, stop) + 0.5) * step - 0.5 - first)
