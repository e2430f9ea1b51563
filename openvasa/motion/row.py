"""What a row of motion is: head pose, facial dynamics and tongue side by side in one array.

Generators make rows of all three. What is tracked in video, and the network with it, knows no
tongue: its rows end with the codes.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from openvasa.face.canonical import POSE_DIM
from openvasa.face.dynamics import dynamics_code

TONGUE_DIM = 2


@dataclass(frozen=True)
class Row:
    """The parts of a row of motion, or of many.

    Attributes:
        pose: (..., 6) head pose as an offset from the portrait's own.
        codes: (..., D) facial dynamics, zero at rest.
        tongue: (..., 2) how far its tip is up and out, 0–1; (..., 0) in rows without it.
    """

    pose: np.ndarray
    codes: np.ndarray
    tongue: np.ndarray = field(default_factory=lambda: np.zeros(0, np.float32))

    @staticmethod
    def split(values: np.ndarray) -> Row:
        """Take (..., 6 + D + 2) or (..., 6 + D) rows apart, in views: nothing is copied."""
        end = POSE_DIM + dynamics_code().size
        return Row(values[..., :POSE_DIM], values[..., POSE_DIM:end], values[..., end:])

    def join(self) -> np.ndarray:
        """The parts side by side again, float32, without a tongue where none is known."""
        known = [part for part in (self.pose, self.codes, self.tongue) if part.shape[-1]]
        return np.concatenate(known, axis=-1).astype(np.float32, copy=False)


def row_width() -> int:
    """Numbers in a row of motion: pose, dynamics and tongue."""
    return POSE_DIM + dynamics_code().size + TONGUE_DIM


def without_tongue(rows: np.ndarray) -> np.ndarray:
    """(T, 6 + D + 2) rows of motion → (T, 6 + D): what is tracked in video, and judged."""
    return rows[:, :-TONGUE_DIM]


def with_tongue_at_rest(rows: np.ndarray) -> np.ndarray:
    """(T, 6 + D) tracked motion → (T, 6 + D + 2) rows, the unseen tongue at rest."""
    return np.pad(rows, ((0, 0), (0, TONGUE_DIM)))
