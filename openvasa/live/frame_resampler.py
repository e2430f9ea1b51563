"""Resample sound for what hears it in whole frames of motion."""

from __future__ import annotations

import numpy as np

from openvasa.live.resample import StreamResampler
from openvasa.rates import FRAME_SAMPLES, SAMPLE_RATE


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
        self._given = 0

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
        given = self._resampler.push(np.concatenate(self._waiting))
        self._waiting = []
        self._given += len(given)
        return given
