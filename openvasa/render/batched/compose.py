"""`openvasa.render.compose` for several frames at once, in torch.

Pictures hold whole numbers from 0 to 255 as float32, colours last.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import grid_sample, pad

from openvasa.render.compose import EDGE_JUMP, EXACT_REACH, STILL_REACH
from openvasa.render.cutout import SUBSAMPLES
from openvasa.render.ground import OwnBackground


@dataclass(frozen=True)
class Plates:
    """What `openvasa.render.ground.OwnBackground` holds, on a device.

    Attributes:
        plate, still_plate, residue: (H, W, 3) float32.
        margin: px of the cutout around the portrait.
        stated: px that one stated px is long.
    """

    plate: Tensor
    still_plate: Tensor
    residue: Tensor
    margin: int
    stated: float


def load_plates(ground: OwnBackground, device: torch.device) -> Plates:
    """The plates of a portrait, on a device."""
    plate, still_plate, residue = (
        torch.from_numpy(picture).to(device, torch.float32)
        for picture in (ground.plate, ground.still_plate, ground.residue)
    )
    return Plates(plate, still_plate, residue, ground.margin, ground.stated)


def sample(samples: Tensor, maps: Tensor) -> Tensor:
    """(B, H, W, 4) RGBA of the source at (B, H, W, 2) columns and rows; nothing beyond it.

    Args:
        samples: (4, h, w) float32.
        maps: px of `samples`.
    """
    size = maps.new_tensor(samples.shape[:0:-1])
    # All frames as one tall picture: the source is not copied for each.
    grid = (2 * maps / (size - 1) - 1).flatten(0, 1)[None]
    sampled = grid_sample(samples[None], grid, align_corners=True)[0]
    return sampled.permute(1, 2, 0).unflatten(0, maps.shape[:2]).round()


def lay_over(person: Tensor, other: Tensor, share: Tensor) -> Tensor:
    """A second view of the person over the first, (B, H, W, 4) both.

    Args:
        person, other: RGBA, not premultiplied.
        share: (B,) in 0–1, scales the second view's opacity.
    """
    weight = other[..., 3:] / 255 * share[:, None, None, None]
    below = (1 - weight) * person[..., 3:] / 255
    alpha = weight + below
    colours = (below * person[..., :3] + weight * other[..., :3]) / alpha.clamp(min=1e-6)
    mixed = torch.cat([colours, alpha * 255], dim=3).round()
    return torch.where(weight > 0, mixed, person)


def compose(person: Tensor, maps: Tensor, head_shift: Tensor, plates: Plates) -> Tensor:
    """(B, H, W, 3) frames: the person over the portrait's own background.

    Args:
        person: (B, H, W, 4) RGBA, not premultiplied.
        maps: (B, H, W, 2) column and row of the cutout's samples that each px shows.
        head_shift: (B,) px by which the head as a whole has moved.
        plates: the background.
    """
    height, width = maps.shape[1:3]
    here = torch.stack(
        torch.meshgrid(
            torch.arange(width, device=maps.device),
            torch.arange(height, device=maps.device),
            indexing="xy",
        ),
        dim=-1,
    )
    there = maps / SUBSAMPLES - plates.margin
    moved = ((there - here) ** 2).sum(dim=3, keepdim=True)
    still = 1 - moved / (STILL_REACH * plates.stated) ** 2
    exact = 1 - moved / (EXACT_REACH * plates.stated) ** 2
    head_still = (1 - (head_shift / (STILL_REACH * plates.stated)) ** 2).clamp(min=0)
    back = torch.maximum(still, head_still[:, None, None, None])
    behind = plates.plate + back * (plates.still_plate - plates.plate)
    alpha = person[..., 3:]
    mixed = behind + alpha / 255 * (person[..., :3] - behind)
    nearest = (there + 0.5).long()
    limit = nearest.new_tensor([width, height])
    on_portrait = ((there >= 0) & (nearest < limit)).all(dim=3, keepdim=True)
    column, row = nearest.clamp(min=0).minimum(limit - 1).unbind(dim=3)
    told = (exact > 0) & on_portrait & (alpha > 0)
    mixed = mixed + torch.where(told, exact * plates.residue[row, column], 0)
    return torch.where(alpha == 255, person[..., :3], (mixed + 0.5).clamp(0, 255).floor())


def soften_edges(frames: Tensor, person: Tensor, maps: Tensor) -> Tensor:
    """(B, H, W, C) frames, anti-aliased where a nearer surface ends in front of a farther one.

    Args:
        frames: (B, H, W, C).
        person: (B, H, W, 4) RGBA.
        maps: (B, H, W, 2) column and row that each px was sampled from.
    """
    across = (maps.diff(dim=2).abs() > float(EDGE_JUMP)).any(dim=3)
    below = (maps.diff(dim=1).abs() > float(EDGE_JUMP)).any(dim=3)
    jump = (across[:, 1:-1, 1:] | across[:, 1:-1, :-1]) | (below[:, 1:, 1:-1] | below[:, :-1, 1:-1])
    near = pad(person[..., 3] > 0, (1, 1, 1, 1))
    opaque = near[:, 1:-1, 1:-1].clone()
    for shifted in (near[:, 1:-1, :-2], near[:, 1:-1, 2:], near[:, :-2, 1:-1], near[:, 2:, 1:-1]):
        opaque |= shifted
    edge = jump & opaque[:, 1:-1, 1:-1]
    middle = frames[:, 1:-1, 1:-1]
    around = frames[:, 1:-1, :-2] + frames[:, 1:-1, 2:] + frames[:, :-2, 1:-1] + frames[:, 2:, 1:-1]
    softened = frames.clone()
    softened[:, 1:-1, 1:-1] = torch.where(
        edge[..., None], ((4 * middle + 4 + around) / 8).floor(), middle
    )
    return softened
