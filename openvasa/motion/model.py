"""What the product asks of a motion model: speech in, rows of motion out.

A file is generated lazily by `frames`, a stream as its sound comes in by the `MotionSource` that
`live` opens. The shipped one is `motion.speech_motion.SpeechMotion`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Protocol, runtime_checkable

import numpy as np

from openvasa.motion.amount import Amount
from openvasa.motion.controls import Controls


class MotionSource(Protocol):
    """Motion of one stream; the same sound in any chunks gives the same motion.

    Row i shows the samples [640 i, 640 (i + 1)) at 16 kHz.
    """

    controls: Controls
    """Gaze, distance and emotion; a new value applies from the next hop."""
    amount: Amount
    """How much of the movement is shown; a new value applies from the next hop."""
    ahead: np.ndarray
    """(m, 6 + D + 2) float32 sketch of the rows after the last certain one, one or more."""

    def push(self, samples: np.ndarray) -> np.ndarray:
        """Add (n,) float32 mono samples at 16 kHz, at their standard level (`audio.level`).

        Returns:
            (m, 6 + D + 2) float32 rows that are now certain, 25 a second.
        """
        ...


@runtime_checkable
class AdjustableSource(MotionSource, Protocol):
    """A source whose hop may be changed while it runs: longer ones cost less, and wait longer."""

    hop: int
    """Rows generated at a time; a new value applies behind the hop that is being heard."""
    longest: int
    """Rows of a hop at most."""


@runtime_checkable
class ForesightedSource(MotionSource, Protocol):
    """A source that hears what is known to come, and so knows better what the lips are at."""

    coming: Callable[[int], np.ndarray] | None
    """Gives up to n of the float32 samples that follow what was pushed, fewer where fewer are
    known; None where nobody knows."""


class MotionModel(Protocol):
    """Generates the motion of files and of streams; what the user chose is part of it."""

    def frames(self, blocks: Iterable[np.ndarray], *, gain: float = 1.0) -> Iterator[np.ndarray]:
        """Motion of a whole speech, lazily, in constant memory.

        Args:
            blocks: consecutive mono float32 blocks at 16 kHz.
            gain: linear gain that brings speech to its standard level (`audio.level`).

        Yields:
            (n, 6 + D + 2) float32 rows at 25 a second: pose, dynamics and tongue.
        """
        ...

    def live(self, hop: int, lookahead: int) -> MotionSource:
        """A stream that starts in silence.

        Args:
            hop: rows of 40 ms generated at a time.
            lookahead: rows of sound heard past the hop.
        """
        ...

    def describe(self) -> Mapping[str, object]:
        """What a video's signed record says of how its motion was made, as JSON values."""
        ...
