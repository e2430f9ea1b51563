"""Where the head is seen: there the still layer is hidden, and the picture comes from the volume.

A network that may take the head from the source's own pixels learns to copy before it learns to
warp, and stays there.
"""

from __future__ import annotations

import torch
from torch import Tensor

from openvasa.learned.pose import Pose

CENTRE = (0.0, -1.5, -1.0)
"""Middle of the head, canonical."""
RADIUS, EDGE = 8.0, 2.5
"""Of the head with its hair, and of the ring in which the region fades, canonical units."""


def head_region(poses: Pose, side: int) -> Tensor:
    """(N, 1, side, side) in 0–1: 1 on the head, 0 away from it."""
    device = poses.shift.device
    centre = torch.tensor(CENTRE, device=device).expand(1, 1, 3)
    middle = poses.project(centre)[:, 0, :2]
    across = (torch.arange(side, device=device, dtype=torch.float32) + 0.5) * 2 / side - 1
    x, y = across - middle[:, :1], across - middle[:, 1:]
    distance = (x.square()[:, None, :] + y.square()[:, :, None]).sqrt() / poses.size[:, None, None]
    return ((RADIUS + EDGE - distance) / EDGE).clamp(0, 1)[:, None]
