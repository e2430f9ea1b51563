"""Do windows join without a jolt? Motion across the joins against motion inside the windows.

Long motion is made of short pieces, so seams are where it would give itself away. FlowMDM (Barquero
et al., arXiv:2402.15509) judges seams by jerk against that of real motion; here speed and
acceleration at a seam are set against the same motion's own away from seams, so that the ratio is 1
where nobody could tell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial.transform import Rotation

from openvasa.evaluate.motion_metrics import lip_velocity
from openvasa.face.canonical import TURN
from openvasa.face.dynamics import DynamicsCode
from openvasa.motion.row import Row

SHORTEST_WINDOW = 3
"""Shorter windows have no acceleration that no join takes part in."""


@dataclass(frozen=True)
class Joins:
    """Mean at the joins over mean inside the windows; about 1 or less is good, nan without joins.

    Attributes:
        lip_velocity, lip_acceleration: of the lip points, from canonical units a frame.
        head_velocity, head_acceleration: of the head's turning, from degrees a frame.
        count: joins.
    """

    lip_velocity: float
    lip_acceleration: float
    head_velocity: float
    head_acceleration: float
    count: int


def joins(code: DynamicsCode, motions: Sequence[np.ndarray], every: int) -> Joins:
    """Joins of (T, 6 + D) motions that were made of windows of `every` frames, at least three."""
    if every < SHORTEST_WINDOW:
        raise ValueError(f"windows of {every} frames are all join")
    names = ("lip_velocity", "lip_acceleration", "head_velocity", "head_acceleration")
    at: dict[str, list[np.ndarray]] = {name: [] for name in names}
    inside: dict[str, list[np.ndarray]] = {name: [] for name in names}
    count = 0
    for motion in motions:
        seams = np.arange(every, len(motion), every)
        count += len(seams)
        for part, turning in (("lip", lip_steps(code, motion)), ("head", head_steps(motion))):
            # Frame `seam` begins a window: step seam − 1 leads into it, and the accelerations
            # seam − 2 and seam − 1 are those with that step in them.
            fast = np.linalg.norm(turning, axis=-1).mean(axis=1)
            changing = np.linalg.norm(np.diff(turning, axis=0), axis=-1).mean(axis=1)
            _divide(fast, seams - 1, at[f"{part}_velocity"], inside[f"{part}_velocity"])
            both = np.concatenate([seams - 2, seams - 1])
            name = f"{part}_acceleration"
            _divide(changing, both[both < len(changing)], at[name], inside[name])

    def ratio(name: str) -> float:
        # Motion that stands still inside its windows must not divide by nothing.
        return _mean(at[name]) / (_mean(inside[name]) + 1e-12)

    return Joins(**{name: ratio(name) for name in names}, count=count)


def lip_steps(code: DynamicsCode, motion: np.ndarray) -> np.ndarray:
    """(T - 1, n, 2) velocity of the lip points, canonical units a frame."""
    return lip_velocity(code, motion).reshape(len(motion) - 1, -1, 2)


def head_steps(motion: np.ndarray) -> np.ndarray:
    """(T - 1, 1, 3) turning of the head from frame to frame, degrees about each axis."""
    rotation = Rotation.from_rotvec(Row.split(motion).pose[:, TURN])
    return np.degrees((rotation[1:] * rotation[:-1].inv()).as_rotvec())[:, None]


def _divide(
    values: np.ndarray, where: np.ndarray, at: list[np.ndarray], inside: list[np.ndarray]
) -> None:
    chosen = np.zeros(len(values), bool)
    chosen[where] = True
    at.append(values[chosen])
    inside.append(values[~chosen])


def _mean(pieces: list[np.ndarray]) -> float:
    values = np.concatenate(pieces)
    return float(values.mean()) if len(values) else float("nan")
