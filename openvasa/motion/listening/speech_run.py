"""Whether a voice speaks, frame by frame, and for how long it has spoken or been silent."""

from __future__ import annotations

import numpy as np

from openvasa.rates import MOTION_RATE

SPEECH_DBFS = -38.0
"""Level from which on a frame counts as speech, 18 dB under a voice's standard level."""
ABOVE_NOISE_DB = 9.0
NOISE_RISE_DB = 1.5 / MOTION_RATE
"""How much the noise between words may rise in a frame; speech stands above it by so much."""


class SpeechRun:
    """Follows one voice, at its standard level (`audio.level`).

    Attributes:
        spoken: frames of speech since the last pause.
        silent: frames since the last speech.
    """

    def __init__(self, pause: int) -> None:
        """`pause`: frames of silence that end a stretch of speech."""
        self._pause = pause
        self.spoken, self.silent = 0, 1 << 30
        self._noise = -60.0

    def hear(self, frame: np.ndarray) -> tuple[bool, float]:
        """Take the next (640,) samples.

        Returns:
            Whether they are speech, and their level in dBFS.
        """
        level = 10 * np.log10(float(np.square(frame, dtype=np.float64).mean()) + 1e-9)
        self._noise = min(level, self._noise + NOISE_RISE_DB)
        if level > max(SPEECH_DBFS, self._noise + ABOVE_NOISE_DB):
            self.spoken = self.spoken + 1 if self.silent < self._pause else 1
            self.silent = 0
            return True, level
        self.silent += 1
        return False, level

    @property
    def just_ended(self) -> bool:
        """Whether this frame makes the silence a pause."""
        return self.silent == self._pause
