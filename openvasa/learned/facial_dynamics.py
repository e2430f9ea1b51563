"""Holistic facial dynamics code, z_dyn: lips, expression, gaze and blinks in one.

VASA-1 section 3.1 learns it without labels. Here it has an anchor as well: the tracked points of
the face in canonical space have to be a sum of what identity and dynamics say of them.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from openvasa.face.topology import (
    FACE_OVAL,
    INNER_LIPS,
    LEFT_BROW,
    LEFT_EYE,
    LEFT_IRIS,
    OUTER_LIPS,
    RIGHT_BROW,
    RIGHT_EYE,
    RIGHT_IRIS,
    RIGID,
    canonical_mesh,
    mirror_pairs,
)
from openvasa.learned.blocks import CodeEncoder
from openvasa.learned.config import LatentConfig

_CHOSEN = np.concatenate(
    [INNER_LIPS, OUTER_LIPS, RIGHT_EYE, LEFT_EYE, RIGHT_IRIS, LEFT_IRIS, RIGHT_BROW, LEFT_BROW]
    + [FACE_OVAL[::2], RIGID]
)
FEATURES = np.unique(np.concatenate([_CHOSEN, mirror_pairs()[_CHOSEN]]))
"""Numbers of the tracked points that anchor codes and warps: lips, lids, irises, brows, outline and
points of the skull."""


def mean_points() -> np.ndarray:
    """(K, 3) float32 canonical: `FEATURES` on the mean head.

    Google's mean head has no irises; they lie in the middle of the lids, at half an iris' width.
    """
    head = canonical_mesh()[0]
    points = np.zeros((478, 3), np.float32)
    points[: len(head)] = head
    limbus = 0.55 * np.array([[0, 0, 0], [1, 0, 0], [0, -1, 0], [-1, 0, 0], [0, 1, 0]])
    for iris, lids in ((RIGHT_IRIS, RIGHT_EYE), (LEFT_IRIS, LEFT_EYE)):
        points[iris] = head[lids].mean(axis=0) + limbus
    return points[FEATURES]


def mirror_order() -> np.ndarray:
    """(K,) int64: for each of `FEATURES` the place among them of its mirror image."""
    mirrored = mirror_pairs()[FEATURES]
    return np.searchsorted(FEATURES, mirrored)


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
