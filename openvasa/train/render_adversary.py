"""The adversary of the refinement: it learns to tell refined crops from real ones.

Two critics of one kind judge overlapping patches, one the crop at half its resolution, the other at
a quarter (multi-scale patches as in pix2pixHD, arXiv:1711.11585), with the hinge loss. They see the
geometry, too: whether a mouth is lit as mouths are depends on how far it is open. They see nothing
finer: what the refinement can change is a cell of 4 px, and finer grain would give away what it
cannot change. Spectral normalisation, which usually steadies critics, left these at chance after
500 steps: the pictures hardly differ.
"""

from __future__ import annotations

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from openvasa.render.regions import GEOMETRY_CHANNELS
from openvasa.train.adversary import Adversary
from openvasa.train.precision import half_precision

WIDTHS = (32, 64, 96)
SCALES = 2
RATE, BETAS = 1e-3, (0.5, 0.99)
SLOPE = 0.2

HEAD_START, WARM_UP = 600, 400
"""Steps that the critics learn before they have any influence, and over which it grows: what they
judge at first is noise."""


class PatchCritic(nn.Module):
    """Crop and geometry → a score for every patch of 18 px, the higher the more real."""

    def __init__(self) -> None:
        super().__init__()
        fine, middle, coarse = WIDTHS
        layers = (
            nn.Conv2d(3 + GEOMETRY_CHANNELS, fine, 4, stride=2, padding=1),
            nn.Conv2d(fine, middle, 4, stride=2, padding=1),
            nn.Conv2d(middle, coarse, 3, padding=1),
            nn.Conv2d(coarse, 1, 1),
        )
        self.layers = nn.ModuleList(layers)

    def forward(self, picture: Tensor, geometry: Tensor) -> Tensor:
        """(N, 3, S, S) in 0–1 and (N, GEOMETRY_CHANNELS, S, S) → (N, 1, S/4, S/4)."""
        x = torch.cat([2 * picture - 1, geometry], dim=1)
        for layer in self.layers[:-1]:
            x = functional.leaky_relu(layer(x), SLOPE)
        return self.layers[-1](x)


class RenderAdversary(Adversary):
    """Judges crops beside their (N, GEOMETRY_CHANNELS, S, S) geometry."""

    def __init__(self, device: str) -> None:
        critics = nn.ModuleList(PatchCritic() for _ in range(SCALES)).to(device)
        super().__init__(critics, RATE, BETAS)
        self._device = device

    @property
    def influence(self) -> float:
        """0-1, how much of its full influence it has by now."""
        return min(max((self.steps - HEAD_START) / WARM_UP, 0.0), 1.0)

    def scores(self, pictures: Tensor, *given: Tensor) -> list[Tensor]:
        """As `Adversary.scores`; given is the geometry."""
        (geometry,), scores = given, []
        for k, critic in enumerate(self.critics):
            pictures = functional.avg_pool2d(pictures, 2)
            geometry = functional.avg_pool2d(geometry, 2) if k else geometry
            with half_precision(self._device):
                scores.append(critic(pictures, geometry).float())
        return scores
