"""Experts that judge motion against sound: are the lips in sync, does the head go with the voice.

Each is a pair of small networks that put a stretch of sound and a stretch of motion into one space,
near each other where they belong together, trained on real clips (`openvasa train sync`,
`openvasa train capp`). They hear log-mel bands, not the features that the generator hears.

Sync follows SyncNet (Chung & Zisserman, ACCV 2016 workshops): windows of five frames, confidence
S_C and distance S_D over shifts of the sound. CAPP follows VASA-1's contrastive audio and pose
pretraining (arXiv:2404.10667, appendix): cosine of three-second stretches. Scales are our own, so
scores mean something only beside the same expert's score of real video.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np

from openvasa.assets import ASSETS
from openvasa.backend import load_onnx
from openvasa.face.dynamics import dynamics_code
from openvasa.face.topology import CHIN, INNER_LIPS, OUTER_LIPS
from openvasa.motion.row import Row
from openvasa.rates import FRAME_SAMPLES, SAMPLE_RATE

MEL_BANDS = 80
SOUND_DIM = 4 * MEL_BANDS
"""Four mel frames of 10 ms to a video frame."""

ExpertName = Literal["sync", "capp"]

SYNC_FRAMES = 5
CAPP_FRAMES = 75
LARGEST_SHIFT = 15
"""Frames by which the sound is shifted at most, either way, for confidence and offset."""
SHIFTS = np.arange(-LARGEST_SHIFT, LARGEST_SHIFT + 1)

LIP_POINTS = np.concatenate([INNER_LIPS, OUTER_LIPS, [CHIN, 148, 377]])


@lru_cache(maxsize=1)
def _mel_filters() -> np.ndarray:
    """(257, MEL_BANDS) triangular filters, 55 Hz to 7.6 kHz, equally spaced on the mel scale."""
    low, high = 2595 * np.log10(1 + np.array([55.0, 7600.0]) / 700)
    mel = np.linspace(low, high, MEL_BANDS + 2)
    edges = 700 * (10 ** (mel / 2595) - 1)
    bins = np.arange(257) * SAMPLE_RATE / 512
    rising = (bins[:, None] - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins[:, None]) / (edges[2:] - edges[1:-1])
    return np.maximum(0, np.minimum(rising, falling)).astype(np.float32)


def sound_bands(samples: np.ndarray, frames: int) -> np.ndarray:
    """Levelled 16 kHz samples → (frames, SOUND_DIM) float32 log-mel bands, 25 frames a second."""
    count, hop, size = frames * 4, 160, 400
    padded = np.pad(samples[: frames * FRAME_SAMPLES], ((size - hop) // 2, size))
    padded = np.pad(padded, (0, max(0, count * hop + size - len(padded))))
    windows = padded[np.arange(count)[:, None] * hop + np.arange(size)] * np.hanning(size)
    power = np.abs(np.fft.rfft(windows, 512)) ** 2
    bands = np.log(power.astype(np.float32) @ _mel_filters() + 1e-3)
    return (bands.reshape(frames, SOUND_DIM) / 4).astype(np.float32)


def lip_shapes(motion: np.ndarray) -> np.ndarray:
    """(T, 6 + D) motion → (T, 2 n) float32 lip and chin points against rest, canonical units."""
    code = dynamics_code()
    points = Row.split(motion).codes @ code.basis[:, LIP_POINTS, :2].reshape(code.size, -1)
    return points.astype(np.float32) * 4


def head_motion(motion: np.ndarray) -> np.ndarray:
    """(T, 6 + D) motion → (T, 12) float32 head pose without its mean, and its velocity."""
    scale = np.array([10, 10, 10, 10, 10, 20], np.float32)
    pose = Row.split(motion).pose
    pose = (pose - pose.mean(axis=0)) * scale
    velocity = np.gradient(pose, axis=0) * 5
    return np.hstack([pose, velocity]).astype(np.float32)


@dataclass(frozen=True)
class SyncScore:
    """What SyncNet's authors read off the distances over shifts of the sound.

    Attributes:
        confidence: S_C, median distance less the smallest; higher is better.
        distance: S_D, the smallest distance; lower is better.
        offset: the shift of the smallest, frames; above 0 where the lips are early.
        curve: (2 LARGEST_SHIFT + 1,) median distance less each shift's; its peak is S_C.
    """

    confidence: float
    distance: float
    offset: int
    curve: np.ndarray


def sync_score(sound: np.ndarray, lips: np.ndarray) -> SyncScore:
    """SyncNet's figures from embeddings (T, n) of sound and lips, of the same length."""
    distances = []
    for shift in SHIFTS:
        first, last = max(0, -shift), min(len(lips), len(sound) - shift)
        apart = lips[first:last] - sound[first + shift : last + shift]
        distances.append(np.linalg.norm(apart, axis=1).mean())
    best = int(np.argmin(distances))
    curve = np.median(distances) - np.array(distances)
    return SyncScore(float(curve[best]), float(distances[best]), int(SHIFTS[best]), curve)


@dataclass(frozen=True)
class Expert:
    """A trained expert: sound and motion into one space, unit vectors times ten."""

    sound_network: Path
    motion_network: Path

    def embed_sound(self, bands: np.ndarray) -> np.ndarray:
        """(T, SOUND_DIM) → (T - frames + 1, n) of every stretch."""
        return _run(self.sound_network, bands)

    def embed_motion(self, features: np.ndarray) -> np.ndarray:
        """(T, m) lip shapes or head motion → (T - frames + 1, n) of every stretch."""
        return _run(self.motion_network, features)


def _run(path: Path, rows: np.ndarray) -> np.ndarray:
    (embedded,) = _network(path)(rows.T[None].astype(np.float32))
    return embedded[0].T


@lru_cache(maxsize=4)
def _network(path: Path):
    return load_onnx(path)


def expert(name: ExpertName) -> Expert:
    """The shipped expert."""
    return Expert(ASSETS / f"{name}_sound.onnx", ASSETS / f"{name}_motion.onnx")
