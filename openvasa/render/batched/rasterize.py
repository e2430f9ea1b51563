"""`openvasa.render.rasterize` for several frames at once, in torch.

Triangles are taken apart into their rows and rows into their px. The nearest px of each place is
found by a minimum that may be taken in any order, so that the result is always the same.
"""

from __future__ import annotations

import torch
from torch import Tensor

from openvasa.render.rasterize import UNCOVERED

SLACK = 1e-3
"""Px by which neighbouring triangles overlap, so that rounding leaves no gaps between them."""


def rasterize(corners: Tensor, sources: Tensor, triangles: Tensor, size: tuple[int, int]) -> Tensor:
    """Map each px of the frames to the px of the source picture that it shows.

    Args:
        corners: (B, V, 3) float32 px of the frames; z away from the camera.
        sources: (V, 2) float32 px of the source picture.
        triangles: (T, 3) int64.
        size: width and height of a frame.

    Returns:
        (B, H, W, 2) float32 column and row, `UNCOVERED` where there is no triangle.
    """
    width, height = size
    batch = len(corners)
    at = corners[:, triangles].flatten(0, 1)
    picture = torch.arange(batch, device=corners.device).repeat_interleave(len(triangles))
    there = sources[triangles].repeat(batch, 1, 1)
    whole = area_of(at).abs() >= 1e-6
    at, picture, there = at[whole], picture[whole], there[whole]
    start, first, second = at[:, 0], *barycentric(at)
    shown = torch.cat([at[..., 2:], there], dim=2)
    across = (shown[:, 1:2] - shown[:, :1]).squeeze(1)
    down = (shown[:, 2:] - shown[:, :1]).squeeze(1)
    # (N, z u v, x y): how depth and source change from px to px.
    slopes = across[..., None] * first[:, None] + down[..., None] * second[:, None]

    low, high = at[..., 1].min(dim=1).values, at[..., 1].max(dim=1).values
    owner, y = spread(low, high, height)
    dy = y - start[owner, 1]
    left, right = spans(first[owner], second[owner], dy)
    row, x = spread(left + start[owner, 0], right + start[owner, 0], width)
    owner, y, dy = owner[row], y[row], dy[row]
    dx = x - start[owner, 0]
    place = (picture[owner] * height + y) * width + x
    depth = shown[owner, 0, 0] + slopes[owner, 0, 1] * dy + slopes[owner, 0, 0] * dx

    px = batch * height * width
    nearest = depth.new_full((px,), torch.inf).scatter_reduce(0, place, depth, "amin")
    visible = depth == nearest[place]
    owner, place, dx, dy = owner[visible], place[visible], dx[visible], dy[visible]
    # Of two that are equally near, the first triangle is shown.
    winner = owner.new_full((px,), len(at)).scatter_reduce(0, place, owner, "amin")
    won = owner == winner[place]
    owner, place, dx, dy = owner[won], place[won], dx[won, None], dy[won, None]
    maps = corners.new_full((px, 2), float(UNCOVERED))
    base = shown[owner, 0, 1:] + slopes[owner, 1:, 1] * dy
    maps[place] = base + slopes[owner, 1:, 0] * dx
    return maps.view(batch, height, width, 2)


def area_of(at: Tensor) -> Tensor:
    """(N,) twice the signed area of (N, 3, ...) triangles in the plane of x and y."""
    b, c = at[:, 1, :2] - at[:, 0, :2], at[:, 2, :2] - at[:, 0, :2]
    return b[:, 0] * c[:, 1] - b[:, 1] * c[:, 0]


def barycentric(at: Tensor) -> tuple[Tensor, Tensor]:
    """How the weights of the second and the third corner change along x and y, (N, 2) each."""
    b, c = at[:, 1, :2] - at[:, 0, :2], at[:, 2, :2] - at[:, 0, :2]
    inverse = 1 / area_of(at)[:, None]
    return (
        torch.stack([c[:, 1], -c[:, 0]], dim=1) * inverse,
        torch.stack([-b[:, 1], b[:, 0]], dim=1) * inverse,
    )


def spread(low: Tensor, high: Tensor, limit: int) -> tuple[Tensor, Tensor]:
    """Every whole number within (N,) ranges and 0 … `limit` − 1.

    Returns:
        (M,) int64 the range that each belongs to, and (M,) int64 the numbers.
    """
    first = torch.ceil(low - SLACK).clamp(0, limit).long()
    last = torch.floor(high + SLACK).clamp(-1, limit - 1).long()
    counts = (last - first + 1).clamp(min=0)
    owner = torch.repeat_interleave(counts)
    before = counts.cumsum(0) - counts
    return owner, first[owner] + torch.arange(len(owner), device=low.device) - before[owner]


def spans(first: Tensor, second: Tensor, dy: Tensor) -> tuple[Tensor, Tensor]:
    """Where rows of triangles begin and end, px from the first corner.

    Args:
        first, second: (N, 2) as `barycentric` gives them for the row's triangle.
        dy: (N,) px from the first corner down to the row.
    """
    weights = torch.stack([first, second, -first - second], dim=1)
    slope, offset = weights[..., 0], weights[..., 1] * dy[:, None]
    offset[:, 2] += 1
    # Where no edge is crossed, a row lies inside all of it or outside.
    crossing = -offset / torch.where(slope.abs() > 1e-9, slope, 1.0)
    low = torch.where(slope > 1e-9, crossing, -torch.inf).amax(dim=1)
    high = torch.where(slope < -1e-9, crossing, torch.inf)
    outside = (slope.abs() <= 1e-9) & (offset < 0)
    return low, torch.where(outside, -torch.inf, high).amin(dim=1)
