"""Rows of motion at 25 a second → the motion of frames at any rate."""

from __future__ import annotations

from collections import deque

import numpy as np

from openvasa.live.timeline import GUESSED_SHARE, ROW_TICKS, RowsNeeded, rows_needed
from openvasa.maths import hermite
from openvasa.motion.row import row_width

SLIP_FADE = 0.3
"""Share of a sketch's error that is left one row (40 ms) later. Set by eye: larger shows as lag,
smaller as a jump."""


class RowInterpolator:
    """Holds the rows around the next frame and interpolates between them.

    A frame little after a hop's last row is drawn from the generator's sketch of the next row. It
    need not wait for the next hop, and is drawn so even where the next hop is there already: motion
    must not depend on when it is asked for. A sketch's error (the "slip") fades over the frames
    after it.
    """

    def __init__(self) -> None:
        self._rows: deque[np.ndarray] = deque()
        self._first = 0
        self._sketches: dict[int, np.ndarray] = {}
        self._drawn_by_sketch: tuple[RowsNeeded, np.ndarray] | None = None
        self._slip = np.zeros(row_width(), np.float32)

    def __len__(self) -> int:
        """Rows that are held."""
        return len(self._rows)

    def add(self, rows: np.ndarray, sketch: np.ndarray) -> None:
        """Add (m, 6 + D + 2) certain rows, one or more, and the (6 + D + 2,) sketch of the next."""
        self._rows.extend(rows)
        self._sketches[self._first + len(self._rows)] = sketch

    def row_at(self, start: int, length: int) -> np.ndarray | None:
        """(6 + D + 2,) motion of the frame from tick `start`, or None while it has to wait.

        Call it for one frame after the other.
        """
        needed = rows_needed(start, length)
        sketch = self._sketches.get(needed.row) if needed.share <= GUESSED_SHARE else None
        if sketch is None and needed.row >= self._first + len(self._rows):
            return None
        if sketch is None and self._drawn_by_sketch is not None:
            before, drawn = self._drawn_by_sketch
            self._slip = drawn - self._interpolate(before, self._row(before.row))
            self._drawn_by_sketch = None
        self._slip *= SLIP_FADE ** (length / ROW_TICKS)
        after = self._row(needed.row) if sketch is None else sketch
        motion = self._interpolate(needed, after) + self._slip
        if sketch is not None:
            self._drawn_by_sketch = needed, motion.copy()
        return motion

    def forget_before(self, start: int, length: int) -> None:
        """Let go of rows that the frame from tick `start`, and those after it, do not need."""
        keep = rows_needed(start, length).row - 2
        while self._first < keep and len(self._rows) > 1:
            self._rows.popleft()
            self._sketches.pop(self._first, None)
            self._first += 1

    def _interpolate(self, needed: RowsNeeded, after: np.ndarray) -> np.ndarray:
        """Cubic from the row before to `after`; the slope at its end waits for nothing later."""
        if needed.share == 1.0:
            return after.copy()
        before, earlier = self._row(needed.row - 1), self._row(needed.row - 2)
        share = np.float32(needed.share)
        cubic = hermite(share, before, (after - earlier) / 2, after, after - before)
        return cubic.astype(np.float32)

    def _row(self, number: int) -> np.ndarray:
        return self._rows[max(number - self._first, 0)]
