"""Speech features → motion, window after window, for speech of any length.

Each window of the diffusion transformer sees the end of the one before as context, as in VASA-1
(Xu et al., arXiv:2404.10667), and a few frames past its own end, so that lips can anticipate.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from scipy.signal import savgol_filter

from openvasa.audio.features import FEATURE_DIM, speech_features
from openvasa.backend import Network, load_onnx
from openvasa.face.topology import ASSETS
from openvasa.motion.motion import POSE_DIM, Motion
from openvasa.motion.schedule import ddim_sample

NETWORK_FILE = ASSETS / "motion.onnx"
NORMALISER_FILE = ASSETS / "motion_normaliser.npz"

LOOKAHEAD = 4
"""Frames generated at the end of a window and thrown away: their own future was not seen."""
POSE_FILTER_FRAMES = 9
"""Window of the quadratic filter on head pose; half of it is the look-ahead of a window."""
CODE_LIMIT = 6.0
"""Standard deviations; real motion lies within, so strange audio cannot throw the face further."""
DYNAMICS_JOIN_FRAMES, POSE_JOIN_FRAMES = 6, 25
"""Frames over which what is left of a step at a window's start is spread: lips must soon follow
the speech again, the head has time."""


@dataclass(frozen=True)
class MotionSettings:
    """What the user chooses about generated motion.

    Attributes:
        seed: same seed, same speech, same motion.
        steps: network evaluations per window.
        audio_guidance: classifier-free guidance scale on the speech; 0 is none.
        mouth, head, brows, gaze: speaking style, in standard deviations of the training
            speakers' log amplitudes; 0 is the average speaker.
    """

    seed: int = 0
    steps: int = 10
    audio_guidance: float = 0.5
    mouth: float = 0.0
    head: float = 0.0
    brows: float = 0.0
    gaze: float = 0.0

    @property
    def style(self) -> np.ndarray:
        """(4,) float32."""
        return np.array([self.mouth, self.head, self.brows, self.gaze], np.float32)


@dataclass
class MotionGenerator:
    """Generates motion window by window; `feed` it features, it returns frames when it can.

    Attributes:
        settings: what the user chose.
        threads: CPU threads.
    """

    settings: MotionSettings = field(default_factory=MotionSettings)
    threads: int = 2

    def __post_init__(self) -> None:
        """Load the network and start at the beginning."""
        self._network, self._shape = _load_network(self.threads)
        self._mean, self._deviation = _load_normaliser()
        self._rng = np.random.default_rng(self.settings.seed)
        self._context: np.ndarray | None = None
        self._heard = np.zeros((0, FEATURE_DIM), np.float32)
        self._past = np.zeros((self._shape.context, FEATURE_DIM), np.float32)

    def feed(self, features: np.ndarray) -> np.ndarray:
        """Add (n, FEATURE_DIM) features; returns the (m, 6 + D) float32 frames now certain."""
        self._heard = np.concatenate([self._heard, features])
        frames = [np.zeros((0, len(self._mean)), np.float32)]
        while len(self._heard) >= self._shape.window:
            frames.append(self._window(self._shape.window - LOOKAHEAD))
        return np.concatenate(frames)

    def finish(self) -> np.ndarray:
        """The (m, 6 + D) frames of the speech's end; the generator is used up then."""
        frames = [np.zeros((0, len(self._mean)), np.float32)]
        while len(self._heard):
            count = min(len(self._heard), self._shape.window - LOOKAHEAD)
            missing = max(0, self._shape.window - len(self._heard))
            self._heard = np.pad(self._heard, ((0, missing), (0, 0)), mode="edge")
            frames.append(self._window(count))
            self._heard = self._heard[: len(self._heard) - missing]
        return np.concatenate(frames)

    def _window(self, count: int) -> np.ndarray:
        """Generate one window and keep its first `count` frames."""
        shape = self._shape
        audio = np.concatenate([self._past, self._heard[: shape.window]])
        noise = self._rng.standard_normal((shape.window, len(self._mean))).astype(np.float32)
        clean = ddim_sample(
            lambda noisy, time: self._predict(noisy, time, audio), noise, self.settings.steps
        )
        frames = self._joined(self._steadied(clean)[:count])
        past = np.concatenate([self._past, self._heard[:count]])
        self._past = past[-shape.context :]
        self._heard = self._heard[count:]
        return frames * self._deviation + self._mean

    def _predict(self, noisy: np.ndarray, time: float, audio: np.ndarray) -> np.ndarray:
        """Clean motion with classifier-free guidance: with and without audio in one batch."""
        context = self._context
        has_context = np.full(2, context is not None, np.float32)
        if context is None:
            context = np.zeros((self._shape.context, noisy.shape[1]), np.float32)
        # Speech says little about the head; extrapolating what it says would make it shake.
        guidance = np.full(noisy.shape[1], self.settings.audio_guidance, np.float32)
        guidance[:POSE_DIM] = 0
        (clean,) = self._network(
            np.stack([noisy] * 2),
            np.full(2, time, np.float32),
            np.stack([context] * 2),
            np.stack([audio] * 2),
            np.stack([self.settings.style] * 2),
            has_context,
            np.array([1, 0], np.float32),
            np.ones(2, np.float32),
        )
        guided = (1 + guidance) * clean[0] - guidance * clean[1]
        return np.clip(guided, -CODE_LIMIT, CODE_LIMIT)

    def _steadied(self, clean: np.ndarray) -> np.ndarray:
        """Filter a window's head pose as the tracked poses it was trained on were."""
        context = clean[:0] if self._context is None else self._context
        pose = np.concatenate([context, clean])[:, :POSE_DIM]
        steady = np.asarray(savgol_filter(pose, POSE_FILTER_FRAMES, 2, axis=0), np.float32)
        return np.hstack([steady[len(context) :], clean[:, POSE_DIM:]])

    def _joined(self, frames: np.ndarray) -> np.ndarray:
        """Let a window start where the last one was heading, and remember its end."""
        if self._context is not None and len(frames):
            step = 1.5 * self._context[-1] - 0.5 * self._context[-2] - frames[0]
            at = np.arange(len(frames), dtype=np.float32)[:, None]
            length = np.full(len(step), DYNAMICS_JOIN_FRAMES, np.float32)
            length[:POSE_DIM] = POSE_JOIN_FRAMES
            fade = (1 + np.cos(np.pi * np.minimum(at / length, 1))) / 2
            frames = frames + step * fade
        kept = frames if self._context is None else np.concatenate([self._context, frames])
        if len(kept) < self._shape.context:
            kept = np.pad(kept, ((self._shape.context - len(kept), 0), (0, 0)), mode="edge")
        self._context = kept[-self._shape.context :]
        return frames


@dataclass(frozen=True)
class WindowShape:
    """Frames of context and of the window itself."""

    context: int
    window: int


@lru_cache(maxsize=2)
def _load_network(threads: int) -> tuple[Network, WindowShape]:
    network = load_onnx(NETWORK_FILE, threads=threads)
    with np.load(NORMALISER_FILE) as data:
        return network, WindowShape(int(data["context"]), int(data["window"]))


@lru_cache(maxsize=1)
def _load_normaliser() -> tuple[np.ndarray, np.ndarray]:
    with np.load(NORMALISER_FILE) as data:
        return data["mean"].astype(np.float32), data["deviation"].astype(np.float32)


def generate_frames(
    blocks: Iterable[np.ndarray], settings: MotionSettings, *, gain: float = 1.0, threads: int = 2
) -> Iterator[np.ndarray]:
    """Speech → (n, 6 + D) float32 pieces of motion at 25 fps, lazily, in constant memory.

    Args:
        blocks: consecutive mono float32 blocks at 16 kHz.
        settings: seed, guidance and style.
        gain: brings speech to its standard level (`audio.level.speech_gain`).
        threads: CPU threads.
    """
    generator = MotionGenerator(settings, threads)
    for features in speech_features(blocks, gain=gain, threads=threads):
        frames = generator.feed(features)
        if len(frames):
            yield frames
    frames = generator.finish()
    if len(frames):
        yield frames


def generate_motion(
    blocks: Iterable[np.ndarray], settings: MotionSettings | None = None, *, gain: float = 1.0
) -> Motion:
    """Motion of a whole speech at 25 fps; see `generate_frames`."""
    pieces = list(generate_frames(blocks, settings or MotionSettings(), gain=gain))
    values = np.concatenate(pieces)
    return Motion(values[:, :POSE_DIM], values[:, POSE_DIM:], 25.0)
