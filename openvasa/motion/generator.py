"""Speech features → motion, window after window, for speech of any length.

Each window of the diffusion transformer sees the end of the one before as context, as in VASA-1
(Xu et al., arXiv:2404.10667), and a few frames past its own end, so that lips can anticipate.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from openvasa.ahead import made_ahead
from openvasa.audio.features import (
    FEATURE_DIM,
    FRAME_SAMPLES,
    PAST_FRAMES,
    segment_features,
    speech_features,
)
from openvasa.motion.articulation import TONGUE_DIM, articulation_reader
from openvasa.motion.controls import stressed
from openvasa.motion.motion import Motion
from openvasa.motion.window import MotionSettings, WindowModel, articulated, eased, window_model

LOOKAHEAD = 4
"""Frames generated at the end of a window and thrown away: their own future was not seen."""
DYNAMICS_JOIN_FRAMES, POSE_JOIN_FRAMES = 6, 25


@dataclass
class MotionGenerator:
    """Generates motion window by window; `feed` it features, it returns frames when it can.

    Attributes:
        settings: what the user chose.
        threads: CPU threads.
        model: the network; the shipped one where None.
    """

    settings: MotionSettings = field(default_factory=MotionSettings)
    threads: int = 2
    model: WindowModel | None = None

    def __post_init__(self) -> None:
        """Load the network and start at the beginning."""
        self._model = self.model or window_model(self.threads)
        self._space = self._model.space
        self._rng = np.random.default_rng(self.settings.seed)
        self._context = self._space.at_rest()
        self._done = 0
        self._noise = np.zeros((0, len(self._space.mean)), np.float32)
        self._heard = np.zeros((0, FEATURE_DIM), np.float32)
        self._past = _silence()[-self._space.context :]

    def feed(self, features: np.ndarray) -> np.ndarray:
        """Add (n, FEATURE_DIM) features; returns the (m, 6 + D + 2) float32 rows now certain."""
        self._heard = np.concatenate([self._heard, features])
        frames = [np.zeros((0, len(self._space.mean) + TONGUE_DIM), np.float32)]
        while len(self._heard) >= self._space.window:
            frames.append(self._window(self._space.window - LOOKAHEAD))
        return np.concatenate(frames)

    def finish(self) -> np.ndarray:
        """The (m, 6 + D + 2) rows of the speech's end; the generator is used up then."""
        frames = [np.zeros((0, len(self._space.mean) + TONGUE_DIM), np.float32)]
        while len(self._heard):
            count = min(len(self._heard), self._space.window - LOOKAHEAD)
            missing = max(0, self._space.window - len(self._heard))
            self._heard = np.pad(self._heard, ((0, missing), (0, 0)), mode="edge")
            frames.append(self._window(count))
            self._heard = self._heard[: len(self._heard) - missing]
        return np.concatenate(frames)

    def _window(self, count: int) -> np.ndarray:
        """Generate one window and keep its first `count` frames, as rows of motion."""
        space = self._space
        audio = np.concatenate([self._past, self._heard[: space.window]])
        steering = self.settings.controls.rows(self._done - space.context, len(audio))
        fresh = space.noise(self._rng, space.window - len(self._noise))
        noise = np.concatenate([self._noise, fresh])
        self._noise = noise[count:]
        clean = self._model.sample(noise, self._context, audio, steering, self.settings)[:count]
        frames = eased(clean, self._context, DYNAMICS_JOIN_FRAMES, POSE_JOIN_FRAMES)
        self._context = np.concatenate([self._context, frames])[-space.context :]
        self._past = np.concatenate([self._past, self._heard[:count]])[-space.context :]
        self._heard = self._heard[count:]
        self._done += count
        kept = slice(space.context, space.context + count)
        made = stressed(frames * space.deviation + space.mean, steering[0][kept])
        return articulated(made, articulation_reader().read(audio)[kept])


@lru_cache(maxsize=1)
def _silence() -> np.ndarray:
    """(PAST_FRAMES, FEATURE_DIM) features of the silence before the start."""
    return segment_features(np.zeros(PAST_FRAMES * FRAME_SAMPLES, np.float32))


def generate_frames(
    blocks: Iterable[np.ndarray], settings: MotionSettings, *, gain: float = 1.0, threads: int = 2
) -> Iterator[np.ndarray]:
    """Speech → (n, 6 + D + 2) float32 pieces of motion at 25 fps, lazily, in constant memory.

    Args:
        blocks: consecutive mono float32 blocks at 16 kHz.
        settings: seed, guidance, style and controls.
        gain: brings speech to its standard level (`audio.level.speech_gain`).
        threads: CPU threads.
    """
    generator = MotionGenerator(settings, threads)
    with closing(made_ahead(speech_features(blocks, gain=gain, threads=1))) as pieces:
        for features in pieces:
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
    return Motion.from_rows(np.concatenate(pieces))
