"""Tracked points of an eye, and what their places say about its opening."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np

from openvasa.face.topology import LEFT_EYE, LEFT_IRIS, RIGHT_EYE, RIGHT_IRIS

UPPER_LID_SHARE = 0.85
"""Part of the way between open and closed eye that the upper lid goes."""

FOLD_SHARE = 0.5
"""Part of the upper lid's way that its fold goes along."""


@dataclass(frozen=True)
class EyePoints:
    """Tracked points of one eye.

    Attributes:
        loop: (16,) lid margin: outer corner, upper lid, inner corner, lower lid.
        fold: (9,) the upper lid's fold from the outer to the inner corner, above `loop[:9]`.
        iris: (5,) centre and limbus.
    """

    loop: np.ndarray
    fold: np.ndarray
    iris: np.ndarray


RIGHT = EyePoints(RIGHT_EYE, np.array([33, 247, 30, 29, 27, 28, 56, 190, 133]), RIGHT_IRIS)
LEFT = EyePoints(LEFT_EYE, np.array([263, 467, 260, 259, 257, 258, 286, 414, 362]), LEFT_IRIS)


_LOWER_LID = (16 - np.arange(9)) % 16


def pick_lower_lid(lids: np.ndarray) -> np.ndarray:
    """(9, 2) points of the lower lid below the upper lid's `lids[:9]`, corners included."""
    return lids[_LOWER_LID]


def find_down(lids: np.ndarray) -> np.ndarray:
    """(2,) unit vector across the opening, from the upper lid to the lower."""
    return np.array(_find_down(lids))


@numba.njit(cache=True)
def _find_down(lids: np.ndarray) -> tuple[float, float]:
    x, y = float(lids[8, 0] - lids[0, 0]), float(lids[8, 1] - lids[0, 1])
    length = np.sqrt(x * x + y * y) + 1e-9
    # The outer corner lies left of the inner one in one eye, right of it in the other.
    side = 1 if lids[0, 0] < lids[8, 0] else -1
    return -side * y / length, side * x / length


def is_clockwise(lids: np.ndarray) -> bool:
    """Whether the eye's loop of points runs clockwise in the picture: its outer corner is left."""
    return bool(lids[0, 0] < lids[8, 0])


@numba.njit(cache=True)
def measure_opening(lids: np.ndarray) -> float:
    """Mean distance of the lids of a (16, 2) loop, in its unit; < 0 where they cross."""
    down_x, down_y = _find_down(lids)
    total = 0.0
    for i in range(1, 8):
        total += (lids[16 - i, 0] - lids[i, 0]) * down_x + (lids[16 - i, 1] - lids[i, 1]) * down_y
    return total / 7


def move_lids(
    landmarks: np.ndarray, part: EyePoints, share: float, fold_share: float = FOLD_SHARE
) -> None:
    """Bring the lids of one eye together by a share of the opening between them, in place.

    Args:
        landmarks: (478, 3) px.
        part: the eye.
        share: 1 shuts it.
        fold_share: part of the upper lid's way that its fold goes along.
    """
    lids = landmarks[part.loop, :2]
    step = share * (pick_lower_lid(lids) - lids[:9])[1:8]
    landmarks[part.loop[1:8], :2] += UPPER_LID_SHARE * step
    landmarks[part.fold[1:8], :2] += fold_share * UPPER_LID_SHARE * step
    landmarks[part.loop[:8:-1], :2] -= (1 - UPPER_LID_SHARE) * step


def measure_crossing(lids: np.ndarray) -> np.ndarray:
    """(9, 2) how far, and which way, the upper lid's points have to go back to the lower lid."""
    down = find_down(lids)
    return np.minimum((pick_lower_lid(lids) - lids[:9]) @ down, 0)[:, None] * down
