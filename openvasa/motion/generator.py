"""Speech features → motion, window after window, for speech of any length.

Each window of the diffusion transformer sees the end of the one before as context, as in VASA-1
(Xu et al., arXiv:2404.10667), and a few frames past its own end, so that lips can anticipate.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from openvasa.audio.moonshine import MoonshineEncoder
from openvasa.audio.speech_encoder import SpeechEncoder, check_encoder
from openvasa.motion.articulation import (
    TONGUE_DIM,
    ArticulationReader,
    articulation_reader,
    read_articulation,
)
from openvasa.motion.correction import WHOLE_FILE, Correction, Moment, Stage, apply_corrections
from openvasa.motion.settings import MotionSettings
from openvasa.motion.window import WindowModel
from openvasa.rates import FRAME_SAMPLES

LOOKAHEAD = 4
"""Frames generated at the end of a window and thrown away: their own future was not seen."""


@dataclass
class MotionGenerator:
    """Generates motion window by window; `feed` it features, it returns frames when it can.

    Attributes:
        model: the network.
        settings: what the user chose.
        encoder: makes the features.
        reader: hears tongue and pressed lips in them; None leaves both to the network.
        corrections: what is done to the motion beside the network.
    """

    model: WindowModel
    settings: MotionSettings = field(default_factory=MotionSettings)
    encoder: SpeechEncoder = field(default_factory=MoonshineEncoder)
    reader: ArticulationReader | None = field(default_factory=articulation_reader)
    corrections: tuple[Correction, ...] = WHOLE_FILE

    def __post_init__(self) -> None:
        """Check that all parts speak of the same features, and start at the beginning."""
        space = self._space = self.model.space
        check_encoder(self.encoder, space.encoder_name, space.feature_dim, "motion network")
        if self.reader is not None:
            self.reader.check_hears(self.encoder)
        self._rng = np.random.default_rng(self.settings.seed)
        self._context = self._space.at_rest()
        self._done = 0
        self._noise = np.zeros((0, len(self._space.mean)), np.float32)
        self._heard = np.zeros((0, self.encoder.dim), np.float32)
        silence = np.zeros(self.encoder.past * FRAME_SAMPLES, np.float32)
        self._past = self.encoder.segment(silence)[-self._space.context :]

    def feed(self, features: np.ndarray) -> np.ndarray:
        """Add (n, dim) features; returns the (m, 6 + D + 2) float32 rows now certain."""
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
        context, kept = self._context, slice(space.context, space.context + count)
        frames = self.model.sample(
            noise, context, audio, steering, self.settings, self.corrections, count
        )[:count]
        self._context = np.concatenate([self._context, frames])[-space.context :]
        self._past = np.concatenate([self._past, self._heard[:count]])[-space.context :]
        self._heard = self._heard[count:]
        self._done += count
        reading = read_articulation(self.reader, audio)[kept]
        moment = Moment(space, context, steering[0][kept], steering[1], count, reading)
        made = frames * space.deviation + space.mean
        made = apply_corrections(self.corrections, Stage.ROWS, made, moment)
        return np.hstack([made, reading[:, :TONGUE_DIM]]).astype(np.float32)
