"""Decoder: what a frame shows of the canonical volume → picture.

The depth of the volume is read as channels (MegaPortraits section 3.1, G_2D) and 2D convolutions
make the picture. Three things are ours. The codes scale and shift the channels, so that teeth can
appear which the source does not show. The decoder says at which depth a surface is, and may take
the source's colours that both warps carried there (`openvasa.learned.warps.carry_colours`) in the
place of its own. Where it sees the background it lets the source's own pixels through.
"""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from openvasa.learned.blocks import Block, Norm
from openvasa.learned.config import LatentConfig
from openvasa.learned.points import mean_points
from openvasa.learned.warps import DEPTH, cell_centres


def surface_prior(depth: int) -> Tensor:
    """(depth,) logarithm of how likely a surface is in each layer of what a frame sees, but for a
    constant: Gaussian, by the depths of the tracked points on the mean head.

    Without it all layers count alike at first, and what is drawn is a mean of as many pictures.
    """
    points = torch.from_numpy(mean_points())[:, 2]
    layers = cell_centres(depth, 1, points.device)[:, 0, 0, 2] * DEPTH
    return -((layers - points.mean()) / points.std()).square() / 2


class Decoder(nn.Module):
    """G_2D."""

    def __init__(self, config: LatentConfig) -> None:
        super().__init__()
        widths = config.widths[::-1]
        seen = config.channels * config.depth + config.still
        code = config.identity + config.dynamics
        self.first = nn.Conv2d(seen, widths[0], 1)
        self.blocks = nn.ModuleList(Block(widths[0], nn.Conv2d, code) for _ in range(config.blocks))
        pairs = list(pairwise(widths))
        self.finer = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1) for a, b in pairs)
        self.finer_blocks = nn.ModuleList(Block(b, nn.Conv2d) for _, b in pairs)
        self.norm = Norm(widths[-1])
        # Colours; shares of the drawn and of the painted; how likely a surface is at each depth.
        self.last = nn.Conv2d(widths[-1], 5 + config.depth, 3, padding=1)
        assert self.last.bias is not None
        with torch.no_grad():
            self.last.bias[5:] = surface_prior(config.depth)

    def forward(
        self,
        volume: Tensor,
        still: Tensor,
        identity: Tensor,
        dynamics: Tensor,
        source: Tensor,
        carried: Tensor,
        hidden: Tensor,
    ) -> Tensor:
        """Draw frames.

        Args:
            volume: (N, C, D, G, G) as the frame sees it.
            still: (N, still, G, G) of the source.
            identity: (N, identity) of the source.
            dynamics: (N, dynamics) of the driver.
            source: (N, 3, S, S) in 0–1, whose background shows.
            carried: (N, 3, D, S, S) the source's colours at each depth.
            hidden: (N, 1, S, S) in 0–1, where neither the still layer nor the source may show.

        Returns:
            (N, 3, S, S) float32 in 0–1.
        """
        code = torch.cat([identity, dynamics], dim=1)
        small = functional.interpolate(hidden, size=still.shape[2:], mode="bilinear")
        still = still * (1 - small).to(still.dtype)
        x = self.first(torch.cat([volume.flatten(1, 2).to(still.dtype), still], dim=1))
        for block in self.blocks:
            x = block(x, code)
        for finer, block in zip(self.finer, self.finer_blocks, strict=True):
            x = functional.interpolate(x, scale_factor=2.0, mode="nearest")
            x = block(finer(x))
        told = self.last(functional.silu(self.norm(x))).float()
        colours, shown, painted = torch.sigmoid(told[:, :5]).split([3, 1, 1], dim=1)
        surface = (carried * told[:, None, 5:].softmax(dim=2)).sum(dim=2)
        drawn = painted * colours + (1 - painted) * surface
        share = hidden + (1 - hidden) * shown
        return share * drawn + (1 - share) * source
