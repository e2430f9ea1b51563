"""A training under way: the network, its running average, its progress and its checkpoint."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

CHECKPOINT_FILE, BEST_FILE = "checkpoint.pt", "best.pt"


class Companion(Protocol):
    """What learns beside the network, an adversary for one, and is saved with it."""

    def state_dict(self) -> dict[str, Any]:
        """Everything needed to go on."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> Any:
        """Go on from `state`."""
        ...


@dataclass
class Training:
    """One network in training.

    Attributes:
        network: what is trained.
        average: the same network with the running mean of its weights, as it is used: no dropout.
        best: weights of `average` when it did best on people held back; empty until then.
        optimiser: of the network's parameters.
        companions: what learns beside it, by name.
        new_share: scalar on the network's device, share of the new weights in the running mean.
        step: steps taken.
        seconds: spent so far, earlier starts included.
        least_loss: of `best`.
        sums, counts: of each figure since the last row of the log.
    """

    network: nn.Module
    average: nn.Module
    optimiser: torch.optim.Optimizer
    companions: Mapping[str, Companion]
    new_share: Tensor
    best: dict[str, Tensor] = field(default_factory=dict)
    step: int = 0
    seconds: float = 0.0
    least_loss: float = math.inf
    sums: dict[str, Tensor | float] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    @staticmethod
    def begin(
        network: nn.Module,
        optimiser: torch.optim.Optimizer,
        companions: Mapping[str, Companion],
    ) -> Training:
        """A training of the network as it is."""
        average = copy.deepcopy(network).eval().requires_grad_(False)
        new_share = torch.ones((), device=next(network.parameters()).device)
        return Training(network, average, optimiser, companions, new_share)

    def prepare(self, rate: float, average: float) -> None:
        """Set the learning rate of the next `learn`, and the share of itself that the running mean
        keeps; in the first steps it keeps less."""
        for group in self.optimiser.param_groups:
            if isinstance(group["lr"], Tensor):
                group["lr"].fill_(rate)
            else:
                group["lr"] = rate
        self.new_share.fill_(1 - min(average, self.step / (self.step + 10)))

    def learn(self, loss: Tensor, largest_gradient: float) -> Tensor:
        """Change the weights by one step; returns the gradient's norm before clipping."""
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self.network.parameters(), largest_gradient)
        self.optimiser.step()
        with torch.no_grad():
            new = self.network.state_dict()
            for name, mean in self.average.state_dict().items():
                if mean.is_floating_point():
                    mean.lerp_(new[name], self.new_share.to(mean.dtype))
                else:
                    mean.copy_(new[name])
        return norm.detach()

    def count(self, figures: Mapping[str, Tensor | float]) -> None:
        """Add one step's figures to those that the next row of the log is the mean of."""
        for name, value in figures.items():
            self.sums[name] = self.sums.get(name, 0.0) + value
            self.counts[name] = self.counts.get(name, 0) + 1

    def take_means(self) -> dict[str, float]:
        """Means of the figures since the last call."""
        means = {name: float(total) / self.counts[name] for name, total in self.sums.items()}
        self.sums, self.counts = {}, {}
        return means

    def keep_best(self, loss: float, run: Path | None) -> None:
        """Keep the averaged weights as the best ones, of this loss on people held back."""
        self.least_loss = loss
        self.best = {name: value.clone() for name, value in self.average.state_dict().items()}
        if run is not None:
            state = {"average": self.best, "step": self.step, "loss": loss}
            write_checkpoint(run / BEST_FILE, state)

    def best_network(self) -> nn.Module:
        """The averaged network with its best weights, with the last ones where none are known."""
        if self.best:
            self.average.load_state_dict(self.best)
        return self.average

    def save(self, run: Path) -> None:
        """Write the checkpoint."""
        companions = {name: part.state_dict() for name, part in self.companions.items()}
        state = {
            "step": self.step,
            "seconds": self.seconds,
            "least_loss": self.least_loss,
            "sums": {name: float(total) for name, total in self.sums.items()},
            "counts": self.counts,
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "best": self.best,
            "optimiser": self.optimiser.state_dict(),
            "companions": companions,
        }
        write_checkpoint(run / CHECKPOINT_FILE, state)

    def resume(self, run: Path) -> None:
        """Go on from the run's checkpoint, where there is one."""
        path = run / CHECKPOINT_FILE
        if not path.exists():
            return
        device = next(self.network.parameters()).device
        saved = torch.load(path, map_location=device, weights_only=True)
        self.network.load_state_dict(saved["network"])
        self.average.load_state_dict(saved["average"])
        # How the optimiser works is this start's choice: another device may work otherwise.
        groups = self.optimiser.state_dict()["param_groups"]
        self.optimiser.load_state_dict(saved["optimiser"] | {"param_groups": groups})
        for name, part in self.companions.items():
            part.load_state_dict(saved["companions"][name])
        self.best, self.least_loss = saved["best"], saved["least_loss"]
        self.step, self.seconds = saved["step"], saved["seconds"]
        self.sums, self.counts = saved["sums"], saved["counts"]


def write_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write a file that is never there by halves."""
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    partial.replace(path)
