"""Critics that learn to tell made pictures from real ones, by the hinge loss.

Their gradient on the pictures is scaled to a share of that of the other losses (Esser et al.,
arXiv:2012.09841).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from openvasa.train.processes import average_gradients


class Adversary:
    """Critics and their optimiser; what they judge beside pictures is the subclass's affair.

    Args:
        critics: each gives scores, the higher the more real.
        rate: of Adam.
        betas: of Adam.
    """

    def __init__(self, critics: nn.ModuleList, rate: float, betas: tuple[float, float]) -> None:
        self.critics = critics
        self._optimiser = torch.optim.Adam(critics.parameters(), rate, betas)
        self.steps = 0

    @property
    def influence(self) -> float:
        """0–1, how much of its full influence it has by now."""
        raise NotImplementedError

    def scores(self, pictures: Tensor, *given: Tensor) -> list[Tensor]:
        """Scores of every critic for (N, 3, S, S) pictures in 0-1 and what belongs to them."""
        raise NotImplementedError

    def state_dict(self) -> dict:
        """Everything needed to go on."""
        parts = {"critics": self.critics.state_dict(), "optimiser": self._optimiser.state_dict()}
        return {"steps": self.steps} | parts

    def load_state_dict(self, state: dict) -> None:
        """Go on from `state`."""
        self.steps = state["steps"]
        self.critics.load_state_dict(state["critics"])
        self._optimiser.load_state_dict(state["optimiser"])

    def find_gradient(self, pictures: Tensor, *given: Tensor) -> Tensor:
        """Which way (N, 3, S, S) pictures have to change to seem less real, of the same shape."""
        seen = pictures.detach().requires_grad_()
        doubt = -torch.stack([scores.mean() for scores in self.scores(seen, *given)]).mean()
        return torch.autograd.grad(doubt, seen)[0]

    def term(
        self, loss: Tensor, pictures: Tensor, share: float, *given: Tensor, every: int = 1
    ) -> Tensor:
        """What to add to a loss so that the critics' gradient joins in, in a share of its size.

        Args:
            loss: that `pictures` have a gradient of.
            pictures: (N, 3, S, S) in 0–1.
            share: of the norm of the loss's gradient on `pictures`.
            given: what belongs to the pictures that the critics see.
            every: they see one picture of so many.
        """
        if self.influence == 0:
            return torch.zeros_like(loss)
        seen = pictures[::every]
        gradient = self.find_gradient(seen, *given)
        size = torch.autograd.grad(loss, pictures, retain_graph=True)[0].norm()
        scale = share * self.influence * size / gradient.norm().clamp(min=1e-12)
        return (seen * (scale * gradient)).sum()

    def learn(self, pictures: Tensor, real: Tensor, *given: Tensor) -> dict[str, Tensor]:
        """One step; returns the hinge loss (2 knows nothing, 0 is never wrong) and the share of
        patches that were judged rightly."""
        losses, right = [], []
        shown = zip(self.scores(pictures, *given), self.scores(real, *given), strict=True)
        for made, true in shown:
            losses.append(functional.relu(1 + made).mean() + functional.relu(1 - true).mean())
            right += [(made < 0).float().mean(), (true > 0).float().mean()]
        loss = torch.stack(losses).mean()
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()
        average_gradients(self.critics.parameters())
        self._optimiser.step()
        self.steps += 1
        accuracy = torch.stack(right).mean().detach()
        return {"adversary": loss.detach(), "adversary accuracy": accuracy}
