"""Whether speech is heard around a moment of the timeline."""

from __future__ import annotations

from collections import deque

import numpy as np

from openvasa.live.timeline import TICKS
from openvasa.rates import SAMPLE_RATE

VOICED_DBFS = -38.0
"""Level of a block of 10 ms, after the running gain, from which on it counts as voiced: 18 dB below
the level of speech. Set by ear."""
LEAD = TICKS // 20
"""A portrait speaks from so many ticks before the first voiced block: 50 ms."""
HANGOVER = TICKS * 35 // 100
"""It speaks until so many ticks after the last one: 350 ms, longer than pauses between words."""

_BLOCK = SAMPLE_RATE // 100
_DEAF_BLOCKS = 3
"""Blocks after an interruption that the filters before may still fill with old sound."""


class VoiceActivity:
    """Whether speech is heard around a moment; levels are those after the running gain."""

    def __init__(self) -> None:
        self._rest = np.zeros(0, np.float32)
        self._blocks = self._deaf_until = 0
        self._voiced: deque[int] = deque()

    def hear(self, speech: np.ndarray) -> None:
        """Add (n,) float32 samples at 16 kHz, at the level of speech."""
        sound = np.concatenate([self._rest, speech])
        whole = len(sound) - len(sound) % _BLOCK
        self._rest = sound[whole:].copy()
        power = np.square(sound[:whole].reshape(-1, _BLOCK)).mean(axis=1)
        for index in np.flatnonzero(power > 10 ** (VOICED_DBFS / 10)):
            block = self._blocks + int(index)
            if block >= self._deaf_until:
                self._voiced.append(block * TICKS // 100)
        self._blocks += whole // _BLOCK

    def is_active(self, at: int) -> bool:
        """Whether the portrait speaks at a tick; call with ticks that never go back."""
        while self._voiced and self._voiced[0] < at - HANGOVER:
            self._voiced.popleft()
        return bool(self._voiced) and self._voiced[0] <= at + LEAD

    def forget(self) -> None:
        """Forget what was heard, and what the filters still hold."""
        self._voiced.clear()
        self._deaf_until = self._blocks + _DEAF_BLOCKS
