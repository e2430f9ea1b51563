"""The network that finds what is in front of a face: a small U-Net with residual blocks.

It looks at the whole square of `openvasa.face.occluders` once a portrait, so that it need not be
quick; it is kept small (2 million weights) because it ships with the package.
"""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from openvasa.face.occluders import Occluder

WIDTHS = (16, 32, 64, 112, 144, 144)
"""Channels at the full resolution, at a half, and so on."""
BLOCKS = (0, 1, 1, 2, 1, 1)
"""Residual blocks at each resolution on the way down."""


class _Block(nn.Module):
    """Two convolutions beside an identity path."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first, self.second = _convolution(width, width), _convolution(width, width)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(x + self.second(functional.relu(self.first(x))))


def _convolution(inner: int, outer: int, step: int = 1, reach: int = 3) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inner, outer, reach, stride=step, padding=reach // 2, bias=False),
        nn.BatchNorm2d(outer),
    )


class OccluderNetwork(nn.Module):
    """(N, 3, S, S) pictures in −1–1 → (N, classes, S, S) logits."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = _convolution(3, WIDTHS[0])
        self.down = nn.ModuleList(
            nn.Sequential(
                _convolution(finer, coarser, step=2),
                nn.ReLU(),
                *(_Block(coarser) for _ in range(blocks)),
            )
            for finer, coarser, blocks in zip(WIDTHS, WIDTHS[1:], BLOCKS[1:], strict=False)
        )
        self.narrow = nn.ModuleList(
            _convolution(coarser, finer, reach=1) for finer, coarser in pairwise(WIDTHS)
        )
        self.mix = nn.ModuleList(_convolution(width, width) for width in WIDTHS[:-1])
        self.head = nn.Conv2d(WIDTHS[0], len(Occluder), 1)

    def forward(self, pictures: Tensor) -> Tensor:
        x = functional.relu(self.stem(pictures))
        finer = []
        for down in self.down:
            finer.append(x)
            x = down(x)
        for skip, narrow, mix in list(zip(finer, self.narrow, self.mix, strict=True))[::-1]:
            x = functional.interpolate(narrow(x), scale_factor=2.0, mode="nearest")
            x = functional.relu(x + skip)
            x = functional.relu(x + mix(x))
        return self.head(x)


def as_input(pictures: Tensor) -> Tensor:
    """(N, S, S, 3) uint8 → what the network takes."""
    return pictures.permute(0, 3, 1, 2).float() / 127.5 - 1


class OnPictures(nn.Module):
    """The network as it ships: (N, S, S, 3) uint8 → (N, classes, S, S) float32 probabilities."""

    def __init__(self, network: OccluderNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, pictures: Tensor) -> Tensor:
        return torch.softmax(self.network(as_input(pictures)), dim=1)
