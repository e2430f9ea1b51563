"""The colour of a portrait's skin, where cheeks show it."""

from __future__ import annotations

import cv2
import numpy as np

from openvasa.face.latent import FaceLatent

CHEEKS = np.array([50, 280, 205, 425, 187, 411, 36, 266, 101, 330])
"""Tracked points of cheeks."""
RADIUS = 0.15
"""Canonical units around them over which skin is averaged."""


def measure_skin(face: FaceLatent) -> np.ndarray:
    """(3,) float32 RGB of the skin, in the portrait's own light."""
    radius = max(int(RADIUS * face.head.scale), 1)
    return np.median(average_around(face.image, face.landmarks[CHEEKS, :2], radius), axis=0)


def average_around(image: np.ndarray, points: np.ndarray, radius: int) -> np.ndarray:
    """(N, 3) float32 mean colour of the image around (N, 2) px."""
    blurred = cv2.blur(image, (2 * radius + 1, 2 * radius + 1))
    at = np.clip(np.round(points).astype(int), 0, np.array(image.shape[1::-1]) - 1)
    return blurred[at[:, 1], at[:, 0]].astype(np.float32)
