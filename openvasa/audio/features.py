"""Speech features at 25 frames a second: what the motion generator hears.

Per video frame: Moonshine-tiny's encoder (Jeffries et al., arXiv:2410.15608) read at two instants,
log energy of the frame's two halves, and pitch. Moonshine attends over all the audio it is given,
so its output at one instant depends on how the audio is cut; training and run time therefore both
go through `speech_features`, which always cuts on the same grid from the start of the audio.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from openvasa.backend import onnx_session
from openvasa.face.topology import THIRD_PARTY

if TYPE_CHECKING:
    import onnxruntime as ort

SAMPLE_RATE = 16000
FPS = 25
FRAME_SAMPLES = SAMPLE_RATE // FPS
ENCODER_DIM = 288
FEATURE_DIM = 2 * ENCODER_DIM + 4

CHUNK_FRAMES = 50
"""Frames that one run of the encoder gives features for."""
PAST_FRAMES = 25
"""Frames of audio before them that the encoder sees as well."""
LOOKAHEAD_FRAMES = 12
"""Frames of audio after them that the encoder sees as well."""

_ENCODER_STRIDE = 384
_ENCODER_CENTRE = 447.5
"""Samples between two encoder outputs, and the middle of the first one's receptive field."""

_PITCH_WINDOW = 1024
_PITCH_LAGS = (40, 230)
"""Lags searched for the pitch period: 400 down to 70 Hz."""


@lru_cache(maxsize=2)
def _encoder(threads: int) -> ort.InferenceSession:
    return onnx_session(THIRD_PARTY / "moonshine_tiny_encoder.ort", threads)


def _encode(samples: np.ndarray, threads: int) -> np.ndarray:
    """(N,) float32 at 16 kHz → (n, 288) float32, one row every 384 samples."""
    mask = np.ones((1, len(samples)), np.int64)
    feeds = {"input_values": samples[None].astype(np.float32), "attention_mask": mask}
    return np.asarray(_encoder(threads).run(None, feeds)[0])[0]


def _read_at(encoded: np.ndarray, samples: np.ndarray) -> np.ndarray:
    """Linear interpolation of encoder rows at sample positions."""
    at = np.clip((samples - _ENCODER_CENTRE) / _ENCODER_STRIDE, 0, len(encoded) - 1.001)
    low = at.astype(int)
    share = (at - low).astype(np.float32)[:, None]
    return encoded[low] * (1 - share) + encoded[low + 1] * share


def _log_energy(frames: np.ndarray) -> np.ndarray:
    """(n, 640) samples → (n, 2) log energy of both halves, about −1 (silence) to 1 (loud)."""
    rms = np.sqrt((frames.reshape(len(frames), 2, -1) ** 2).mean(axis=2))
    return np.log10(rms + 1e-3) * (2 / 3) + 1


def _pitch(padded: np.ndarray, count: int) -> np.ndarray:
    """(n, 2): voicing in 0–1 and, where voiced, log pitch against 150 Hz (octaves).

    Normalised autocorrelation of 64 ms around each frame's middle.
    """
    starts = np.arange(count) * FRAME_SAMPLES
    windows = padded[starts[:, None] + np.arange(_PITCH_WINDOW)]
    windows = windows - windows.mean(axis=1, keepdims=True)
    spectrum = np.abs(np.fft.rfft(windows * np.hanning(_PITCH_WINDOW), 2 * _PITCH_WINDOW)) ** 2
    correlation = np.fft.irfft(spectrum)[:, : _PITCH_LAGS[1]]
    taper = np.fft.irfft(np.abs(np.fft.rfft(np.hanning(_PITCH_WINDOW), 2 * _PITCH_WINDOW)) ** 2)
    normal = correlation / (correlation[:, :1] + 1e-3) / (taper[: _PITCH_LAGS[1]] / taper[0])
    searched = normal[:, _PITCH_LAGS[0] :]
    peak = (searched[:, 1:-1] >= searched[:, :-2]) & (searched[:, 1:-1] >= searched[:, 2:])
    # Twice the period correlates as well: the shortest of the near-best peaks is the period.
    near_best = peak & (searched[:, 1:-1] >= 0.85 * searched.max(axis=1, keepdims=True))
    lag = near_best.argmax(axis=1) + 1 + _PITCH_LAGS[0]
    voicing = np.clip(normal[np.arange(count), lag], 0, 1)
    octaves = np.log2(SAMPLE_RATE / lag / 150)
    return np.stack([voicing, octaves * (voicing > 0.4)], axis=1)


def segment_features(samples: np.ndarray, *, first: int = 0, threads: int = 1) -> np.ndarray:
    """Features of a stretch of sound that is heard on its own, nothing before or after it.

    Args:
        samples: (n * FRAME_SAMPLES,) float32, already at its standard level.
        first: frames before it are heard, but not given back.
        threads: CPU threads.

    Returns:
        (n - first, FEATURE_DIM) float32.
    """
    count = len(samples) // FRAME_SAMPLES - first
    margin = (_PITCH_WINDOW - FRAME_SAMPLES) // 2
    around = np.pad(samples, margin)[first * FRAME_SAMPLES :]
    return _assemble(_encode(samples, threads), samples, around, first, count)


def _chunk_features(padded: np.ndarray, threads: int) -> np.ndarray:
    """Features of one chunk, from its audio with past and look-ahead on both sides."""
    first = PAST_FRAMES * FRAME_SAMPLES
    margin = (_PITCH_WINDOW - FRAME_SAMPLES) // 2
    around = padded[first - margin :]
    return _assemble(_encode(padded, threads), padded, around, PAST_FRAMES, CHUNK_FRAMES)


def _assemble(
    encoded: np.ndarray, samples: np.ndarray, around: np.ndarray, first: int, count: int
) -> np.ndarray:
    """(count, FEATURE_DIM) features of `samples` from frame `first`; `around` starts a pitch
    margin before it."""
    frames = np.arange(first, first + count)
    halves = [_read_at(encoded, (frames + part) * FRAME_SAMPLES) for part in (0.25, 0.75)]
    inside = samples[first * FRAME_SAMPLES : (first + count) * FRAME_SAMPLES]
    energy = _log_energy(inside.reshape(count, FRAME_SAMPLES))
    return np.concatenate([*halves, energy, _pitch(around, count)], axis=1).astype(np.float32)


def speech_features(
    blocks: Iterable[np.ndarray], *, gain: float = 1.0, threads: int = 2
) -> Iterator[np.ndarray]:
    """Turn audio into features lazily, in constant memory.

    Args:
        blocks: consecutive (n,) float32 mono blocks at 16 kHz.
        gain: linear gain that brings speech to its standard level (`audio.level`).
        threads: CPU threads.

    Yields:
        (n, FEATURE_DIM) float32 for consecutive frames of 40 ms, n = CHUNK_FRAMES but for the
        last; the frames cover the audio, the last one rounded to the nearest frame (one at least).
    """
    past = PAST_FRAMES * FRAME_SAMPLES
    chunk = CHUNK_FRAMES * FRAME_SAMPLES
    need = past + chunk + LOOKAHEAD_FRAMES * FRAME_SAMPLES
    held = np.zeros(past, np.float32)
    total = done = 0
    for block in blocks:
        total += len(block)
        held = np.concatenate([held, block.astype(np.float32) * np.float32(gain)])
        while len(held) >= need:
            yield _chunk_features(held[:need], threads)
            held = held[chunk:]
            done += CHUNK_FRAMES
    left = max(round(total / FRAME_SAMPLES), 1) - done
    while left > 0:
        padded = np.pad(held[:need], (0, max(0, need - len(held))))
        yield _chunk_features(padded, threads)[:left]
        held = held[chunk:]
        left -= CHUNK_FRAMES
