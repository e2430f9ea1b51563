"""A queue of sound samples that remembers marks set between them."""

from __future__ import annotations

from collections import deque

import numpy as np

from openvasa.audio.pcm import from_int16


class SampleQueue:
    """First in, first out, in pieces of any size; positions count from the stream's start."""

    def __init__(self) -> None:
        self._pieces: deque[np.ndarray] = deque()
        self._marks: deque[int] = deque()
        self.taken = 0
        """Position of the next sample to be taken."""
        self.end = 0
        """Position after the last sample."""

    def __len__(self) -> int:
        """Samples waiting."""
        return self.end - self.taken

    def append(self, samples: np.ndarray) -> None:
        """Add (n,) float32 samples at the end."""
        if len(samples):
            self._pieces.append(samples)
            self.end += len(samples)

    def mark(self) -> None:
        """Set a mark after the last sample."""
        self._marks.append(self.end)

    def take(self, count: int) -> np.ndarray:
        """Remove and return the first `count` samples, fewer where there are fewer."""
        taken, missing = [], min(count, len(self))
        while missing > 0:
            piece = self._pieces.popleft()
            if len(piece) > missing:
                self._pieces.appendleft(piece[missing:])
                piece = piece[:missing]
            taken.append(piece)
            missing -= len(piece)
            self.taken += len(piece)
        return np.concatenate(taken) if taken else np.zeros(0, np.float32)

    def peek(self, count: int) -> np.ndarray:
        """The first `count` samples, fewer where there are fewer; they stay."""
        seen = self.take(count)
        if len(seen):
            self.untake(seen)
        return seen

    @property
    def ends_at_mark(self) -> bool:
        """Whether a mark that has not been reached stands after the last sample."""
        return bool(self._marks) and self._marks[-1] == self.end

    def marks_passed(self) -> int:
        """Remove the marks that have been reached and return their number."""
        passed = 0
        while self._marks and self._marks[0] <= self.taken:
            self._marks.popleft()
            passed += 1
        return passed

    def room_until_mark(self) -> int | None:
        """Samples before the next mark; None where there is no mark."""
        return self._marks[0] - self.taken if self._marks else None

    def untake(self, samples: np.ndarray) -> None:
        """Put samples back in front."""
        self._pieces.appendleft(samples)
        self.taken -= len(samples)

    def clear(self) -> None:
        """Forget all samples and marks; what is appended next goes on from here."""
        self._pieces.clear()
        self._marks.clear()
        self.end = self.taken


def clean_samples(samples: np.ndarray) -> np.ndarray:
    """(n,) int16 or float32 samples → float32 in [-1, 1]; those that are not finite become 0."""
    if samples.dtype == np.int16:
        return from_int16(samples)
    return np.clip(np.nan_to_num(samples, posinf=0.0, neginf=0.0), -1.0, 1.0).astype(np.float32)
