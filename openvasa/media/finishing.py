"""What may be done to frames, sound and files on their way to the disk: hooks of the writers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np


class OpeningSound(Protocol):
    """What is heard over the start of a sound track.

    Attributes:
        samples: (n,) float32 in [-1, 1].
    """

    @property
    def samples(self) -> np.ndarray:
        """(n,) float32 in [-1, 1]; its length is what the sound track must reach."""
        ...

    def mixed_into(self, sound: np.ndarray, start: int) -> np.ndarray:
        """It over a (C, n) float32 stretch of the track that begins at sample `start`."""
        ...


@dataclass(frozen=True)
class Opening:
    """A sound to be heard at the start of a sound track.

    Attributes:
        name: what to call it in errors.
        make: from a rate in Hz to the sound.
    """

    name: str
    make: Callable[[int], OpeningSound]


@dataclass(frozen=True)
class Finishing:
    """What a writer does besides writing; nothing by default.

    Attributes:
        alter_frame: (h, w, 3) RGB or (h, w, 4) RGBA uint8 frame and its index → the frame to
            encode. A writer may call it in a thread; a folder of pictures is written by two.
        complete_file: called with a file as encoded, the file to write from it, and a number: of
            frames in a video, or of the picture, from 1. An OSError is reported as a disk's.
        opening: heard at the start of the sound track.
    """

    alter_frame: Callable[[np.ndarray, int], np.ndarray] | None = None
    complete_file: Callable[[Path, Path, int], None] | None = None
    opening: Opening | None = None
