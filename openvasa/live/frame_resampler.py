"""Resample sound for what hears it in whole frames of motion."""

from __future__ import annotations

from math import ceil, gcd

import numpy as np

from openvasa.live.resample import StreamResampler
from openvasa.rates import FRAME_SAMPLES, SAMPLE_RATE

_FILTER_S = 0.004
"""More than the filter of a `StreamResampler` reaches to both sides."""


class FrameResampler:
    """A `StreamResampler` to 16 kHz that gives sound when a frame of motion is full.

    Sound comes every 10 ms. Nothing that hears it can say more before the frame is whole, and each
    time it is asked costs as much as for a whole frame.

    Args:
        source: rate of what is pushed, Hz.
    """

    def __init__(self, source: int) -> None:
        self._resampler = StreamResampler(source, SAMPLE_RATE)
        self._waiting: list[np.ndarray] = []
        self._taken = self._given = 0
        self._recent = np.zeros(0, np.float32)
        """The last samples before those that wait."""

    @property
    def delay_s(self) -> float:
        """See `StreamResampler.delay_s`: waiting for the rest of a frame delays no frame."""
        return self._resampler.delay_s

    def push(self, samples: np.ndarray) -> np.ndarray:
        """(n,) float32 → (m,) float32 at 16 kHz; none where they do not fill a frame."""
        self._waiting.append(samples)
        # What a resampler gives varies by a sample: one that is missing must not cost 10 ms.
        wanted = FRAME_SAMPLES - self._given % FRAME_SAMPLES - 1
        if sum(map(len, self._waiting)) * SAMPLE_RATE < wanted * self._resampler.source:
            return samples[:0]
        return self.flush()

    def flush(self) -> np.ndarray:
        """(m,) float32 at 16 kHz of what has been pushed, though no frame is full."""
        if not self._waiting:
            return np.zeros(0, np.float32)
        taken = np.concatenate(self._waiting)
        given = self._resampler.push(taken)
        self._waiting = []
        self._taken += len(taken)
        self._given += len(given)
        kept = ceil(_FILTER_S * self._resampler.source) + self._period
        self._recent = np.concatenate([self._recent, taken])[-kept:]
        return given

    def foreseen_from(self, count: int) -> int:
        """How many samples behind those pushed `foresee` takes to give `count`."""
        return ceil((count / SAMPLE_RATE + _FILTER_S) * self._resampler.source)

    def foresee(self, samples: np.ndarray) -> np.ndarray:
        """What would follow what was given, were `samples` pushed; nothing of them is kept.

        Args:
            samples: (n,) float32 that follow those pushed.

        Returns:
            (m,) float32 at 16 kHz.
        """
        # A filter cannot be copied: a fresh one starts a little before, where a sample of both
        # rates lies.
        before = self._taken - len(self._recent)
        start = -(-before // self._period) * self._period
        sound = np.concatenate([self._recent[start - before :], *self._waiting, samples])
        fresh = StreamResampler(self._resampler.source, SAMPLE_RATE)
        begins = start * SAMPLE_RATE // self._resampler.source
        return fresh.push(sound)[self._given - begins :]

    @property
    def _period(self) -> int:
        """Samples from one that both rates share to the next."""
        return self._resampler.source // gcd(self._resampler.source, SAMPLE_RATE)
