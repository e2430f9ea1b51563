"""Where the lids blink in a motion."""

from __future__ import annotations

import numpy as np

from openvasa.face.dynamics import DynamicsCode, lid_gap
from openvasa.motion.row import Row

BLINK_SHARE = 0.45
"""A blink is a dip of the lid opening below this share of its usual value."""


def lid_opening(code: DynamicsCode, motion: np.ndarray) -> np.ndarray:
    """(T,) opening of both eyes against the resting face of the mean head, 1 at rest."""
    rest = float(lid_gap(code.mean_shape))
    return 1 + lid_gap(code.decode(Row.split(motion).codes)) / rest


def blink_starts(code: DynamicsCode, motion: np.ndarray) -> np.ndarray:
    """(n,) frames at which the lids begin a dip."""
    opening = lid_opening(code, motion)
    shut = opening < BLINK_SHARE * np.median(opening)
    return np.flatnonzero(shut[1:] & ~shut[:-1]) + 1
