"""Holistic facial dynamics code, z_dyn: lips, expression, gaze and blinks in one.

VASA-1 section 3.1 learns it without labels. Here it has an anchor as well: the tracked points of
the face in canonical space have to be a sum of what identity and dynamics say of them.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from openvasa.learned.blocks import CodeEncoder
from openvasa.learned.config import LatentConfig
from openvasa.learned.points import FEATURES, mean_points


class DynamicsEncoder(nn.Module):
    """E_dyn."""

    def __init__(self, config: LatentConfig) -> None:
        super().__init__()
        self.encoder = CodeEncoder(config.crop, config.code_widths, config.dynamics)

    def forward(self, crops: Tensor) -> Tensor:
        """(N, 3, crop, crop) upright faces in 0–1 → (N, dynamics)."""
        return self.encoder(crops)


class PointHead(nn.Module):
    """Identity and dynamics codes → tracked points in canonical space, a part of each code."""

    mean: Tensor

    def __init__(self, config: LatentConfig) -> None:
        super().__init__()
        numbers = 3 * len(FEATURES)
        self.of_identity = nn.Linear(config.identity, numbers)
        self.of_dynamics = nn.Linear(config.dynamics, numbers)
        self.register_buffer("mean", torch.from_numpy(mean_points()), persistent=False)

    def forward(self, identity: Tensor, dynamics: Tensor) -> Tensor:
        """(N, identity), (N, dynamics) → (N, K, 3) canonical places of `FEATURES`."""
        change = self.of_identity(identity) + self.of_dynamics(dynamics)
        return self.mean + change.float().view(len(change), -1, 3)
