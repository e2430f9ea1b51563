"""Cover what a portrait shows between its lips, so that the warp does not carry it along."""

from __future__ import annotations

import cv2
import numpy as np

from openvasa.face.latent import FaceLatent
from openvasa.render.mouth.opening import find_opening
from openvasa.render.mouth.palette import pick_palette
from openvasa.render.mouth.portrait_teeth import look_between_lips
from openvasa.render.mouth.shading import MouthShading

HOLE_UP, HOLE_WIDE = 4, 3
"""Stated px by which the hole is dilated. Upwards only: the lower lip's edge is sharp, the upper
one's lies in its own shadow."""

FILL_RADIUS = 4.0
"""Stated px around the hole that it is filled from."""

RIM_BLUR, RIM_FADE = 1.5, 1.0
"""Stated px over which what little of the rim is left outside the hole is spread, and over which
that fades out."""


def cover_opening(face: FaceLatent, shading: MouthShading | None = None) -> np.ndarray:
    """The portrait with lip colour in place of what shows between its lips.

    The tracked edges of open lips are a few px off, so that a warp of the portrait itself would
    carry rims of its teeth along with the lips; warp this picture instead.

    Returns:
        (S, S, 3) uint8 RGB; the portrait itself where its lips touch.
    """
    shading = shading or MouthShading()
    interior = look_between_lips(face, pick_palette(face, shading.tones).lip, shading)
    if interior is None:
        return face.image
    opening = find_opening(
        face.landmarks, face.head.scale, interior.opening, face.size, face.stated, shading.lips
    )
    if opening is None:
        return face.image
    stated = face.stated
    hole = np.zeros(face.image.shape[:2], np.uint8)
    h, w = opening.coverage.shape
    part = np.uint8(opening.coverage > 0.02) * 255
    hole[opening.top : opening.top + h, opening.left : opening.left + w] = part
    up, wide = max(round(HOLE_UP * stated), 2), max(round(HOLE_WIDE * stated), 2)
    hole = cv2.dilate(hole, np.ones((up, wide), np.uint8), anchor=(wide // 2, 1))
    filled = cv2.inpaint(face.image, hole, FILL_RADIUS * stated, cv2.INPAINT_TELEA)
    soft = cv2.GaussianBlur(filled, (0, 0), RIM_BLUR * stated).astype(np.float32)
    rim = cv2.dilate(hole, np.ones((3, 3), np.uint8)).astype(np.float32) / 255
    weight = cv2.GaussianBlur(rim, (0, 0), RIM_FADE * stated)[..., None]
    return (filled + weight * (soft - filled) + 0.5).astype(np.uint8)
