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


class Adversary:
    """The critics and their optimiser."""

    def __init__(self, device: str) -> None:
        self._device = device
        self.critics = nn.ModuleList(PatchCritic() for _ in range(SCALES)).to(device)
        self._optimiser = torch.optim.Adam(self.critics.parameters(), RATE, BETAS)
        self.steps = 0

    @property
    def influence(self) -> float:
        """0-1, how much of its full influence it has by now."""
        return min(max((self.steps - HEAD_START) / WARM_UP, 0.0), 1.0)

    def state_dict(self) -> dict:
        """Everything needed to go on."""
        parts = {"critics": self.critics.state_dict(), "optimiser": self._optimiser.state_dict()}
        return {"steps": self.steps} | parts

    def load_state_dict(self, state: dict) -> None:
        """Go on from `state`."""
        self.steps = state["steps"]
        self.critics.load_state_dict(state["critics"])
        self._optimiser.load_state_dict(state["optimiser"])

    def find_gradient(self, pictures: Tensor, geometry: Tensor) -> Tensor:
        """Which way (N, 3, S, S) pictures have to change to seem less real, of the same shape."""
        seen = pictures.detach().requires_grad_()
        doubt = -torch.stack([scores.mean() for scores in self._scores(seen, geometry)]).mean()
        return torch.autograd.grad(doubt, seen)[0]

    def learn(self, pictures: Tensor, real: Tensor, geometry: Tensor) -> dict[str, float]:
        """One step; returns the hinge loss (2 knows nothing, 0 is never wrong) and the share of
        patches that were judged rightly."""
        losses, right = [], []
        shown = zip(self._scores(pictures, geometry), self._scores(real, geometry), strict=True)
        for made, true in shown:
            losses.append(functional.relu(1 + made).mean() + functional.relu(1 - true).mean())
            right += [(made < 0).float().mean(), (true > 0).float().mean()]
        loss = torch.stack(losses).mean()
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self._optimiser.step()
        self.steps += 1
        return {"adversary": loss.item(), "adversary accuracy": torch.stack(right).mean().item()}

    def _scores(self, pictures: Tensor, geometry: Tensor) -> list[Tensor]:
        scores = []
        for k, critic in enumerate(self.critics):
            pictures = functional.avg_pool2d(pictures, 2)
            geometry = functional.avg_pool2d(geometry, 2) if k else geometry
            with half_precision(self._device):
                scores.append(critic(pictures, geometry).float())
        return scores
