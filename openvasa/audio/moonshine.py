"""The shipped speech encoder: Moonshine-tiny, with energy and pitch beside it.

Per video frame: Moonshine-tiny's encoder (Jeffries et al., arXiv:2410.15608) read at two instants,
log energy of the frame's two halves, and voicing and pitch. Moonshine attends over all the audio it
is given, so its output at one instant depends on how the audio is cut; training and run time
therefore both go through `MoonshineEncoder`, which always cuts on the same grid from the start of
the audio.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from openvasa.assets import THIRD_PARTY
from openvasa.audio.prosody import PITCH_MARGIN, log_energy, voicing_and_pitch
from openvasa.backend import onnx_session
from openvasa.rates import FRAME_SAMPLES

if TYPE_CHECKING:
    import onnxruntime as ort

CHUNK_FRAMES = 50
"""Frames that one run of the encoder gives features for."""
_PAST_FRAMES, _LOOKAHEAD_FRAMES = 25, 12
"""Frames of audio before and after them that the encoder sees as well."""

_OUTPUT_DIM = 288
_OUTPUT_STRIDE = 384
_OUTPUT_CENTRE = 447.5
"""Samples between two encoder outputs, and the middle of the first one's receptive field."""
_READ_AT = (0.25, 0.75)
"""Where in a frame the encoder's outputs are read."""
_PROSODY_DIM = 4


@dataclass(frozen=True)
class MoonshineEncoder:
    """A `SpeechEncoder`: two readings of Moonshine-tiny a frame, two energies, voicing and pitch.

    Attributes:
        threads: CPU threads.
    """

    threads: int = 1

    name: str = field(default="moonshine-tiny", init=False)
    content_dim: int = field(default=len(_READ_AT) * _OUTPUT_DIM, init=False)
    """The first features, which say what is spoken; energy and pitch follow."""
    dim: int = field(default=len(_READ_AT) * _OUTPUT_DIM + _PROSODY_DIM, init=False)
    past: int = field(default=_PAST_FRAMES, init=False)
    lookahead: int = field(default=_LOOKAHEAD_FRAMES, init=False)

    def segment(self, samples: np.ndarray, *, first: int = 0) -> np.ndarray:
        """See `SpeechEncoder.segment`."""
        count = len(samples) // FRAME_SAMPLES - first
        around = np.pad(samples, PITCH_MARGIN)[first * FRAME_SAMPLES :]
        return _assemble(self._encode(samples), samples, around, first, count)

    def stream(self, blocks: Iterable[np.ndarray], *, gain: float = 1.0) -> Iterator[np.ndarray]:
        """See `SpeechEncoder.stream`; every piece but the last is of `CHUNK_FRAMES`."""
        past, chunk = self.past * FRAME_SAMPLES, CHUNK_FRAMES * FRAME_SAMPLES
        need = past + chunk + self.lookahead * FRAME_SAMPLES
        held = np.zeros(past, np.float32)
        total = done = 0
        for block in blocks:
            total += len(block)
            held = np.concatenate([held, block.astype(np.float32) * np.float32(gain)])
            while len(held) >= need:
                yield self._chunk(held[:need])
                held = held[chunk:]
                done += CHUNK_FRAMES
        left = max(round(total / FRAME_SAMPLES), 1) - done
        while left > 0:
            padded = np.pad(held[:need], (0, max(0, need - len(held))))
            yield self._chunk(padded)[:left]
            held = held[chunk:]
            left -= CHUNK_FRAMES

    def _chunk(self, padded: np.ndarray) -> np.ndarray:
        """Features of one chunk, from its audio with past and look-ahead on both sides."""
        around = padded[self.past * FRAME_SAMPLES - PITCH_MARGIN :]
        return _assemble(self._encode(padded), padded, around, self.past, CHUNK_FRAMES)

    def _encode(self, samples: np.ndarray) -> np.ndarray:
        """(N,) float32 at 16 kHz → (n, 288) float32, one row every 384 samples."""
        mask = np.ones((1, len(samples)), np.int64)
        feeds = {"input_values": samples[None].astype(np.float32), "attention_mask": mask}
        return np.asarray(_session(self.threads).run(None, feeds)[0])[0]


@lru_cache(maxsize=2)
def _session(threads: int) -> ort.InferenceSession:
    return onnx_session(THIRD_PARTY / "moonshine_tiny_encoder.ort", threads)


def _read_outputs(encoded: np.ndarray, samples: np.ndarray) -> np.ndarray:
    """Linear interpolation of encoder rows at sample positions."""
    at = np.clip((samples - _OUTPUT_CENTRE) / _OUTPUT_STRIDE, 0, len(encoded) - 1.001)
    low = at.astype(int)
    share = (at - low).astype(np.float32)[:, None]
    return encoded[low] * (1 - share) + encoded[low + 1] * share


def _assemble(
    encoded: np.ndarray, samples: np.ndarray, around: np.ndarray, first: int, count: int
) -> np.ndarray:
    """(count, dim) features of `samples` from frame `first`; `around` starts a pitch margin
    before it."""
    frames = np.arange(first, first + count)
    readings = [_read_outputs(encoded, (frames + part) * FRAME_SAMPLES) for part in _READ_AT]
    inside = samples[first * FRAME_SAMPLES : (first + count) * FRAME_SAMPLES]
    energy = log_energy(inside.reshape(count, FRAME_SAMPLES))
    pitch = voicing_and_pitch(around, count)
    return np.concatenate([*readings, energy, pitch], axis=1).astype(np.float32)
