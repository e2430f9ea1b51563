"""What of a portrait's surface is loose, and how far it may stay behind the head.

The farther a point of the surface lies from the skull, the longer is the lock, earring or veil that
holds it. What lies on the skull and on the neck is rigid.
"""

from __future__ import annotations

import numpy as np

from openvasa.face.canonical import HeadTransform
from openvasa.maths import smoothstep
from openvasa.render.hair_lag import PENDULUM_LENGTH

SNUG = 1.5
"""Canonical units from skull and face within which hair and ears are held."""

NECK = 6.0, 9.0
"""Canonical units beside the middle of the neck, between which its skin gives way to hair: half the
width of a neck, and that of a neck with a jaw before it."""

JAW = 4.0, 8.0
"""Canonical heights between which the head's sides give way to the neck's: from the lobes of the
ears down to the angles of the jaw."""

STEEPEST_SWING = 0.35
"""Tangent of the angle by which a lock swings out at most. Beyond it lies the neck or a cheek; and
below 1 no part of the surface can fold over another."""


def find_free_length(
    rings: np.ndarray, aside: np.ndarray, centre: np.ndarray, axes: np.ndarray
) -> np.ndarray:
    """(P,) float32 canonical length of what hangs free between skull or face and each point.

    Args:
        rings: (P, 3) canonical points.
        aside: (P,) canonical distance of each from the face's oval, across the line of sight.
        centre, axes: (3,) of the skull's ellipsoid, canonical.
    """
    spokes = rings - centre
    beyond = 1 - 1 / np.maximum(np.linalg.norm(spokes / axes, axis=1), 1)
    length = np.minimum(np.linalg.norm(spokes, axis=1) * beyond, aside)
    length = np.maximum(length - SNUG, 0)
    beside = smoothstep(*NECK, np.abs(rings[:, 0]))
    below = smoothstep(*JAW, rings[:, 1])
    return (length * (1 - below * (1 - beside))).astype(np.float32)


def swing_out(
    free: np.ndarray, points: np.ndarray, head: HeadTransform, trailed: HeadTransform
) -> np.ndarray:
    """(P, 3) float32 px by which loose points are behind the head.

    Args:
        free: (P,) canonical length of what hangs free at each point.
        points: (P, 3) canonical.
        head: where the head is.
        trailed: where hair still takes it to be.
    """
    behind = trailed.apply(points) - head.apply(points)
    # In front of or behind its place, hair is hidden or hides as before.
    behind[:, 2] = 0
    behind *= np.minimum(free / PENDULUM_LENGTH, 1)[:, None]
    most = STEEPEST_SWING * head.scale * np.maximum(free, 1e-6)
    reach = np.linalg.norm(behind, axis=1) / most
    return behind / np.sqrt(1 + reach**2)[:, None]
