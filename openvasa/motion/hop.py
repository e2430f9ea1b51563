"""One short window of live motion: the distilled network, from noise to motion in one evaluation.

`train.distil` taught it what the network of whole files makes of the same noise in several guided
steps. Speaking style is the same for a whole stream: what it does to the layers is computed once.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from openvasa.assets import ASSETS
from openvasa.backend import Network, load_onnx
from openvasa.motion.config import load_motion_config
from openvasa.motion.correction import LIVE, Correction, Moment, Stage, apply_corrections
from openvasa.motion.space import (
    HOP_NETWORK_FILE,
    HOP_NORMALISER_FILE,
    MotionSpace,
    motion_space,
)

STYLE_NETWORK_FILE = ASSETS / "motion_live_style.onnx"

HOP_STYLE = np.array(load_motion_config(HOP_NETWORK_FILE.with_suffix(".json")).sampling.style_shift)
"""(4,) added to the speaking style (mouth, head, brows, gaze): who hears little of what comes moves
less."""


@dataclass(frozen=True)
class HopModel:
    """The shipped network of live streams.

    Attributes:
        network: noisy, context, audio, controls, has_controls and modulations → clean; shapes as in
            `train.motion_network.MotionNetwork.denoise`, one window at a time.
        style_network: (1, 4) speaking style → (1, layers, 6 width) modulations.
        space: the normalised motion it generates.
    """

    network: Network
    style_network: Network
    space: MotionSpace

    def modulations(self, style: np.ndarray) -> np.ndarray:
        """What a speaking style, (4,) as in `MotionSettings.style`, does to the layers."""
        return self.style_network((style + HOP_STYLE)[None].astype(np.float32))[0]

    def sample(
        self,
        noise: np.ndarray,
        context: np.ndarray,
        audio: np.ndarray,
        steering: tuple[np.ndarray, np.ndarray],
        modulations: np.ndarray,
        corrections: tuple[Correction, ...] = LIVE,
        hop: int = 0,
    ) -> np.ndarray:
        """Generate one window.

        Args:
            noise: (n, 6 + D) standard normal.
            context: (context, 6 + D) normalised motion before the window.
            audio: (context + n, feature_dim) speech features.
            steering: values (context + n, CONTROL_DIM) and known (3,), from `Controls.rows`.
            modulations: from `modulations`.
            corrections: what is done to the prediction and to the window.
            hop: frames that are kept of the window.

        Returns:
            (n, 6 + D) float32 normalised motion.
        """
        values, known = steering
        before = self.space.lead_context(context, values, known)
        window = [part[None] for part in (noise, before, audio, values, known)]
        clean = self.network(*window, modulations)[0][0]
        moment = Moment(self.space, context, values[len(context) :], known, hop or len(noise))
        clean = apply_corrections(corrections, Stage.PREDICTION, clean, moment)
        return apply_corrections(corrections, Stage.WINDOW, clean, moment)


@lru_cache(maxsize=2)
def hop_model(threads: int) -> HopModel:
    """The shipped model, loaded once for each number of CPU threads."""
    return HopModel(
        load_onnx(HOP_NETWORK_FILE, threads=threads),
        load_onnx(STYLE_NETWORK_FILE, threads=threads),
        motion_space(HOP_NORMALISER_FILE),
    )
