"""How far the jaw is open, from the chin."""

from __future__ import annotations

import numpy as np

from openvasa.face.topology import CHIN, LEFT_SIDE, RIGHT_SIDE

JAW_POINTS = np.array([CHIN, 148, 377, 176, 400, 149, 378, 150, 379])
"""Tracked points of the chin."""

HINGE_POINTS = np.array([RIGHT_SIDE, LEFT_SIDE])
"""Tracked points beside the jaw's joints."""

MAX_JAW_ANGLE = 0.6
"""Rad."""

CHIN_LAG = 1.0
"""Fall of the jaw over the fall of the tracked chin, whose skin stays behind."""

CLOSED_SOFTNESS = 0.012
"""Rad around the closed mouth over which the angle sets in."""


def measure_jaw_angle(mouth_rest: np.ndarray, hinge: np.ndarray, canonical: np.ndarray) -> float:
    """Rotation of the jaw in rad against the closed mouth, from the chin's fall.

    Args:
        mouth_rest: (9, 3) chin points of the closed mouth.
        hinge: (3,) point on the axis, which runs along x.
        canonical: (478, 3) shape of the moment.
    """
    lever = hinge[2] - mouth_rest[:, 2]
    fall = canonical[JAW_POINTS, 1] - mouth_rest[:, 1]
    angle = CHIN_LAG * float(lever @ fall / (lever @ lever))
    # The chin's skin also rises (pout, smile); the jaw cannot close further than the teeth.
    soft = CLOSED_SOFTNESS
    opened = soft * np.logaddexp(0.0, angle / soft) - soft * np.log(2)
    return float(np.clip(opened, 0.0, MAX_JAW_ANGLE))
