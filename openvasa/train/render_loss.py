"""What a refined crop's difference from the real one costs."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as functional
from torch import Tensor

from openvasa.train.precision import half_precision
from openvasa.train.render_data import Batch
from openvasa.train.render_network import FARTHEST, PerceptualFeatures

TONE_PX = 16
"""Side of the blocks of a crop whose brightness between lips or lids is to be right on average."""


@dataclass(frozen=True)
class PictureWeights:
    """How much each loss counts; the network behind a loss of weight 0 does not run."""

    pixel: float = 1.0
    """Of the absolute error."""
    structure: float = 0.3
    """Of the structural dissimilarity."""
    perceptual: float = 0.1
    """Of the distance of perceptual features."""
    temporal: float = 0.5
    """Of the error of the change within couples."""
    tone: float = 1.0
    """Of the error of the mean brightness between lips or lids."""
    restraint: float = 0.01
    """Of the size and roughness of what the network does."""
    focus: float = 1.0
    """How much more pixels inside lips or lids count than others."""


def picture_losses(refined: Tensor, batch: Batch, weights: PictureWeights) -> dict[str, Tensor]:
    """Absolute error, structural dissimilarity, error of the change within couples, error of the
    tone; all weighted.

    Between lips details seldom lie where they lay in the real frame. The absolute error is then
    least in a dark hole; the tone's squared error of block means asks for the mean.
    """
    opening = functional.interpolate(batch.geometry[:, 2:3], scale_factor=2)
    blocks = functional.avg_pool2d(opening * (refined - batch.target), TONE_PX)
    inner = functional.interpolate(batch.geometry[:, 2:].amax(dim=1, keepdim=True), scale_factor=2)
    inner = functional.max_pool2d(inner, 9, stride=1, padding=4)
    weight = 1 + weights.focus * inner
    weight = weight / weight.mean()
    error = (refined - batch.target).abs()
    unlike = 1 - structural_similarity(refined, batch.target)
    step = (refined[1::2] - refined[::2]) - (batch.target[1::2] - batch.target[::2])
    return {
        "pixel": weights.pixel * (weight * error).mean(),
        "structure": weights.structure * unlike,
        "temporal": weights.temporal * (weight[::2] * step.abs()).mean(),
        "tone": weights.tone * blocks.square().mean() / opening.mean().clamp(min=0.01),
    }


def structural_similarity(pictures: Tensor, real: Tensor) -> Tensor:
    """Mean structural similarity of the brightness of (N, 3, S, S) pictures in 0-1 (Wang et al.,
    TIP 13(4), 2004), in windows of 11 px with a standard deviation of 1.5."""
    tint = torch.tensor([0.299, 0.587, 0.114], device=real.device).view(1, 3, 1, 1)
    bell = torch.exp(-torch.square(torch.arange(11, device=real.device) - 5.0) / (2 * 1.5**2))
    bell = bell / bell.sum()
    a, b = ((tint * p).sum(dim=1, keepdim=True) for p in (pictures, real))
    stack = torch.cat([a, b, a * a, b * b, a * b], dim=1)
    stack = functional.conv2d(stack, bell.view(1, 1, 1, 11).expand(5, 1, 1, 11), groups=5)
    stack = functional.conv2d(stack, bell.view(1, 1, 11, 1).expand(5, 1, 11, 1), groups=5)
    mean_a, mean_b, square_a, square_b, product = stack.unbind(dim=1)
    var_a, var_b = square_a - mean_a**2, square_b - mean_b**2
    value = (2 * mean_a * mean_b + 0.01**2) * (2 * (product - mean_a * mean_b) + 0.03**2)
    return (value / ((mean_a**2 + mean_b**2 + 0.01**2) * (var_a + var_b + 0.03**2))).mean()


def perceptual_distance(
    refined: Tensor, batch: Batch, features: PerceptualFeatures, device: str
) -> Tensor:
    """Distance of perceptual features around what lips or lids enclose."""
    # One frame of each couple: the other hardly differs.
    window = _window(batch.geometry[::2, 2], refined.shape[-1])
    with half_precision(device):
        seen = features(_cut(refined[::2], window))
        with torch.no_grad():
            wanted = features(_cut(batch.target[::2], window))
    return _feature_distance(seen, wanted)


def _window(inner: Tensor, side: int) -> list[tuple[int, int]]:
    """Top left corners of 64 px windows around what the inner loops enclose, jittered."""
    size = min(64, side)
    corners = []
    for loop in inner:
        at = loop.nonzero().float()
        centre = 2 * at.mean(dim=0) if len(at) else torch.full((2,), side / 2)
        corner = (centre.cpu() - size / 2 + 16 * (torch.rand(2) - 0.5)).round().int()
        top, left = corner.clamp(0, side - size).tolist()
        corners.append((top, left))
    return corners


def _cut(pictures: Tensor, corners: list[tuple[int, int]]) -> Tensor:
    size = min(64, pictures.shape[-1])
    parts = [
        picture[:, top : top + size, left : left + size]
        for picture, (top, left) in zip(pictures, corners, strict=True)
    ]
    return torch.stack(parts).contiguous(memory_format=torch.channels_last)


def _feature_distance(seen: list[Tensor], wanted: list[Tensor]) -> Tensor:
    """Mean absolute difference of features, each layer relative to its own size."""
    distances = [
        (a.float() - b.float()).abs().mean() / (b.float().abs().mean() + 1e-6)
        for a, b in zip(seen, wanted, strict=True)
    ]
    return torch.stack(distances).mean()


def measure_fields(bend: Tensor, shade: Tensor) -> Tensor:
    """Size of the shading plus roughness of both fields: mean difference of neighbouring cells."""
    parts = [f.diff(dim=axis).abs().mean() for f in (bend / FARTHEST, shade) for axis in (2, 3)]
    return shade.abs().mean() + torch.stack(parts).sum()
