"""The sound that is laid under the picture, with an opening mixed in where one is asked."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

import numpy as np

from openvasa.audio.decode import probe, read_sound, resample_sound
from openvasa.errors import InputError
from openvasa.media.finishing import Opening


class Soundtrack:
    """A file's sound, decoded as it is asked for.

    Attributes:
        rate: Hz.
        channels: 1 or 2, the same to the end.
    """

    def __init__(
        self,
        path: Path,
        opening: Opening | None = None,
        rates: Sequence[int] | None = None,
        seconds: float = float("inf"),
    ) -> None:
        """Decode the first sound, so that a bad file is reported before anything is rendered.

        Args:
            path: an audio or video file.
            opening: to be heard at the start.
            rates: what the file to be written allows, Hz; None keeps the sound's own.
            seconds: leave out the sound after this time.

        Raises:
            InputError: as `read_sound`; the opening cannot be made, or is longer than the sound.
        """
        pieces = read_sound(path)
        first = next(pieces)
        self.channels = first.samples.shape[0]
        self.rate = min(rates or [first.rate], key=lambda rate: abs(rate - first.rate))
        self._pieces = resample_sound(chain([first], pieces), self.rate)
        self._seconds = seconds
        self._opening = None if opening is None else opening.make(self.rate)
        if opening is not None and self._opening is not None:
            needed = len(self._opening.samples) / self.rate
            length = min(seconds, probe(path).duration_s)
            if length < needed:
                raise InputError(
                    f"{path}: {length:.1f} s of sound are too short for the {opening.name} "
                    f"({needed:.1f} s); give a longer sound"
                )

    def __iter__(self) -> Iterator[np.ndarray]:
        """(C, n) float32 stretches in [-1, 1], one after the other from time 0; only once."""
        position, end = 0, self._seconds * self.rate
        for samples in self._pieces:
            if position >= end:
                return
            samples = samples[:, : math.ceil(min(end - position, samples.shape[1]))]
            if samples.shape[0] != self.channels:
                samples = np.repeat(samples.mean(axis=0, keepdims=True), self.channels, axis=0)
            if self._opening is not None:
                samples = self._opening.mixed_into(samples, position)
            yield samples
            position += samples.shape[1]


def soundtrack(
    audio: str | Path | None,
    opening: Opening | None,
    seconds: float | None,
    rates: Sequence[int] | None = None,
) -> Soundtrack | None:
    """What is heard with pictures, for `seconds` or to its end; None where there is no sound.

    Raises:
        InputError: as `Soundtrack`.
    """
    if audio is None:
        return None
    return Soundtrack(Path(audio), opening, rates, float("inf") if seconds is None else seconds)
