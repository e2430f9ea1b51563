"""A sound track in a film, encoded beside its picture."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import OutputContainer

from openvasa.media.soundtrack import Soundtrack


class SoundEncoder:
    """Encodes a sound track little by little, so that it stays beside the picture.

    Args:
        sound: the track.
        encoder: FFmpeg's name.
        container: where a stream is added for it.
    """

    def __init__(self, sound: Soundtrack, encoder: str, container: OutputContainer) -> None:
        self._sound, self._pieces, self._container = sound, iter(sound), container
        self._layout = "mono" if sound.channels == 1 else "stereo"
        stream = container.add_stream(encoder, rate=sound.rate, layout=self._layout)
        assert isinstance(stream, AudioStream)
        self._stream = stream
        self._stream.codec_context.bit_rate = min(96000, 4 * sound.rate) * sound.channels
        self._written = 0

    def encode_until(self, seconds: float) -> None:
        """Encode what is heard before a time, as far as there is sound."""
        rate = self._sound.rate
        while self._written < seconds * rate:
            samples = next(self._pieces, None)
            if samples is None:
                return
            frame = AudioFrame.from_ndarray(
                np.ascontiguousarray(samples), format="fltp", layout=self._layout
            )
            frame.sample_rate = rate
            frame.time_base = Fraction(1, rate)
            frame.pts = self._written
            self._written += samples.shape[1]
            self._container.mux(self._stream.encode(frame))

    def finish(self) -> None:
        """Encode the rest."""
        self.encode_until(float("inf"))
        self._container.mux(self._stream.encode(None))
