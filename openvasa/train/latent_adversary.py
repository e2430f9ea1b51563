"""The adversary of the learned latent: critics of patches at two scales, hinge loss.

As in MegaPortraits and pix2pixHD (arXiv:1711.11585). Its gradient on the pictures is scaled to a
share of that of the other losses (Esser et al., arXiv:2012.09841).
"""

from __future__ import annotations

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

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


class LatentAdversary:
    """The critics and their optimiser.

    Args:
        device: where they learn.
        head_start: steps that they learn alone, and over which their influence then grows.
    """

    def __init__(self, device: str, head_start: int) -> None:
        self._device, self._head_start = device, max(1, head_start)
        self.critics = nn.ModuleList(PatchCritic() for _ in range(SCALES)).to(device)
        self._optimiser = torch.optim.Adam(self.critics.parameters(), RATE, BETAS)
        self.steps = 0

    @property
    def influence(self) -> float:
        """0–1, how much of its full influence it has by now."""
        return min(max(self.steps / self._head_start - 1, 0.0), 1.0)

    def state_dict(self) -> dict:
        """Everything needed to go on."""
        parts = {"critics": self.critics.state_dict(), "optimiser": self._optimiser.state_dict()}
        return {"steps": self.steps} | parts

    def load_state_dict(self, state: dict) -> None:
        """Go on from `state`."""
        self.steps = state["steps"]
        self.critics.load_state_dict(state["critics"])
        self._optimiser.load_state_dict(state["optimiser"])

    def term(self, loss: Tensor, drawn: Tensor, share: float) -> Tensor:
        """What to add to a loss so that the critics' gradient joins in, in a share of its size.

        Args:
            loss: that `drawn` has a gradient of.
            drawn: (N, 3, S, S) in 0–1.
            share: of the norm of the loss's gradient on `drawn`.
        """
        seen = drawn.detach().requires_grad_()
        doubt = -torch.stack([scores.mean() for scores in self._scores(seen)]).mean()
        gradient = torch.autograd.grad(doubt, seen)[0]
        size = torch.autograd.grad(loss, drawn, retain_graph=True)[0].norm()
        scale = share * self.influence * size / gradient.norm().clamp(min=1e-12)
        return (drawn * (scale * gradient)).sum()

    def learn(self, drawn: Tensor, real: Tensor) -> dict[str, Tensor]:
        """One step; the hinge loss (2 knows nothing) and the share of patches judged rightly."""
        losses, right = [], []
        for made, true in zip(self._scores(drawn), self._scores(real), strict=True):
            losses.append(functional.relu(1 + made).mean() + functional.relu(1 - true).mean())
            right += [(made < 0).float().mean(), (true > 0).float().mean()]
        loss = torch.stack(losses).mean()
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self._optimiser.step()
        self.steps += 1
        accuracy = torch.stack(right).mean().detach()
        return {"adversary": loss.detach(), "adversary accuracy": accuracy}

    def _scores(self, pictures: Tensor) -> list[Tensor]:
        scores = []
        for k, critic in enumerate(self.critics):
            small = functional.avg_pool2d(pictures, 2) if k else pictures
            with half_precision_on_gpu(self._device):
                scores.append(critic(small).float())
        return scores
