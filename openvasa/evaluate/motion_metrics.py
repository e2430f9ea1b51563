"""Numbers about motion: does it go with the speech, and is it alive like a person."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from openvasa.face.dynamics import DynamicsCode, lid_gap, lip_gap
from openvasa.face.gaze import eye_gaze
from openvasa.face.topology import LEFT_BROW, LIPS, RIGHT_BROW
from openvasa.motion.motion import POSE_DIM

FPS = 25.0
BLINK_SHARE = 0.45
"""A blink is a dip of the lid opening below this share of its usual value."""


def aperture(code: DynamicsCode, motion: np.ndarray) -> np.ndarray:
    """(T,) gap between the inner lips, canonical units, of (T, 6 + D) motion."""
    return lip_gap(code.decode(motion[:, POSE_DIM:]))


def lip_velocity(code: DynamicsCode, motion: np.ndarray) -> np.ndarray:
    """(T - 1, 2 n) velocity of the lip points in x and y, canonical units a frame."""
    basis = code.basis[:, LIPS, :2].reshape(code.size, -1)
    return np.diff(motion[:, POSE_DIM:] @ basis, axis=0)


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson correlation of two arrays of one shape, flattened; 0 where one is constant."""
    a, b = a.ravel() - a.mean(), b.ravel() - b.mean()
    norm = float(np.sqrt((a**2).sum() * (b**2).sum()))
    return float((a * b).sum() / norm) if norm > 1e-9 else 0.0


def pose_change(motion: np.ndarray) -> float:
    """Mean angle between the head poses of adjacent frames, degrees (ΔP of arXiv:2404.10667)."""
    rotation = Rotation.from_rotvec(motion[:, :3])
    return float(np.degrees((rotation[1:] * rotation[:-1].inv()).magnitude()).mean())


def lid_opening(code: DynamicsCode, motion: np.ndarray) -> np.ndarray:
    """(T,) opening of both eyes against the resting face of the mean head, 1 at rest."""
    rest = float(lid_gap(code.mean_shape))
    return 1 + lid_gap(code.decode(motion[:, POSE_DIM:])) / rest


def blinks_per_minute(code: DynamicsCode, motion: np.ndarray) -> float:
    """Rate of short dips of the lid opening."""
    opening = lid_opening(code, motion)
    shut = opening < BLINK_SHARE * np.median(opening)
    starts = int((shut[1:] & ~shut[:-1]).sum())
    return starts * 60 * FPS / len(opening)


def lip_activity(code: DynamicsCode, motion: np.ndarray) -> float:
    """Mean speed of the lip points, canonical units a frame."""
    velocity = lip_velocity(code, motion).reshape(len(motion) - 1, -1, 2)
    return float(np.linalg.norm(velocity, axis=2).mean())


def brow_activity(code: DynamicsCode, motion: np.ndarray) -> float:
    """Mean speed of the brows up and down, canonical units a frame."""
    brows = np.concatenate([RIGHT_BROW, LEFT_BROW])
    heights = motion[:, POSE_DIM:] @ code.basis[:, brows, 1]
    return float(np.abs(np.diff(heights, axis=0)).mean())


def gaze_spread(code: DynamicsCode, motion: np.ndarray) -> float:
    """Deviation of the eyes' yaw and pitch, degrees, both together."""
    shift = motion[:, POSE_DIM:] @ np.sin(eye_gaze(code.basis))
    return float(np.degrees(np.sqrt(shift.var(axis=0).sum())))
