"""Whether two frames show the same person's face.

The face is told by its resting shape and by its colours, brought to the same place. How far these
may differ was learned from real clips (`scripts/fit_likeness.py`; the rates are in
docs/lab/capture.md). It serves to tell people of one video apart, not to recognise anybody.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from openvasa.face.canonical import fit_head
from openvasa.face.dynamics import dynamics_code

OUTER_CORNERS = [33, 263]
SAMPLED, KEPT = 48, 16
"""Sides to which the face is cut and then brought, px."""
CORNERS = np.array([[12, 16], [36, 16]], np.float32)
"""Where the outer corners of the eyes come to lie in the cut."""
SHAPE_NOISE = 0.1
"""Variance of what neither identity nor expression explains, as in `separate_expression`."""

SMALLEST = 0.01
"""Added to each distance before its logarithm is taken."""
WEIGHTS = np.array([-4.66, -4.03])
BIAS = -2.14
"""Logistic regression on the logarithms of the distances of shape and colour."""


@dataclass(frozen=True)
class Features:
    """What a face is told by.

    Attributes:
        shape: (K,) coordinates of the resting face in the identity subspace.
        colour: (16, 16, 3) float32 RGB, 0–1, around eyes, nose and mouth.
    """

    shape: np.ndarray
    colour: np.ndarray

    def mixed(self, other: Features, share: float) -> Features:
        """These features, a `share` of them replaced by others'."""
        return Features(
            self.shape + share * (other.shape - self.shape),
            self.colour + np.float32(share) * (other.colour - self.colour),
        )


def features_of(image: np.ndarray, landmarks: np.ndarray) -> Features:
    """Features of a face with (478, 3) landmarks, px, in a (h, w, 3) uint8 RGB picture."""
    mean, encoder = _identity_encoder()
    shape = encoder @ (fit_head(landmarks).invert(landmarks) - mean).ravel()
    matrix = _similarity(landmarks[OUTER_CORNERS, :2], CORNERS)
    cut = cv2.warpAffine(image, matrix, (SAMPLED, SAMPLED))
    small = cv2.resize(cut, (KEPT, KEPT), interpolation=cv2.INTER_AREA)
    return Features(shape, small.astype(np.float32) / 255)


def distances(first: Features, second: Features) -> np.ndarray:
    """(2,) distance of shape, and mean difference of colour."""
    return np.array(
        [
            np.linalg.norm(first.shape - second.shape),
            np.abs(first.colour - second.colour).mean(),
        ]
    )


def likeness(first: Features, second: Features) -> float:
    """Logarithm of the odds that two faces of a video are one person's."""
    return float(np.log(distances(first, second) + SMALLEST) @ WEIGHTS + BIAS)


def _similarity(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """(2, 3) float32 similarity that takes two points, (2, 2) px, to two others."""
    first, second = source[1] - source[0], target[1] - target[0]
    turn = complex(*second) / complex(*first)
    linear = np.array([[turn.real, -turn.imag], [turn.imag, turn.real]])
    return np.column_stack([linear, target[0] - linear @ source[0]]).astype(np.float32)


@lru_cache(maxsize=1)
def _identity_encoder() -> tuple[np.ndarray, np.ndarray]:
    """(478, 3) mean face, and (K, 478 * 3) from the difference to it to identity coordinates."""
    code = dynamics_code()
    count = len(code.identity_basis)
    columns = np.concatenate([code.identity_basis, code.basis]).reshape(count + code.size, -1)
    system = columns @ columns.T + SHAPE_NOISE * np.eye(len(columns))
    return code.mean_shape, np.linalg.solve(system, columns)[:count]
