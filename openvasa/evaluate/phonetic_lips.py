"""Lips that follow the sounds alone, by one rule for every language: what a judge is judged with.

Sync experts learn from clips of some languages and may distrust others whatever the lips do. The
rule is a linear one from the kinds of sounds around a frame to lip shapes, fitted to what is
generated for English; it hears no voice. Where its lips score as much less than in English as the
generator's do, the expert or the synthetic voice is at fault, not the generator.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from openvasa.data.phonetics import Sound, kind_of_sound
from openvasa.data.spoken import Phones
from openvasa.rates import MOTION_RATE

_AROUND = range(-3, 4)
"""Frames around one whose sounds its lips follow."""
_PER_FRAME = 8
_STIFFNESS = 30.0
"""Of the ridge regression, frames."""
_KINDS = tuple(Sound)


def sounds_of_frames(phones: Phones, frames: int) -> np.ndarray:
    """(frames, kinds × frames around) float32 shares of each frame that are of each kind."""
    fine = np.zeros((frames * _PER_FRAME, len(_KINDS)), np.float32)
    fine[:, _KINDS.index(Sound.PAUSE)] = 1
    for name, start, end in phones:
        span = slice(*(round(t * MOTION_RATE * _PER_FRAME) for t in (start, end)))
        fine[span] = 0
        fine[span, _KINDS.index(kind_of_sound(name))] = 1
    shares = fine.reshape(frames, _PER_FRAME, -1).mean(axis=1)
    at = np.arange(frames)
    return np.hstack([shares[np.clip(at + step, 0, frames - 1)] for step in _AROUND])


@dataclass(frozen=True)
class PhoneticLips:
    """A rule from sounds to lip shapes.

    Attributes:
        mean: (n,) lip shape.
        weights: (kinds × frames around, n).
        sounds_mean: (kinds × frames around,).
    """

    mean: np.ndarray
    weights: np.ndarray
    sounds_mean: np.ndarray

    def move(self, phones: Phones, frames: int) -> np.ndarray:
        """(frames, n) float32 lip shapes."""
        sounds = sounds_of_frames(phones, frames) - self.sounds_mean
        return (self.mean + sounds @ self.weights).astype(np.float32)


def fit_phonetic_lips(taught: list[tuple[Phones, np.ndarray]]) -> PhoneticLips:
    """The rule for sentences' phones and (T, n) lip shapes."""
    sounds = np.concatenate([sounds_of_frames(phones, len(lips)) for phones, lips in taught])
    shapes = np.concatenate([lips for _, lips in taught])
    mean, sounds_mean = shapes.mean(axis=0), sounds.mean(axis=0)
    centred = sounds - sounds_mean
    system = centred.T @ centred + _STIFFNESS * np.eye(centred.shape[1])
    weights = np.linalg.solve(system, centred.T @ (shapes - mean))
    return PhoneticLips(mean, weights.astype(np.float32), sounds_mean)
