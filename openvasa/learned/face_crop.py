"""The face upright and of one size, cut from a frame by its head pose.

The codes of identity and of dynamics are read from it: place, size and roll of the head cannot leak
into them.
"""

from __future__ import annotations

import torch
import torch.nn.functional as functional
from torch import Tensor

from openvasa.learned.pose import Pose

CENTRE = (0.0, 0.5, -4.0)
"""Canonical point in the middle of the crop."""
HALF = 10.5
"""Half the side of the crop, canonical units."""


def crop_faces(frames: Tensor, poses: Pose, side: int) -> Tensor:
    """(N, 3, S, S) frames → (N, 3, side, side); beyond the frame its edge goes on."""
    centre = torch.tensor(CENTRE, device=frames.device).expand(len(frames), 1, 3)
    middle = poses.project(centre)[:, 0, :2]
    down = poses.rotation[:, :2, 1]
    down = functional.normalize(down, dim=1) * (HALF * poses.size)[:, None]
    right = torch.stack([down[:, 1], -down[:, 0]], dim=1)
    across = (torch.arange(side, device=frames.device, dtype=torch.float32) + 0.5) * 2 / side - 1
    # Without a matrix product, to which autocast would give three digits.
    x, y = across[None, None, :, None], across[None, :, None, None]
    grid = middle[:, None, None] + x * right[:, None, None] + y * down[:, None, None]
    return functional.grid_sample(frames, grid, padding_mode="border", align_corners=False)
