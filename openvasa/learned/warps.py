"""Warps of the appearance volume: rigid by the head pose, non-rigid by identity and dynamics.

A frame's volume becomes canonical by the source's warp, and the canonical volume becomes what a
frame shows by the driver's (MegaPortraits section 3.1, W_s and W_d). Each is a rigid part, known
from the head pose, and a flow that a small network makes of the codes. The canonical volume holds
the mean head's shape with the mean face's expression: flows have to move each tracked point between
its place on the person and its place on the mean head, which is what anchors them
(`openvasa.learned.losses.flow_anchor`).

The source's own colours take the same way (`carry_colours`): both warps in a row say, for each cell
of what a frame sees, where the source shows it. This is ours. A small volume carries a face but few
of its details.

Volumes are sampled in boxes: the canonical one `CENTRE ± HALF`, the one of a frame the whole
picture with `DEPTH` canonical units before and behind the head's origin.
"""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from openvasa.learned.blocks import Block, Norm
from openvasa.learned.config import LatentConfig
from openvasa.learned.pose import Pose

CENTRE, HALF = (0.0, 1.0, 1.5), (14.5, 14.5, 10.0)
"""Of the canonical box, canonical units; face, hair and neck lie in it."""
DEPTH = 12.0
START = 4
"""Cells of a flow in each direction before it is made finer."""


class FlowGenerator(nn.Module):
    """Identity and dynamics codes → a flow in the canonical box.

    As in MegaPortraits the codes become a small volume that 3D convolutions make finer; it is
    doubled three times, in depth twice.
    """

    def __init__(self, config: LatentConfig) -> None:
        super().__init__()
        widths = config.flow_widths
        self.first = nn.Linear(config.identity + config.dynamics, widths[0] * START**3)
        self.blocks = nn.ModuleList(Block(width, nn.Conv3d) for width in widths)
        self.finer = nn.ModuleList(nn.Conv3d(a, b, 1) for a, b in pairwise(widths))
        self.norm = Norm(widths[-1])
        self.last = nn.Conv3d(widths[-1], 3, 3, padding=1)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)  # pyright: ignore[reportArgumentType]

    def forward(self, identity: Tensor, dynamics: Tensor) -> Tensor:
        """(N, identity), (N, dynamics) → (N, 3, 16, 32, 32) float32 canonical units."""
        x = self.first(torch.cat([identity, dynamics], dim=1))
        x = self.blocks[0](x.view(-1, x.shape[1] // START**3, START, START, START))
        for step, (finer, block) in enumerate(zip(self.finer, self.blocks[1:], strict=True)):
            scale = (2.0, 2.0, 2.0) if step < 2 else (1.0, 2.0, 2.0)
            x = functional.interpolate(finer(x), scale_factor=scale, mode="nearest")
            x = block(x)
        return self.last(functional.silu(self.norm(x))).float()


def sample_volume(volume: Tensor, points: Tensor) -> Tensor:
    """Sample volumes over the canonical box.

    Args:
        volume: (N, C, D, H, W).
        points: (N, ..., 3) canonical points, three axes of them or one.

    Returns:
        (N, C, ...).
    """
    box = (points - points.new_tensor(CENTRE)) / points.new_tensor(HALF)
    return _sample(volume, box, "zeros")


def sample_flow(flow: Tensor, points: Tensor) -> Tensor:
    """(N, 3, D, H, W) flows at (N, ..., 3) canonical points → (N, ..., 3) canonical units."""
    box = (points - points.new_tensor(CENTRE)) / points.new_tensor(HALF)
    return _sample(flow, box, "border").movedim(1, -1)


def _sample(volume: Tensor, at: Tensor, padding: str) -> Tensor:
    shape = at.shape[1:-1]
    grid = at if at.ndim == 5 else at[:, None, None]
    # Coordinates need float32; with them, volumes in half precision become float32 too.
    sampled = functional.grid_sample(
        volume.float(), grid.float(), padding_mode=padding, align_corners=False
    )
    return sampled.reshape(*sampled.shape[:2], *shape)


def cell_centres(depth: int, grid: int, device: torch.device) -> Tensor:
    """(depth, grid, grid, 3): x, y and z of the cells of a box, −1 to 1."""
    across = (torch.arange(grid, device=device, dtype=torch.float32) + 0.5) * 2 / grid - 1
    inward = (torch.arange(depth, device=device, dtype=torch.float32) + 0.5) * 2 / depth - 1
    z, y, x = torch.meshgrid(inward, across, across, indexing="ij")
    return torch.stack([x, y, z], dim=-1)


def warp_to_canonical(volume: Tensor, pose: Pose, flow: Tensor) -> Tensor:
    """Source's warp: (N, C, D, G, G) volumes as frames see them → canonical, of the same shape."""
    n, _, depth, grid, _ = volume.shape
    cells = cell_centres(depth, grid, volume.device)
    points = cells * cells.new_tensor(HALF) + cells.new_tensor(CENTRE)
    seen = find_in_source(points.expand(n, *points.shape), pose, flow)
    return _sample(volume, seen / seen.new_tensor([1.0, 1.0, DEPTH]), "zeros")


def find_in_source(points: Tensor, pose: Pose, flow: Tensor) -> Tensor:
    """Canonical (N, D, H, W, 3) points → where a source shows them and how deep: `Pose.project`."""
    moved = points + sample_flow(flow, points)
    return pose.project(moved.flatten(1, 3)).view_as(moved)


def find_canonical(pose: Pose, flow: Tensor, depth: int, grid: int) -> Tensor:
    """Canonical points of all cells of what frames see: (N, depth, grid, grid, 3)."""
    cells = cell_centres(depth, grid, flow.device) * flow.new_tensor([1.0, 1.0, DEPTH])
    points = pose.unproject(cells.flatten(0, 2).expand(flow.shape[0], -1, 3))
    points = points.view(-1, depth, grid, grid, 3)
    return points + sample_flow(flow, points)


def carry_colours(source: Tensor, seen: Tensor) -> Tensor:
    """Colours of sources on the cells of what frames see, at the sources' resolution.

    Args:
        source: (N, 3, S, S).
        seen: (N, D, G, G, 3) where the sources show each cell: `find_in_source`.

    Returns:
        (N, 3, D, S, S): one picture for each depth at which a frame may see something.
    """
    depth, side = seen.shape[1], source.shape[-1]
    place = seen[..., :2].permute(0, 1, 4, 2, 3).flatten(0, 1)
    fine = functional.interpolate(place, size=(side, side), mode="bilinear")
    grid = fine.view(-1, depth, 2, side, side).permute(0, 1, 3, 4, 2).flatten(1, 2)
    carried = functional.grid_sample(source, grid, padding_mode="border", align_corners=False)
    return carried.view(-1, 3, depth, side, side)
