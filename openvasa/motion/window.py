"""One window of a file's motion: the diffusion network and its guidance.

Live streams use a network distilled from this one (`hop.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from openvasa.backend import Network, load_onnx
from openvasa.motion.config import load_motion_config
from openvasa.motion.correction import WHOLE_FILE, Correction, Moment, Stage, apply_corrections
from openvasa.motion.motion import POSE_DIM
from openvasa.motion.schedule import ddim_sample
from openvasa.motion.settings import MotionSettings
from openvasa.motion.space import NETWORK_FILE, MotionSpace, motion_space

_GUIDED_EVERY = load_motion_config(NETWORK_FILE.with_suffix(".json")).sampling.guided_every
_AUDIO = -1
"""Stands for the audio among the conditions, which are otherwise numbers of `GROUPS`."""


@dataclass(frozen=True)
class WindowModel:
    """The shipped network of whole files.

    Attributes:
        network: see `train.motion_network.MotionNetwork.forward` for inputs and output.
        space: the normalised motion it generates.
    """

    network: Network
    space: MotionSpace

    def sample(
        self,
        noise: np.ndarray,
        context: np.ndarray,
        audio: np.ndarray,
        steering: tuple[np.ndarray, np.ndarray],
        settings: MotionSettings,
        corrections: tuple[Correction, ...] = WHOLE_FILE,
        hop: int = 0,
    ) -> np.ndarray:
        """Generate one window.

        Args:
            noise: (n, 6 + D) standard normal.
            context: (context, 6 + D) normalised motion before the window.
            audio: (context + n, feature_dim) speech features.
            steering: values (context + n, CONTROL_DIM) and known (3,), from `Controls.rows`.
            settings: guidance, steps and style.
            corrections: what is done to predictions and to the window.
            hop: frames that are kept of the window.

        Returns:
            (n, 6 + D) float32 normalised motion.
        """
        values, known = steering
        scales = _guidance(settings, known, noise.shape[1])
        rows = 1 + len(scales)
        has_audio, has_controls = np.ones(rows, np.float32), np.tile(known, (rows, 1))
        for row, condition in enumerate(scales, start=1):
            if condition == _AUDIO:
                has_audio[row] = 0
            else:
                has_controls[row, condition] = 0
        before = self.space.lead_context(context, values, known)
        moment = Moment(self.space, context, values[len(context) :], known, hop or len(noise))
        fixed = [np.stack([part] * rows) for part in (before, audio, settings.style, values)] + [
            np.ones(rows, np.float32),
            has_audio,
            np.ones(rows, np.float32),
            has_controls,
        ]

        guidance, steps = np.zeros_like(noise), 0

        def predict(noisy: np.ndarray, time: float) -> np.ndarray:
            nonlocal guidance, steps
            asked = 1 if steps % _GUIDED_EVERY else rows
            times = np.full(asked, time, np.float32)
            given = [part[:asked] for part in fixed]
            (clean,) = self.network(np.stack([noisy] * asked), times, *given)
            if asked == rows:
                guidance = np.zeros_like(noise)
                for row, scale in enumerate(scales.values(), start=1):
                    guidance += scale * (clean[0] - clean[row])
            steps += 1
            guided = clean[0] + guidance
            return apply_corrections(corrections, Stage.PREDICTION, guided, moment)

        window = ddim_sample(predict, noise, settings.steps)
        return apply_corrections(corrections, Stage.WINDOW, window, moment)


def _guidance(settings: MotionSettings, known: np.ndarray, size: int) -> dict[int, np.ndarray]:
    """Guidance scale (6 + D,) of each condition that is guided, controls by their group."""
    scales: dict[int, np.ndarray] = {}
    if settings.audio_guidance:
        # Speech says little about the head; extrapolating what it says would make it shake.
        scales[_AUDIO] = np.full(size, settings.audio_guidance, np.float32)
        scales[_AUDIO][:POSE_DIM] = 0
    for group, scale in ((0, settings.gaze_guidance), (2, settings.emotion_guidance)):
        if known[group] and scale:
            scales[group] = np.full(size, scale, np.float32)
    return scales


@lru_cache(maxsize=2)
def window_model(threads: int) -> WindowModel:
    """The shipped model, loaded once for each number of CPU threads."""
    return WindowModel(load_onnx(NETWORK_FILE, threads=threads, by_rows=True), motion_space())
