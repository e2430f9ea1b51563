"""The normalised motion that a network works in, and the noise it makes motion of."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np

from openvasa.assets import ASSETS
from openvasa.audio.moonshine import MoonshineEncoder
from openvasa.face.dynamics import dynamics_code, lid_gap
from openvasa.motion.config import load_motion_config
from openvasa.motion.motion import POSE_DIM
from openvasa.motion.steering import led

NETWORK_FILE = ASSETS / "motion.onnx"
NORMALISER_FILE = ASSETS / "motion_normaliser.npz"
HOP_NETWORK_FILE = ASSETS / "motion_live.onnx"
HOP_NORMALISER_FILE = ASSETS / "motion_live_normaliser.npz"


@dataclass(frozen=True)
class MotionSpace:
    """Normalised motion of one network.

    Attributes:
        mean, deviation: (6 + D,) of motion.
        context: frames before a window that the network sees.
        window: frames of the longest window.
        encoder_name, feature_dim: the speech encoder that the network was trained with.
        mouth_noise, lid_noise: amplitude of their noise, against what the network was trained with.
    """

    mean: np.ndarray
    deviation: np.ndarray
    context: int
    window: int
    encoder_name: str = MoonshineEncoder.name
    feature_dim: int = MoonshineEncoder.dim
    mouth_noise: float = 1.0
    lid_noise: float = 1.0

    def at_rest(self) -> np.ndarray:
        """(context, 6 + D) normalised motion of a portrait at rest: what comes before the start."""
        return np.tile(-self.mean / self.deviation, (self.context, 1)).astype(np.float32)

    def noise(self, rng: np.random.Generator, count: int) -> np.ndarray:
        """(count, 6 + D) float32 noise to make motion of, less of it for mouth and lids."""
        drawn = rng.standard_normal((count, len(self.mean))).astype(np.float32)
        drawn[:, POSE_DIM:] @= self._calming
        return drawn

    @cached_property
    def _calming(self) -> np.ndarray:
        """(D, D) from normalised codes to the same with less of mouth and lids."""
        code, deviation = dynamics_code(), self.deviation[POSE_DIM:]
        mouth = deviation[:, None] * code.mouth_projection().T / deviation
        lids = lid_gap(code.basis) * deviation
        lids = np.outer(lids, lids) / (lids @ lids)
        kept = np.eye(code.size) - (1 - self.mouth_noise) * mouth - (1 - self.lid_noise) * lids
        return kept.astype(np.float32)

    def lead_context(
        self, context: np.ndarray, values: np.ndarray, known: np.ndarray
    ) -> np.ndarray:
        """(context, 6 + D) normalised motion on its way to the controls; see `steering.led`."""
        before = led(context * self.deviation + self.mean, values[-1], known)
        return ((before - self.mean) / self.deviation).astype(np.float32)


@lru_cache(maxsize=2)
def motion_space(file: Path = NORMALISER_FILE) -> MotionSpace:
    """That of a shipped network, by its normaliser's file and the config beside it."""
    config = load_motion_config(file.with_name(file.name.replace("_normaliser.npz", ".json")))
    with np.load(file) as data:
        return MotionSpace(
            data["mean"].astype(np.float32),
            data["deviation"].astype(np.float32),
            int(data["context"]),
            int(data["window"]),
            config.encoder,
            config.feature_dim,
            config.sampling.mouth_noise,
            config.sampling.lid_noise,
        )
