"""Hush what a room sounds like between words, before a live model of motion hears it.

A stream knows a room from a second of sound only, and lips that hear it go on moving after the last
word. What stands little above the quietest sound of the last seconds is no speech (minimum
statistics: R. Martin, "Noise power spectral density estimation based on optimal smoothing and
minimum statistics", 2001) and is muted.
"""

from __future__ import annotations

from collections import deque
from copy import deepcopy

import numpy as np

from openvasa.rates import SAMPLE_RATE

STEP = SAMPLE_RATE * 20 // 1000
"""Samples that are passed or muted together."""
MEMORY = 100
"""Steps in whose quietest moment the room is heard."""
SMOOTHED = 3
"""Steps over which a level is averaged before it may be the room's."""
ABOVE_DB = 6.0
"""What stands less above the room is the room."""
LOUDEST_DBFS = -38.0
"""A room is no louder, where speech is at −20: what is always louder is a sound to be heard."""
FEWEST = 5
"""Steps that have to be heard before a room is known; until then everything passes."""
NOTHING_DBFS = -90.0
"""What is quieter is no room: a stream's own silence before, between and in place of sounds."""
HELD = 4
"""Steps after speech that are passed still, the last of them fading: words fade."""


class NoiseGate:
    """Mutes a room between words; the same for any chunks.

    A step passes as soon as all of it is there, so what is given comes out up to `STEP` − 1 samples
    later. The first step of a word is faded in, the last one that is held is faded out.
    """

    def __init__(self) -> None:
        self._rest = np.zeros(0, np.float32)
        self._levels = deque[float](maxlen=SMOOTHED)
        self._smoothed = deque[float](maxlen=MEMORY)
        self._left = 0
        self._open = 0.0

    @property
    def waiting(self) -> int:
        """Samples that were given and are not decided on."""
        return len(self._rest)

    def apply(self, samples: np.ndarray) -> np.ndarray:
        """(n,) float32 levelled samples at 16 kHz → the (m,) of them that are decided on."""
        sound = np.concatenate([self._rest, samples.astype(np.float32)])
        count = len(sound) // STEP
        self._rest = sound[count * STEP :]
        steps = sound[: count * STEP].reshape(count, STEP)
        return np.concatenate([sound[:0], *(self._pass(step) for step in steps)])

    def foresee(self, samples: np.ndarray) -> np.ndarray:
        """What `apply` would give of samples that come next; nothing of them is remembered."""
        return deepcopy(self).apply(samples)

    def _pass(self, step: np.ndarray) -> np.ndarray:
        """One step, passed, faded in or out, or muted."""
        power = float(np.square(step, dtype=np.float64).mean())
        level = 10 * np.log10(max(power, 1e-12))
        if level > NOTHING_DBFS:
            self._levels.append(level)
            self._smoothed.append(sum(self._levels) / len(self._levels))
        self._left = HELD if self._is_heard(level) else max(self._left - 1, 0)
        before, self._open = self._open, float(self._left > 0)
        if before == self._open:
            return step * np.float32(self._open)
        return step * np.linspace(before, self._open, STEP, dtype=np.float32)

    def _is_heard(self, level: float) -> bool:
        """Whether a step of a level, dBFS, is more than the room."""
        if len(self._smoothed) < FEWEST:
            return level > NOTHING_DBFS
        return level > min(min(self._smoothed), LOUDEST_DBFS) + ABOVE_DB
