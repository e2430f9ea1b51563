"""Head pose, z_pose: a rotation, a place in the picture and a size; and its encoder.

Coordinates of pictures run from −1 to 1 in x (right) and y (down). Canonical space is that of
`openvasa.face.canonical`: head-fixed, x right, y down, z away from the camera.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from openvasa.learned.blocks import CodeEncoder

POSE_SIDE = 64
"""Px of the frame that the encoder looks at."""
POSE_WIDTHS = (24, 32, 48, 64)
NUMBERS = 9
"""The first two columns of the rotation (Zhou et al., arXiv:1812.07035), shift, log of the size."""


@dataclass(frozen=True)
class Pose:
    """Head poses of N frames: canonical point p is seen at `size * (R p)[:2] + shift`.

    Attributes:
        rotation: (N, 3, 3) head to camera.
        shift: (N, 2) where the head's origin is seen.
        size: (N,) half sides of the picture per canonical unit.
    """

    rotation: Tensor
    shift: Tensor
    size: Tensor

    def pick(self, rows: Tensor | slice) -> Pose:
        """The poses of some rows."""
        return Pose(self.rotation[rows], self.shift[rows], self.size[rows])

    def turned_as(self, other: Pose) -> Pose:
        """The rotations of `other` at one's own places and sizes."""
        return Pose(other.rotation, self.shift, self.size)

    def project(self, points: Tensor) -> Tensor:
        """(N, K, 3) canonical points → (N, K, 3): place seen, depth in canonical units."""
        turned = _turn(points, self.rotation)
        seen = turned[..., :2] * self.size[:, None, None] + self.shift[:, None]
        return torch.cat([seen, turned[..., 2:]], dim=-1)

    def unproject(self, seen: Tensor) -> Tensor:
        """Undo `project`."""
        flat = (seen[..., :2] - self.shift[:, None]) / self.size[:, None, None]
        return _turn(torch.cat([flat, seen[..., 2:]], dim=-1), self.rotation.transpose(1, 2))

    def numbers(self) -> Tensor:
        """(N, NUMBERS), what the encoder predicts."""
        columns = self.rotation[:, :, :2].transpose(1, 2).flatten(1)
        return torch.cat([columns, self.shift, self.size.log()[:, None]], dim=1)


def _turn(points: Tensor, rotation: Tensor) -> Tensor:
    # Autocast would give a matrix product three digits, too few for places.
    columns = rotation[:, None].unbind(dim=-1)
    x, y, z = (points[..., k : k + 1] * column for k, column in enumerate(columns))
    return x + y + z


def join_poses(poses: list[Pose]) -> Pose:
    """All poses as one batch."""
    return Pose(
        torch.cat([pose.rotation for pose in poses]),
        torch.cat([pose.shift for pose in poses]),
        torch.cat([pose.size for pose in poses]),
    )


class PoseEncoder(nn.Module):
    """Frame → head pose."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = CodeEncoder(POSE_SIDE, POSE_WIDTHS, NUMBERS)

    def forward(self, frames: Tensor) -> Tensor:
        """(N, 3, S, S) in 0–1 → (N, NUMBERS), as of `Pose.numbers`."""
        small = functional.interpolate(
            frames, size=(POSE_SIDE, POSE_SIDE), mode="bilinear", antialias=frames.shape[-1] > 64
        )
        return self.encoder(small)
