"""Tracked points that anchor codes and warps, and by which geometry drives the learned latent."""

from __future__ import annotations

import numpy as np

from openvasa.face.topology import (
    FACE_OVAL,
    INNER_LIPS,
    LEFT_BROW,
    LEFT_EYE,
    LEFT_IRIS,
    OUTER_LIPS,
    RIGHT_BROW,
    RIGHT_EYE,
    RIGHT_IRIS,
    RIGID,
    canonical_mesh,
    mirror_pairs,
)

_CHOSEN = np.concatenate(
    [INNER_LIPS, OUTER_LIPS, RIGHT_EYE, LEFT_EYE, RIGHT_IRIS, LEFT_IRIS, RIGHT_BROW, LEFT_BROW]
    + [FACE_OVAL[::2], RIGID]
)
FEATURES = np.unique(np.concatenate([_CHOSEN, mirror_pairs()[_CHOSEN]]))
"""Numbers of the tracked points that anchor codes and warps: lips, lids, irises, brows, outline and
points of the skull."""


def mean_points() -> np.ndarray:
    """(K, 3) float32 canonical: `FEATURES` on the mean head.

    Google's mean head has no irises; they lie in the middle of the lids, at half an iris' width.
    """
    head = canonical_mesh()[0]
    points = np.zeros((478, 3), np.float32)
    points[: len(head)] = head
    limbus = 0.55 * np.array([[0, 0, 0], [1, 0, 0], [0, -1, 0], [-1, 0, 0], [0, 1, 0]])
    for iris, lids in ((RIGHT_IRIS, RIGHT_EYE), (LEFT_IRIS, LEFT_EYE)):
        points[iris] = head[lids].mean(axis=0) + limbus
    return points[FEATURES]


def mirror_order() -> np.ndarray:
    """(K,) int64: for each of `FEATURES` the place among them of its mirror image."""
    mirrored = mirror_pairs()[FEATURES]
    return np.searchsorted(FEATURES, mirrored)
