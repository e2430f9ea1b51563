"""The adversary of the learned latent: critics of patches at two scales, hinge loss.

As in MegaPortraits and pix2pixHD (arXiv:1711.11585).
"""

from __future__ import annotations

import torch.nn.functional as functional
from torch import Tensor, nn

from openvasa.train.adversary import Adversary
from openvasa.train.precision import half_precision_on_gpu

WIDTHS = (48, 96, 192)
RATE, BETAS = 4e-4, (0.5, 0.99)
SLOPE = 0.2
SCALES = 2


class PatchCritic(nn.Module):
    """Picture → a score for every patch, the higher the more real."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = 3
        for width in WIDTHS:
            layers += [
                nn.utils.parametrizations.spectral_norm(
                    nn.Conv2d(before, width, 4, stride=2, padding=1)
                ),
                nn.LeakyReLU(SLOPE),
            ]
            before = width
        layers.append(nn.Conv2d(before, 1, 3, padding=1))
        self.layers = nn.Sequential(*layers)

    def forward(self, picture: Tensor) -> Tensor:
        """(N, 3, S, S) in 0–1 → (N, 1, S/8, S/8)."""
        return self.layers(2 * picture - 1)


class LatentAdversary(Adversary):
    """Judges pictures alone.

    Args:
        device: where it learns.
        head_start: steps that it learns alone, and over which its influence then grows.
    """

    def __init__(self, device: str, head_start: int) -> None:
        critics = nn.ModuleList(PatchCritic() for _ in range(SCALES)).to(device)
        super().__init__(critics, RATE, BETAS)
        self._device, self._head_start = device, max(1, head_start)

    @property
    def influence(self) -> float:
        """0–1, how much of its full influence it has by now."""
        return min(max(self.steps / self._head_start - 1, 0.0), 1.0)

    def scores(self, pictures: Tensor, *given: Tensor) -> list[Tensor]:
        """As `Adversary.scores`."""
        scores = []
        for k, critic in enumerate(self.critics):
            small = functional.avg_pool2d(pictures, 2) if k else pictures
            with half_precision_on_gpu(self._device):
                scores.append(critic(small).float())
        return scores
