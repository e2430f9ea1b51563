"""Resample sound that is still arriving, chunk by chunk."""

from __future__ import annotations

import av
import numpy as np
from av.audio.frame import AudioFrame

from openvasa.errors import InputError

RATES = (8000, 192000)
"""Lowest and highest rate that is taken, Hz."""


class StreamResampler:
    """Windowed-sinc resampling (libswresample) of a mono stream in chunks of any size.

    Output sample k stands for the moment k / `target` of the input: the filter's delay shows only
    as samples that come a little later (`delay_s`), never as a shift. What comes out does not
    depend on how the stream is cut into chunks.

    Args:
        source, target: rates in Hz.

    Raises:
        InputError: a source rate that no sound card has.
    """

    def __init__(self, source: int, target: int) -> None:
        if not RATES[0] <= source <= RATES[1]:
            raise InputError(f"sound at {source} Hz: give {RATES[0]} to {RATES[1]} Hz")
        self.source, self.target = source, target
        self._resampler = None
        if source != target:
            self._resampler = av.AudioResampler(format="fltp", layout="mono", rate=target)

    @property
    def delay_s(self) -> float:
        """Upper bound of the time by which output lags behind input, s."""
        # 32 taps at the lower rate (half of them ahead) and one sample of rounding on both sides.
        return 0.0 if self._resampler is None else 17 / min(self.source, self.target)

    def push(self, samples: np.ndarray) -> np.ndarray:
        """(n,) float32 → the (m,) float32 samples now certain."""
        if self._resampler is None or not len(samples):
            return samples
        frame = AudioFrame.from_ndarray(
            np.ascontiguousarray(samples[None], np.float32), format="fltp", layout="mono"
        )
        frame.sample_rate = self.source
        return self._join_frames(self._resampler.resample(frame))

    def finish(self) -> np.ndarray:
        """The samples that the filter still held; the resampler is used up then."""
        if self._resampler is None:
            return np.zeros(0, np.float32)
        return self._join_frames(self._resampler.resample(None))

    @staticmethod
    def _join_frames(frames: list[AudioFrame]) -> np.ndarray:
        pieces = [frame.to_ndarray()[0] for frame in frames]
        return np.concatenate(pieces) if pieces else np.zeros(0, np.float32)
