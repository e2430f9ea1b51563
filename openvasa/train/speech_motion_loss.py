"""What an error of the motion generator costs: everywhere the square of something linear.

A square of a linear error is least at the conditional mean, whatever its weight. So the weights say
what the network learns first, and never bend what it converges to: no frame counts more because of
what it shows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from openvasa.data.talking_clips import points_matrix
from openvasa.face.canonical import POSE_DIM
from openvasa.face.dynamics import lid_gap, lip_gap
from openvasa.face.topology import INNER_LIPS, LEFT_EYE, LIPS, OUTER_LIPS, RIGHT_EYE
from openvasa.motion.window_network import MotionSpace

LEAST_WEIGHT = 0.1
"""Of a code that hardly moves the face, against one that moves it most."""
PART_WEIGHTS = {"lips": 1.0, "lids": 0.5, "gap": 0.5, "lid gap": 0.5}
"""Of what is read off the face, beside the codes."""


@dataclass(frozen=True)
class MotionLoss:
    """Squared errors of numbers and of their change from frame to frame, each in deviations of
    what the prior leaves open.

    Attributes:
        weights: (C,) of the numbers, by how far they move the face; mean 1.
        readings: name → (D, m) of what is read off normalised codes.
    """

    weights: Tensor
    readings: dict[str, Tensor]

    @staticmethod
    def build(space: MotionSpace, basis: np.ndarray, device: str) -> MotionLoss:
        """Prepare for a motion space whose codes move a face by a (D, 478, 3) basis."""
        deviation = space.deviation[POSE_DIM:]
        strength = np.sqrt((basis**2).sum(axis=(1, 2))) * deviation
        weights = np.concatenate([np.full(POSE_DIM, strength.max()), strength]) / strength.max()
        weights = np.maximum(weights, LEAST_WEIGHT)
        lips = np.unique(np.concatenate([LIPS, INNER_LIPS, OUTER_LIPS]))
        readings = {
            "lips": points_matrix(basis, lips),
            "lids": points_matrix(basis, np.concatenate([RIGHT_EYE, LEFT_EYE])),
            "gap": lip_gap(basis)[:, None],
            "lid gap": lid_gap(basis)[:, None],
        }

        def tensor(array: np.ndarray) -> Tensor:
            return torch.tensor(array, dtype=torch.float32, device=device)

        scaled = {name: tensor(part * deviation[:, None]) for name, part in readings.items()}
        return MotionLoss(tensor(weights / weights.mean()), scaled)

    def __call__(
        self, error: Tensor, deviation: Tensor, step: Tensor, inside: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss of a velocity's error, and its parts.

        Args:
            error: (B, n, C) in deviations of the prior.
            deviation, step: (B, n, C) of the prior.
            inside: (B, n) 1 where a frame counts.
        """

        def mean(values: Tensor) -> Tensor:
            return (values.mean(dim=2) * inside).sum() / inside.sum().clamp(min=1)

        value = error * deviation
        # The frame before the window is known: its error is none.
        change = torch.diff(value, dim=1, prepend=torch.zeros_like(value[:, :1]))
        parts = {
            "value": mean(error.square() * self.weights),
            "change": mean((change / step).square() * self.weights),
        }
        for name, reading in self.readings.items():
            squared = reading.square()

            def average_reading(
                error: Tensor, spread: Tensor, reading: Tensor = reading, squared: Tensor = squared
            ) -> Tensor:
                open_variance = spread[..., POSE_DIM:].square() @ squared
                usual = open_variance.mean(dim=(1, 2), keepdim=True)
                return mean((error[..., POSE_DIM:] @ reading).square() / usual)

            both = average_reading(value, deviation) + average_reading(change, step)
            parts[name] = PART_WEIGHTS[name] * both
        return torch.stack(list(parts.values())).sum(), parts
