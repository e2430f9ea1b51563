"""Where the eyes look: gaze angles read from the irises, and codes that turn the eyes.

Angles are yaw and pitch in rad against the face's resting gaze; yaw > 0 is to the picture's right,
pitch > 0 is up. The pupil lies about 10 mm before the eyeball's centre of rotation, so that it
shifts by that times the sine of the angle.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from openvasa.face.canonical import PITCH, YAW
from openvasa.face.dynamics import dynamics_code
from openvasa.face.topology import LEFT_EYE, LEFT_IRIS, LIPS, POINTS, RIGHT_EYE, RIGHT_IRIS

PUPIL_RADIUS = 1.05
"""Distance of the pupil from the eyeball's centre of rotation, canonical units."""

_UPPER_LIDS = np.array([246, 161, 160, 159, 158, 157, 173, 466, 388, 387, 386, 385, 384, 398])
_LOWER_LIDS = np.array([155, 154, 153, 145, 144, 163, 7, 382, 381, 380, 374, 373, 390, 249])
_CORNERS = np.array([[33, 133], [263, 362]])
_UPPER_SHARE, _LOWER_SHARE = 0.35, 0.15
"""How far the lids follow the pupil up and down."""


def eye_gaze(change: np.ndarray) -> np.ndarray:
    """(..., 478, 3) change of the canonical shape against rest → (..., 2) yaw and pitch, rad."""
    pupils = change[..., [RIGHT_IRIS[0], LEFT_IRIS[0]], :2]
    sockets = change[..., _CORNERS, :2].mean(axis=-2)
    shift = (pupils - sockets).mean(axis=-2) / PUPIL_RADIUS
    return np.arcsin(np.clip(shift, -0.99, 0.99)) * np.array([1, -1], np.float32)


def iris_shifts(change: np.ndarray) -> np.ndarray:
    """(..., 478, 3) change of a canonical shape → (..., 4) x and y that each iris moves in its eye.

    Two eyes that turn towards each other keep their mean gaze; this tells.
    """
    shifts = [
        change[..., iris[0], :2] - change[..., corners, :2].mean(axis=-2)
        for iris, corners in zip((RIGHT_IRIS, LEFT_IRIS), _CORNERS, strict=True)
    ]
    return np.concatenate(shifts, axis=-1)


def head_gaze(pose: np.ndarray) -> np.ndarray:
    """(..., 6) head pose → (..., 2) yaw and pitch of the head, rad."""
    return np.stack([-pose[..., YAW], -pose[..., PITCH]], axis=-1)


@lru_cache(maxsize=1)
def eye_directions() -> np.ndarray:
    """(2, D) float32: code for one rad of yaw, and of pitch, of both eyes (small angles).

    Least squares in the code's subspace: irises shift, lids follow them up and down, the rest of
    the face stays.
    """
    targets = np.zeros((2, POINTS, 3), np.float32)
    irises = np.concatenate([RIGHT_IRIS, LEFT_IRIS])
    targets[0, irises, 0] = PUPIL_RADIUS
    targets[1, irises, 1] = -PUPIL_RADIUS
    targets[1, _UPPER_LIDS, 1] = -_UPPER_SHARE * PUPIL_RADIUS
    targets[1, _LOWER_LIDS, 1] = -_LOWER_SHARE * PUPIL_RADIUS
    weights = np.full(POINTS, 0.3, np.float32)
    weights[irises] = 4
    weights[np.concatenate([RIGHT_EYE, LEFT_EYE])] = 1
    weights[_CORNERS] = 4
    weights[LIPS] = 1
    directions = nearest_codes(targets, weights)
    reached = directions @ eye_reading()
    return np.linalg.solve(reached, directions).astype(np.float32)


@lru_cache(maxsize=1)
def eye_reading() -> np.ndarray:
    """(D, 2) float32: `codes @ eye_reading()` is the sine of the yaw and pitch of the eyes."""
    return np.sin(eye_gaze(dynamics_code().basis))


def read_eye_turn(codes: np.ndarray) -> np.ndarray:
    """(..., D) codes → (..., 2) yaw and pitch of the eyes in rad."""
    # Codes are linear, so their gaze is the sum of their parts.
    return np.arcsin(np.clip(codes @ eye_reading(), -0.9, 0.9))


def encode_eye_turn(angles: np.ndarray) -> np.ndarray:
    """(..., 2) yaw and pitch in rad → (..., D) float32 codes that turn the eyes so."""
    return np.sin(angles).astype(np.float32) @ eye_directions()


def nearest_codes(targets: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(n, D) codes whose shape changes are nearest to (n, 478, 3) targets, (478,) weights.

    Ridge regression: what the code can hardly express is not forced.
    """
    code = dynamics_code()
    scale = np.repeat(weights, 3)
    columns = code.basis.reshape(code.size, -1) * scale
    wanted = targets.reshape(len(targets), -1) * scale
    gram = columns @ columns.T
    gram += 2e-3 * np.trace(gram) / code.size * np.eye(code.size)
    return np.linalg.solve(gram, columns @ wanted.T).T.astype(np.float32)
