"""A training under way: the network, its running average, its progress and its checkpoint."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

LARGEST_GRADIENT = 1.0


@dataclass
class Training:
    """One network in training.

    Attributes:
        network: what is trained.
        optimiser: of its parameters.
        average: running mean of its weights, by name: what is exported.
        step: steps taken.
        spent: wall-clock minutes, earlier starts included.
    """

    network: nn.Module
    optimiser: torch.optim.Optimizer
    average: dict[str, Tensor]
    step: int = 0
    spent: float = 0.0

    @staticmethod
    def begin(
        network: nn.Module,
        optimiser: torch.optim.Optimizer,
        checkpoint: Path | None = None,
        device: str = "cpu",
    ) -> Training:
        """A training from the checkpoint where there is one, else from the network as it is."""
        average = {key: value.detach().clone() for key, value in network.state_dict().items()}
        if checkpoint is None or not checkpoint.exists():
            return Training(network, optimiser, average)
        saved = torch.load(checkpoint, map_location=device, weights_only=True)
        network.load_state_dict(saved["network"])
        optimiser.load_state_dict(saved["optimiser"])
        return Training(network, optimiser, saved["average"], saved["step"], saved["spent"])

    def learn(self, loss: Tensor, rate: float, average: float) -> None:
        """Take one step at a learning rate; the mean keeps a share of up to `average` of itself."""
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), LARGEST_GRADIENT)
        self.optimiser.step()
        kept = min(average, self.step / (self.step + 10))
        for key, value in self.network.state_dict().items():
            self.average[key].lerp_(value, 1 - kept)
        self.step += 1

    def save(self, checkpoint: Path) -> None:
        """Write the checkpoint."""
        state = {"network": self.network.state_dict(), "optimiser": self.optimiser.state_dict()}
        progress = {"average": self.average, "step": self.step, "spent": self.spent}
        write_checkpoint(checkpoint, state | progress)


def write_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write a file that is never there by halves."""
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    partial.replace(path)
