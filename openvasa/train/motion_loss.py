"""What an error of generated motion costs: codes, lips, lids and their velocities."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from openvasa.data.windows import Normaliser, points_matrix
from openvasa.face.dynamics import dynamics_code, lid_gap, lip_gap
from openvasa.face.topology import INNER_LIPS, LEFT_EYE, LIPS, OUTER_LIPS, RIGHT_EYE
from openvasa.motion.motion import POSE_DIM

STILL_SPEED = 0.008
"""Root mean square speed of lip points below which they rest, canonical units a frame."""


@dataclass(frozen=True)
class LossWeights:
    """How much each error counts beside that of the codes."""

    velocity: float = 4.0
    """Of the change from frame to frame, of codes and of lip points."""
    lips: float = 1.0
    """Of the points of lips and lids, in tenths of a canonical unit."""
    lids: float = 3.0
    """Of a lid's point against a lip's."""
    blink: float = 4.0
    """How much more a frame with closed eyes counts. Blinks are rare and short: a network half
    trained plays safe and only lowers the lids."""
    gap: float = 4.0
    """Of the lip gap."""
    closed: float = 4.0
    """How much more the gap counts where the lips are closed, for the same reason."""
    still: float = 8.0
    """How much more the lips' velocity counts where they rest."""
    low_noise: float = 10.0
    """How much more a nearly clean window counts than pure noise."""


@dataclass(frozen=True)
class GeometryLoss:
    """What the codes mean on the face: lips and lids in canonical units.

    Attributes:
        points: (D, 2 n) codes → x and y of lip and lid points.
        lips: how many of the points are the lips'.
        code_weights: (6 + D,) what pose and codes count.
        lids, gap: (D,) codes → change of the lids' opening, of a resting face's, and of the lip
            gap.
        mean, deviation: (D,) of the codes.
        weights: of the errors.
    """

    points: Tensor
    lips: int
    code_weights: Tensor
    lids: Tensor
    gap: Tensor
    mean: Tensor
    deviation: Tensor
    weights: LossWeights

    @staticmethod
    def build(normaliser: Normaliser, weights: LossWeights, device: str) -> GeometryLoss:
        """Prepare for a normaliser."""
        code = dynamics_code()
        lips = points_matrix(code, np.unique(np.concatenate([LIPS, INNER_LIPS, OUTER_LIPS])))
        lids = points_matrix(code, np.concatenate([RIGHT_EYE, LEFT_EYE]))
        points = np.hstack([lips, lids * math.sqrt(weights.lids)])
        # Codes weigh as much as they move the face, pose as much as the strongest code.
        strength = np.sqrt((code.basis**2).sum(axis=(1, 2))) * normaliser.deviation[POSE_DIM:]
        by_code = np.concatenate([np.full(POSE_DIM, strength.max()), strength])
        by_code = np.clip(by_code / strength.max(), 0.1, 1)

        def tensor(array: np.ndarray) -> Tensor:
            return torch.tensor(array, dtype=torch.float32, device=device)

        return GeometryLoss(
            tensor(points),
            lips.shape[1] // 2,
            tensor(by_code / by_code.mean()),
            tensor(lid_gap(code.basis) / lid_gap(code.mean_shape)),
            tensor(lip_gap(code.basis)),
            tensor(normaliser.mean[POSE_DIM:]),
            tensor(normaliser.deviation[POSE_DIM:]),
            weights,
        )

    def closed_eyes(self, motion: Tensor) -> Tensor:
        """(B, n, 6 + D) normalised motion → (B, n), 0 with open eyes to 1 in a blink."""
        return ((0.75 - (1 + self._codes(motion) @ self.lids)) / 0.5).clamp(0, 1)

    def _codes(self, motion: Tensor) -> Tensor:
        return motion[..., POSE_DIM:] * self.deviation + self.mean

    def __call__(
        self, predicted: Tensor, target: Tensor, weight: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Loss of predicted against true normalised motion, and its parts.

        Both (B, 1 + n, 6 + D) begin with the frame before the window, so that the step into it
        counts as velocity; `weight` (B, 1 + n) says how much each frame counts.
        """
        error = predicted - target
        points = (error[..., POSE_DIM:] * self.deviation) @ self.points
        both = weight[:, 1:] * weight[:, :-1].gt(0)

        def mean(values: Tensor, frames: Tensor) -> Tensor:
            return (values.mean(dim=2) * frames).sum() / frames.gt(0).sum()

        codes = mean(error.square() * self.code_weights, weight)
        velocity = mean(error.diff(dim=1).square() * self.code_weights, both)
        lips = mean(points.square(), weight) * 100
        lip_velocity = mean(points.diff(dim=1).square(), both) * 100
        # Of the lips alone: the lids of a resting mouth blink when they like.
        mouth = slice(0, 2 * self.lips)
        speed = ((target[..., POSE_DIM:] * self.deviation) @ self.points[:, mouth]).diff(dim=1)
        still = torch.exp(-speed.square().mean(dim=2) / STILL_SPEED**2)
        unrest = mean(points[..., mouth].diff(dim=1).square(), both * still) * 100
        closed = ((0.35 - self._codes(target) @ self.gap) / 0.25).clamp(0, 1)
        missed = ((error[..., POSE_DIM:] * self.deviation) @ self.gap).square()
        gap = mean(missed[..., None], weight * (1 + self.weights.closed * closed))
        lip_velocity = lip_velocity + self.weights.still * unrest
        loss = codes + self.weights.velocity * velocity + self.weights.gap * gap
        loss = loss + self.weights.lips * (lips + self.weights.velocity * lip_velocity)
        parts = {"codes": codes, "lips": lips, "velocity": lip_velocity, "gap": gap}
        return loss, {name: part.detach() for name, part in parts.items()}


def noise_weight(sigma: Tensor, low_noise_weight: float) -> Tensor:
    """Weight of the loss on the clean motion at noise amplitude sigma, about 1 on average.

    Near v-prediction's 1/sigma² (Salimans & Ho, arXiv:2202.00512), bounded: pure noise can only
    be answered with an average, while what is fine and quick, a blink or a closing lip, is
    decided where little noise is left.
    """
    floor = 1 / low_noise_weight
    return math.sqrt(floor * (1 + floor)) / (sigma.square() + floor)
