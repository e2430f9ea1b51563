"""Cover what a portrait shows between its lips, so that the warp does not carry it along."""

from __future__ import annotations

import cv2
import numpy as np

from openvasa.face.latent import FaceLatent
from openvasa.face.topology import INNER_LIPS, OUTER_LIPS
from openvasa.maths import smoothstep
from openvasa.render.mouth.opening import find_opening
from openvasa.render.mouth.palette import pick_palette
from openvasa.render.mouth.portrait_teeth import look_between_lips
from openvasa.render.mouth.shading import MouthShading

HOLE_UP, HOLE_WIDE = 4, 3
"""Stated px by which the hole is dilated. Upwards only: the lower lip's edge is sharp, the upper
one's lies in its own shadow."""

FILL_NEAR, FILL_FAR = 3.0, 12.0
"""Stated px over which lips lend the hole their colour: from near by where enough of them is in
sight, else from farther along them."""

ENOUGH = 0.15
"""Share of what is near by that has to be lip."""

RIM = 2.0
"""Stated px of the lips around the hole that are mixed with what they surround: they fade into
what the hole is filled with, and half of that is continued from them."""

EDGE, INSET = 1.5, 1.0
"""Stated px over which the lips' outer edge is soft, and by which it lies within the tracked
one."""

DEEP = 4.0
"""Stated px from its edges at which a px is lip and nothing else. Outlines are tracked to a px or
two: near them, and all through a thin lip, skin is taken for lip."""

CORE = 0.6, 1.0
"""Share of that, or of the deepest px' depth where lips are thinner, over which px come to lend
their colour."""

LENT = 0.5
"""Share of the lips' colour deep in them in what fills the hole; the rest is that of its rim, which
is darker, as lips are where they turn inwards. With less, frames of 36 training people are fitted a
little better, and a thin lip that closes over teeth in its shadow shows more of them as a band."""

CORNER = 0.2, 1.2
"""Canonical units from a corner of the mouth over which lip colour takes over from what is there:
corners are dark and have no lips to lend."""


def cover_opening(face: FaceLatent, shading: MouthShading | None = None) -> np.ndarray:
    """The portrait with the colour of lips and their rim in place of what shows between its lips.

    The tracked edges of open lips are a few px off, so that a warp of the portrait itself would
    carry rims of its teeth along with the lips; warp this picture instead.

    Returns:
        (S, S, 3) uint8 RGB; the portrait itself where its lips touch.
    """
    shading = shading or MouthShading()
    lip = pick_palette(face, shading.tones).lip
    interior = look_between_lips(face, lip, shading)
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
    outline = np.rint(face.landmarks[OUTER_LIPS, :2]).astype(np.int32)
    lips = cv2.fillPoly(np.zeros_like(hole), [outline], 255)
    around = max(round(FILL_FAR * stated), 1)
    low = np.maximum(outline.min(axis=0) - around, 0)
    high = np.minimum(outline.max(axis=0) + around + 1, face.size)
    part = slice(low[1], high[1]), slice(low[0], high[0])
    y, x = np.mgrid[part]
    corners = face.landmarks[[INNER_LIPS[0], INNER_LIPS[10]], :2]
    away = np.min([np.hypot(x - left, y - top) for left, top in corners], axis=0)
    lent = smoothstep(*CORNER, away / face.head.scale).astype(np.float32)[..., None]
    covered = face.image.copy()
    covered[part] = _fill_with_lips(face.image[part], hole[part], lips[part], lent, stated)
    return covered


def _fill_with_lips(
    image: np.ndarray, hole: np.ndarray, lips: np.ndarray, lent: np.ndarray, stated: float
) -> np.ndarray:
    """(h, w, 3) uint8: the picture with its lips continued in the hole between them.

    Lips that close show the rim of the hole as a part of themselves. What else borders on it, the
    skin above a thin lip or teeth and their shadow, would stand on them as a band; half of it does.

    Args:
        image: (h, w, 3) uint8 RGB.
        hole, lips: (h, w) uint8, 255 inside.
        lent: (h, w, 1) float32 in 0–1, how far lips lend `LENT` of their colour; else
            it is that around.
        stated: px that one stated px is long.
    """
    around = cv2.inpaint(image, hole, RIM * stated, cv2.INPAINT_TELEA)
    sure = _find_core(hole, lips, lent, stated)
    if not sure.any():
        return around
    picture, beside = image.astype(np.float32), around.astype(np.float32)
    colour = beside + LENT * lent * (_spread(picture, sure, stated) - beside)
    inside = hole.astype(np.float32) / 255
    faded = np.minimum(2 * cv2.GaussianBlur(inside, (0, 0), RIM * stated), 1)
    # Lips end softly: their outline is tracked to a px or two.
    within = cv2.GaussianBlur(_shrink(lips, INSET * stated), (0, 0), EDGE * stated)
    faded = faded * (within.astype(np.float32) / 255)
    filled = inside[..., None] + lent * (faded - inside)[..., None]
    return np.clip(picture + filled * (colour - picture) + 0.5, 0, 255).astype(np.uint8)


def _shrink(mask: np.ndarray, px: float) -> np.ndarray:
    """(h, w) uint8 mask without its outer px; what is left of a px of the edge counts by its share.

    Args:
        mask: (h, w) uint8, 255 inside; what lies beyond the picture counts as inside.
        px: how far its edge moves inwards, measured along rows and columns.
    """
    depth = cv2.distanceTransform(mask, cv2.DIST_C, 3)
    return np.rint(255 * np.clip(depth - px, 0, 1)).astype(np.uint8)


def _find_core(hole: np.ndarray, lips: np.ndarray, lent: np.ndarray, stated: float) -> np.ndarray:
    """(h, w) float32 in 0–1: how surely a px shows a lip, by how deep in it the px lies.

    Args:
        hole, lips, lent, stated: as of `_fill_with_lips`.
    """
    beside = cv2.distanceTransform(lips, cv2.DIST_L2, 3)
    around = cv2.distanceTransform(cv2.bitwise_not(hole), cv2.DIST_L2, 3)
    # From the edge, which lies half a px nearer than the first px beyond it.
    depth = np.maximum(np.minimum(beside, around) - 0.5, 0) * (lent[..., 0] > 0.5)
    deep = min(float(depth.max()), DEEP * stated)
    return smoothstep(*CORE, depth / max(deep, 1e-6)).astype(np.float32)


def _spread(picture: np.ndarray, sure: np.ndarray, stated: float) -> np.ndarray:
    """(h, w, 3) float32 colour of the px of a (h, w, 3) picture around that are sure, smooth."""
    weights = sure[..., None]
    # The usual colour, not the mean: highlights are no colour of the lips.
    colour = np.median(picture[sure > 0.5], axis=0)
    for radius in (FILL_FAR, FILL_NEAR):
        share = cv2.GaussianBlur(sure, (0, 0), radius * stated)[..., None]
        mean = cv2.GaussianBlur(weights * picture, (0, 0), radius * stated)
        known = np.minimum(share / ENOUGH, 1)
        colour = colour + known * (mean / np.maximum(share, 1e-6) - colour)
    return colour
