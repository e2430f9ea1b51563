"""Appearance: frame → a 3D volume of features as the frame sees it, and a still layer.

VASA-1 section 3.1 takes the volume from MegaPortraits' E_app: 2D convolutions whose channels at the
last resolution are read as depth × features. The still layer is ours: 2D features that stay where
they are, since the background of a talking head does not move with it.
"""

from __future__ import annotations

import torch.nn.functional as functional
from torch import Tensor, nn

from openvasa.learned.blocks import Block, Norm
from openvasa.learned.config import LatentConfig


class AppearanceEncoder(nn.Module):
    """E_app."""

    def __init__(self, config: LatentConfig) -> None:
        super().__init__()
        self.config = config
        layers: list[nn.Module] = [nn.Conv2d(3, config.widths[0], 5, padding=2)]
        for before, width in zip(config.widths, config.widths[1:], strict=False):
            layers += [
                Block(before, nn.Conv2d),
                nn.Conv2d(before, width, 4, stride=2, padding=1),
            ]
        last = config.widths[-1]
        layers += [Block(last, nn.Conv2d) for _ in range(config.blocks)]
        self.layers = nn.Sequential(*layers)
        self.norm = Norm(last)
        self.to_volume = nn.Conv2d(last, config.channels * config.depth, 1)
        self.to_still = nn.Conv2d(last, config.still, 1)

    def forward(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """(N, 3, S, S) in 0–1 → volumes (N, C, D, G, G), still layers (N, still, G, G)."""
        features = functional.silu(self.norm(self.layers(2 * frames - 1)))
        c = self.config
        volume = self.to_volume(features).unflatten(1, (c.channels, c.depth))
        return volume, self.to_still(features)
