"""Small configurations and poses of the learned latent, which its tests share."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from openvasa.learned.config import CONFIGS, LatentConfig
from openvasa.learned.pose import Pose


def smallest(name: str) -> LatentConfig:
    """A configuration with all its parts, as small as they can be."""
    config = CONFIGS[name]
    halvings = len(config.widths) - 1
    return replace(
        config,
        side=8 * 2**halvings,
        grid=8,
        depth=4,
        channels=8,
        widths=(8,) * (halvings + 1),
        still=8,
        identity=16,
        dynamics=12,
        crop=32,
        code_widths=(8, 8, 8),
        flow_widths=(8, 8),
        blocks=1,
        volume_blocks=1,
        small_batch=2,
    )


def turned(degrees: float, rows: int = 1) -> Pose:
    """Heads turned to the side, in the middle of the frame."""
    angle = np.radians(degrees)
    c, s = float(np.cos(angle)), float(np.sin(angle))
    rotation = torch.tensor([[c, 0, s], [0, 1, 0], [-s, 0, c]]).repeat(rows, 1, 1)
    return Pose(rotation, torch.zeros(rows, 2), torch.full((rows,), 0.06))
