"""Time in the live engine: whole ticks, so that thirty minutes add up to thirty minutes."""

from __future__ import annotations

from dataclasses import dataclass
from math import lcm

from openvasa.rates import MOTION_RATE

TICKS = 48000
"""Ticks a second: every frame rate and sound rate here divides it."""
ROW_TICKS = TICKS // MOTION_RATE
"""Ticks of one row of generated motion (25 fps)."""
RELIEF_RATES = (6, 8, 10, 12, 15, 20)
"""Further frame rates that an overloaded machine may fall back to."""


@dataclass(frozen=True)
class RowsNeeded:
    """Which motion rows show a frame: between `row - 1` and `row`, `share` of the way to it."""

    row: int
    share: float


def rows_needed(start: int, length: int) -> RowsNeeded:
    """Rows for the frame from tick `start`, taken at its middle.

    Row i stands for the middle of [1920 i, 1920 (i + 1)) ticks.
    """
    position = 2 * start + length - ROW_TICKS
    row, rest = divmod(position, 2 * ROW_TICKS)
    if rest == 0 or position < 0:
        return RowsNeeded(max(row, 0), 1.0)
    return RowsNeeded(row + 1, rest / (2 * ROW_TICKS))


GUESSED_SHARE = 0.5
"""A frame may go so far towards a row that the generator has only sketched yet."""


def rows_s(rows: int) -> float:
    """How long rows of motion last, s."""
    return rows * ROW_TICKS / TICKS


@dataclass(frozen=True)
class Budget:
    """Where the time goes from a sound's arrival to its frame's motion: upper bounds, s.

    Attributes:
        hop_s: sound is collected until a hop of the generator is full.
        lookahead_s: sound that the generator hears beyond the hop.
        interpolation_s: from the start of a frame to the motion row after its middle, or to the
            one before where a sketch of that row does.
        resampling_s: what the filter to 16 kHz holds back.
    """

    hop_s: float
    lookahead_s: float
    interpolation_s: float
    resampling_s: float

    @property
    def total_s(self) -> float:
        """A frame that starts at t has its motion when the sound until t + total_s is in."""
        return self.hop_s + self.lookahead_s + self.interpolation_s + self.resampling_s


def interpolation_s(fps: int) -> float:
    """Longest time from a frame's start to the end of the row that it waits for, less one row; s.

    The generator sketches the row after a hop.
    """
    length = TICKS // fps
    waits = []
    for start in range(0, lcm(length, ROW_TICKS), length):
        needed = rows_needed(start, length)
        row = needed.row - (needed.share <= GUESSED_SHARE)
        waits.append(row * ROW_TICKS - start)
    return max(waits) / TICKS
