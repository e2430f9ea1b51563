"""Two channels → one, also where they are wired against each other."""

from __future__ import annotations

import numpy as np

INVERTED, IN_PHASE = -0.5, 0.5
"""Correlation of the channels below which the second one counts as inverted, and above which it no
longer does. Between the two it stays what it was: stereo rooms and music lie there."""
MEMORY_SECONDS = 2.0
"""Over which the correlation is taken."""


class MonoMixer:
    """Means of the channels; one that is inverted against the other is turned back.

    The plain mean of a voice and its inverse is silence. Such files come from balanced microphones
    with one wire swapped and from stereo wideners.
    """

    def __init__(self) -> None:
        """Take the channels to be in phase."""
        self._together = self._power = 0.0
        self._sign = np.float32(1)

    def mix(self, samples: np.ndarray, rate: int) -> np.ndarray:
        """(C, n) float32 samples, C = 1 or 2, of the next stretch → (1, n) float32.

        Args:
            samples: at `rate` Hz.
            rate: of the stretch.
        """
        if len(samples) == 1:
            return samples
        left, right = samples
        kept = np.exp(-samples.shape[1] / (rate * MEMORY_SECONDS))
        self._together = kept * self._together + float(left @ right)
        self._power = kept * self._power + float(left @ left + right @ right) / 2
        if self._together < INVERTED * self._power:
            self._sign = np.float32(-1)
        elif self._together > IN_PHASE * self._power:
            self._sign = np.float32(1)
        return ((left + self._sign * right) / 2)[None]
