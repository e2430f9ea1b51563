"""Cover what a portrait shows between its lips, so that the warp does not carry it along."""

from __future__ import annotations

import cv2
import numpy as np

from openvasa.face.latent import FaceLatent
from openvasa.face.topology import FACE_OVAL, INNER_LIPS, OUTER_LIPS
from openvasa.maths import smoothstep
from openvasa.render.mouth.opening import find_opening
from openvasa.render.mouth.palette import pick_palette
from openvasa.render.mouth.portrait_teeth import look_between_lips
from openvasa.render.mouth.rim import Surface, find_rim
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
"""Stated px of the lips around the hole that are mixed with what they surround: they lend no
colour, and fade into what the hole is filled with."""

EDGE = 1.5
"""Stated px over which the lips' outer edge is soft."""

DEEP = 4.0
"""Stated px from its edges at which a px is lip and nothing else. Outlines are tracked to a px or
two: near them, and all through a thin lip, skin is taken for lip."""

CORE = 0.6, 1.0
"""Share of that, or of the deepest px' depth where lips are thinner, over which px come to lend
their colour."""

SKIN_FROM = 0.3
"""Canonical units from the lips' outline at which a px is skin and nothing else."""

TAPER = 0.2, 1.0
"""Canonical units from a corner of the mouth over which lips come to lend colour, and to be what
the hole is filled with: corners are dark, and lips end there."""


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
    outline = np.rint(face.landmarks[OUTER_LIPS, :2]).astype(np.int32)
    lips = cv2.fillPoly(np.zeros_like(hole), [outline], 255)
    around = max(round(FILL_FAR * stated), 1)
    low = np.maximum(outline.min(axis=0) - around, 0)
    high = np.minimum(outline.max(axis=0) + around + 1, face.size)
    part = slice(low[1], high[1]), slice(low[0], high[0])
    around_face = np.rint(face.landmarks[FACE_OVAL, :2]).astype(np.int32)
    oval = cv2.fillPoly(np.zeros_like(hole), [around_face], 1)
    lent = _lend(face, low, high)
    scales = face.head.scale, stated
    covered = face.image.copy()
    masks = hole[part], lips[part], oval[part]
    covered[part] = _fill_with_lips(face.image[part], *masks, lent, scales)
    return covered


def _lend(face: FaceLatent, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """(h, w) float32 in 0–1, from px `low` to `high`: how far a px is from the mouth's corners."""
    y, x = np.mgrid[low[1] : high[1], low[0] : high[0]]
    corners = face.landmarks[[INNER_LIPS[0], INNER_LIPS[10]], :2]
    away = np.min([np.hypot(x - left, y - top) for left, top in corners], axis=0)
    return smoothstep(*TAPER, away / face.head.scale).astype(np.float32)


def _fill_with_lips(
    image: np.ndarray,
    hole: np.ndarray,
    lips: np.ndarray,
    oval: np.ndarray,
    lent: np.ndarray,
    scales: tuple[float, float],
) -> np.ndarray:
    """(h, w, 3) uint8: the picture with the colour of its lips in the hole between them.

    Lips that close show the rim of the hole as a part of themselves. What else borders on it, the
    skin above a thin lip or teeth and their shadow, would stand on them as a band.

    Args:
        image: (h, w, 3) uint8 RGB.
        hole, lips: (h, w) uint8, 255 inside.
        oval: (h, w) uint8, 1 where the face is.
        lent: (h, w) float32 in 0–1, how far lips lend their colour; else it is the skin's.
        scales: px that one canonical unit and that one stated px is long.
    """
    scale, stated = scales
    picture = image.astype(np.float32)
    sure = _find_core(hole, lips, lent, stated)
    if not sure.any():
        return cv2.inpaint(image, hole, RIM * stated, cv2.INPAINT_TELEA)
    lip = Surface(_spread(picture, sure, stated), sure)
    bare = _find_skin(hole, lips, scale) * oval
    skin = Surface(_spread(picture, bare, stated), bare)
    # A corner at the silhouette of a turned face has other things than skin beside it.
    inner = cv2.max(oval, hole // 255)
    hole = find_rim(picture, hole, lips, lip, skin, scale)
    # What is mixed half and half is still like the lips.
    mixed = 2 * max(round(stated), 1) + 1
    hole = cv2.dilate(hole, np.ones((mixed, mixed), np.uint8))
    # Lips end softly: their outline is tracked to a px or two.
    within = cv2.GaussianBlur(cv2.erode(lips, np.ones((3, 3), np.uint8)), (0, 0), EDGE * stated)
    within = (lent * within.astype(np.float32) / 255)[..., None]
    colour = skin.colour + within * (lip.colour - skin.colour)
    inside = hole.astype(np.float32) / 255
    filled = np.minimum(2 * cv2.GaussianBlur(inside, (0, 0), RIM * stated), 1) * inner
    return np.clip(picture + filled[..., None] * (colour - picture) + 0.5, 0, 255).astype(np.uint8)


def _find_skin(hole: np.ndarray, lips: np.ndarray, scale: float) -> np.ndarray:
    """(h, w) float32, 1 where neither lips nor what is between them are near."""
    clear = 2 * max(round(SKIN_FROM * scale), 1) + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (clear, clear))
    return (cv2.dilate(cv2.max(hole, lips), disc) == 0).astype(np.float32)


def _find_core(hole: np.ndarray, lips: np.ndarray, lent: np.ndarray, stated: float) -> np.ndarray:
    """(h, w) float32 in 0–1: how surely a px shows a lip, by how deep in it the px lies.

    Args:
        hole, lips, lent, stated: as of `_fill_with_lips`.
    """
    beside = cv2.distanceTransform(lips, cv2.DIST_L2, 3)
    around = cv2.distanceTransform(cv2.bitwise_not(hole), cv2.DIST_L2, 3)
    # From the edge, which lies half a px nearer than the first px beyond it.
    depth = np.maximum(np.minimum(beside, around) - 0.5, 0) * (lent > 0.5)
    deep = min(float(depth.max()), DEEP * stated)
    return smoothstep(*CORE, depth / max(deep, 1e-6)).astype(np.float32)


def _spread(picture: np.ndarray, sure: np.ndarray, stated: float) -> np.ndarray:
    """(h, w, 3) float32 colour of the px of a (h, w, 3) picture around that are sure, smooth."""
    weights = sure[..., None]
    seen = sure > 0.5
    # The usual colour, not the mean: highlights are no colour of the lips.
    colour = np.median(picture[seen if seen.any() else ...].reshape(-1, 3), axis=0)
    for radius in (FILL_FAR, FILL_NEAR):
        share = cv2.GaussianBlur(sure, (0, 0), radius * stated)[..., None]
        mean = cv2.GaussianBlur(weights * picture, (0, 0), radius * stated)
        known = np.minimum(share / ENOUGH, 1)
        colour = colour + known * (mean / np.maximum(share, 1e-6) - colour)
    return colour
