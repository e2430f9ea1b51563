"""One short window of live motion: the distilled network, from noise to motion in one evaluation.

`train.distil` taught it what the network of whole files makes of the same noise in several guided
steps. Speaking style is the same for a whole stream: what it does to the layers is computed once.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from openvasa.backend import Network, load_onnx
from openvasa.face.topology import ASSETS
from openvasa.motion.window import HOP_LID_NOISE, HOP_MOUTH_NOISE, MotionSpace, motion_space

HOP_NETWORK_FILE = ASSETS / "motion_live.onnx"
STYLE_NETWORK_FILE = ASSETS / "motion_live_style.onnx"
HOP_NORMALISER_FILE = ASSETS / "motion_live_normaliser.npz"

HOP_STYLE = np.array([0.3, 0.1, 0.3, 0.6], np.float32)
"""What is added to the speaking style (mouth, head, brows, gaze): who hears little of what comes
moves less, and so much more style gives whole files' lip speed, head and gaze back."""


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
    ) -> np.ndarray:
        """Generate one window.

        Args:
            noise: (n, 6 + D) standard normal.
            context: (context, 6 + D) normalised motion before the window.
            audio: (context + n, feature_dim) speech features.
            steering: values (context + n, CONTROL_DIM) and known (3,), from `Controls.rows`.
            modulations: from `modulations`.

        Returns:
            (n, 6 + D) float32 normalised motion.
        """
        values, known = steering
        before = self.space.led(context, values, known)
        window = [part[None] for part in (noise, before, audio, values, known)]
        clean = self.network(*window, modulations)[0][0]
        return self.space.steadied(self.space.limited(clean, values, known), context)


@lru_cache(maxsize=2)
def hop_model(threads: int) -> HopModel:
    """The shipped model, loaded once for each number of CPU threads."""
    return HopModel(
        load_onnx(HOP_NETWORK_FILE, threads=threads),
        load_onnx(STYLE_NETWORK_FILE, threads=threads),
        motion_space(HOP_NORMALISER_FILE, HOP_MOUTH_NOISE, HOP_LID_NOISE),
    )
