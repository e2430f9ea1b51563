"""Facial dynamics code: how the canonical shape changes, in D numbers learned from video.

The code is linear. Zero is the person's rest (lips closed, eyes as they usually are), one unit is
one standard deviation over the training clips. `openvasa train dynamics` fits it; the asset holds
the identity subspace as well, which tells a portrait's own expression from its shape.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from openvasa.assets import ASSETS
from openvasa.face.topology import (
    INNER_LIP_PAIRS,
    INNER_LIPS,
    LEFT_LID_PAIRS,
    OUTER_LIPS,
    RIGHT_LID_PAIRS,
)

DYNAMICS_FILE = ASSETS / "dynamics.npz"

_CLOSED_GAP, _OPEN_GAP = 0.08, 0.3
"""Mean gap between the inner lips, canonical units: rest below the first, open above the second."""

_SHAPE_NOISE = 0.1
"""Variance of what neither subspace explains. On open mouths of held-out people the closed mouth
comes out 0.23 canonical units from the true one (not closing it: 0.47); 1.0 gives 0.24."""


@dataclass(frozen=True)
class DynamicsCode:
    """The fitted code; D codes, K identity components.

    Attributes:
        basis: (D, 478, 3) float32, canonical shape change for one unit of each code.
        encoder: (478 * 3, D) float32, weighted least squares from shape change to code.
        mean_shape: (478, 3) float32, mean resting face.
        identity_basis: (K, 478, 3) float32, one standard deviation of identity each.
        mouth_share: (478,) float32 in 0–1, how far a point belongs to mouth and jaw.
        arkit_directions: (52, D) float32, code for one unit of each blendshape.
        arkit_reading: (D + 1, 52) float32, linear reading of blendshapes; the last row is the
            resting face's.
    """

    basis: np.ndarray
    encoder: np.ndarray
    mean_shape: np.ndarray
    identity_basis: np.ndarray
    mouth_share: np.ndarray
    arkit_directions: np.ndarray
    arkit_reading: np.ndarray

    @property
    def size(self) -> int:
        """D, the number of codes."""
        return len(self.basis)

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """(..., D) codes → (..., 478, 3) float32 change of the canonical shape against rest."""
        return np.tensordot(codes.astype(np.float32), self.basis, axes=1)

    def encode(self, change: np.ndarray) -> np.ndarray:
        """(..., 478, 3) change of the canonical shape against rest → (..., D) float32 codes."""
        return change.reshape(*change.shape[:-2], -1).astype(np.float32) @ self.encoder

    def mouth_projection(self) -> np.ndarray:
        """(D, D) float32: what part of a code moves mouth and jaw, `projection @ code`."""
        return self.encode(self.mouth_share[:, None] * self.basis).T

    def read_arkit(self, codes: np.ndarray) -> np.ndarray:
        """(..., D) codes → (..., 52) float32 blendshapes in 0–1 (`BLENDSHAPE_NAMES` order)."""
        return np.clip(codes @ self.arkit_reading[:-1] + self.arkit_reading[-1], 0, 1)

    def from_arkit(self, blendshapes: np.ndarray) -> np.ndarray:
        """(..., 52) blendshapes, 0 at rest → (..., D) float32 codes."""
        return blendshapes.astype(np.float32) @ self.arkit_directions


@lru_cache(maxsize=1)
def dynamics_code() -> DynamicsCode:
    """The shipped code."""
    with np.load(DYNAMICS_FILE) as data:
        return DynamicsCode(**{key: value.astype(np.float32) for key, value in data.items()})


def lip_gap(shape: np.ndarray) -> np.ndarray:
    """Mean vertical gap between the inner lips, canonical units: (..., 478, 3) → (...)."""
    upper, lower = INNER_LIP_PAIRS[1:-1].T
    return (shape[..., lower, 1] - shape[..., upper, 1]).mean(axis=-1)


def lid_gap(shape: np.ndarray) -> np.ndarray:
    """Mean opening of both eyes, canonical units: (..., 478, 3) → (...)."""
    pairs = np.concatenate([RIGHT_LID_PAIRS[1:-1], LEFT_LID_PAIRS[1:-1]])
    return (shape[..., pairs[:, 1], 1] - shape[..., pairs[:, 0], 1]).mean(axis=-1)


def close_lips(shape: np.ndarray) -> np.ndarray:
    """Make the inner lips of a nearly closed mouth meet exactly.

    Each pair of inner points moves to its middle; the outer lips follow half as far.
    """
    closed = shape.copy()
    count = len(INNER_LIPS) // 2
    for index in range(1, count):
        partner = len(INNER_LIPS) - index
        upper, lower = INNER_LIPS[index], INNER_LIPS[partner]
        step = (shape[lower] - shape[upper]) / 2
        closed[upper] += step
        closed[lower] -= step
        closed[OUTER_LIPS[index]] += step / 2
        closed[OUTER_LIPS[partner]] -= step / 2
    return closed


def separate_expression(shape: np.ndarray, code: DynamicsCode) -> tuple[np.ndarray, np.ndarray]:
    """Split a portrait's canonical shape into the resting face and its own expression.

    A closed mouth is taken as it is: a faint smile belongs to the portrait. An open one is closed
    by the most probable explanation of the shape as resting identity plus dynamics (both
    Gaussian, fitted to the clips), of which only mouth and jaw are taken away.

    Args:
        shape: (478, 3) canonical shape with the portrait's own expression.
        code: the fitted code.

    Returns:
        neutral: (478, 3) float32 resting shape, lips closed.
        dynamics: (D,) float32 code of `shape` against `neutral`.
    """
    openness = np.clip((lip_gap(shape) - _CLOSED_GAP) / (_OPEN_GAP - _CLOSED_GAP), 0, 1)
    columns = np.concatenate([code.identity_basis, code.basis]).reshape(-1, shape.size).T
    residual = (shape - code.mean_shape).reshape(-1)
    system = columns.T @ columns + _SHAPE_NOISE * np.eye(columns.shape[1])
    weights = np.linalg.solve(system, columns.T @ residual)
    expression = code.decode(weights[len(code.identity_basis) :])
    neutral = shape - float(openness) * code.mouth_share[:, None] * expression
    neutral = close_lips(neutral).astype(np.float32)
    return neutral, code.encode(shape - neutral)
