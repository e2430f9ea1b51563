"""Keep a portrait from hearing itself: the microphone is silent where it holds no more than echo.

Browsers cancel most of an echo, not all of it and not at once. What is left follows the level of
what the portrait says, so many dB below: how many is learnt while it speaks. Sound that stands
clearly above that is the user's, who may interrupt.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from openvasa.rates import SAMPLE_RATE

BLOCK = SAMPLE_RATE // 50
"""Samples that are let through or not together, 20 ms."""
REVERBERATION = 25
"""Blocks, after which what was said is no longer heard: buffers of 0.2 s and a room's 0.3 s."""
ABOVE_ECHO_DB = 6.0
QUIET_DB = -55.0
"""Below it the portrait says nothing that could come back."""
LEARN_DB = 0.6
"""How far the learnt coupling falls in a block, 30 dB a second; it rises at once."""


class EchoGate:
    """Silences blocks of the microphone that hold only what the portrait says."""

    def __init__(self) -> None:
        self._said: deque[float] = deque(maxlen=REVERBERATION)
        self._coupling = 0.0
        self._known = False
        self._held = np.zeros(0, np.float32)

    def say(self, samples: np.ndarray) -> None:
        """Note (n,) float32 samples at 16 kHz that leave the loudspeaker now."""
        for start in range(0, len(samples), BLOCK):
            self._said.append(_level(samples[start : start + BLOCK]))

    def hear(self, samples: np.ndarray) -> np.ndarray:
        """(n,) float32 samples of the microphone at 16 kHz → as many that are the user's, or 0.

        Whole blocks come out; what is left over waits for the next call.
        """
        self._held = np.concatenate([self._held, samples])
        count = len(self._held) // BLOCK
        blocks, self._held = self._held[: count * BLOCK], self._held[count * BLOCK :]
        passed = [self._pass(block) for block in blocks.reshape(-1, BLOCK)]
        return np.concatenate([np.zeros(0, np.float32), *passed])

    def _pass(self, block: np.ndarray) -> np.ndarray:
        loudest = max(self._said, default=QUIET_DB)
        if self._said:
            # Time goes on where nothing is said any more.
            self._said.popleft()
        if loudest <= QUIET_DB:
            return block
        heard = _level(block) - loudest
        if self._known and heard > self._coupling + ABOVE_ECHO_DB:
            return block
        self._coupling = max(heard, self._coupling - LEARN_DB) if self._known else heard
        self._known = True
        return np.zeros_like(block)


def _level(samples: np.ndarray) -> float:
    return float(10 * np.log10(np.square(samples, dtype=np.float64).mean() + 1e-10))
