"""Lashes and lines of make-up beyond the outer corner: they follow the lid when it closes.

Tracked points end at the corner. What the upper lid's lashes draw beyond it stays with the skin
there, and a closed eye would end in a star of them. A closing (Serra, "Image analysis and
mathematical morphology", 1982) finds what is darker than all around and narrower than lashes; it is
raised to the skin's colour as the lid comes down, and the line of the closed lid goes on as far.
"""

from __future__ import annotations

import cv2
import numba
import numpy as np

from openvasa.face.latent import FaceLatent
from openvasa.maths import smoothstep_at
from openvasa.render.eye.points import EyePoints, find_down
from openvasa.render.eye.shading import WingShading
from openvasa.render.eye.view import sample

ANGLES = np.radians(np.linspace(-20, 60, 17))
"""Directions in which lashes beyond the corner are looked for, from straight outwards up."""

COARSE_WIDTH = 32.0
"""Px to which an eye is brought before skin is looked for around its lashes: skin is smooth."""


def measure_wing(face: FaceLatent, part: EyePoints, shading: WingShading) -> float:
    """How far lashes reach beyond the outer corner in the portrait, widths of the eye.

    Args:
        face: the portrait.
        part: the eye's points.
        shading: what counts as lashes.
    """
    lids = face.landmarks[part.loop, :2].astype(np.float64)
    outwards, up = _find_axes(lids)
    reach = np.linspace(0, shading.reach, 25)
    ways = np.cos(ANGLES)[:, None] * outwards + np.sin(ANGLES)[:, None] * up
    spots = lids[0] + reach[:, None, None] * ways * np.linalg.norm(lids[0] - lids[8])
    luma = sample(face.image, spots[..., 0], spots[..., 1]).mean(axis=2)
    dark = luma < shading.dark * np.percentile(luma, 75)
    # A dark run that starts farther out is hair, a brow or the rim of glasses.
    begun = dark[reach <= shading.first].any(axis=0)
    started = np.logical_or.accumulate(dark, axis=0)
    ended = np.logical_or.accumulate(started & ~dark, axis=0)
    ends = np.where(begun & ended[-1], reach[(~ended).sum(axis=0) - 1], 0.0)
    return float(np.sort(ends)[-2])


def clear_wing(
    frame: np.ndarray, lids: np.ndarray, wing: float, weight: float, shading: WingShading
) -> None:
    """Raise what lashes darken beyond the outer corner to the skin's colour, in place.

    Args:
        frame: (H, W, 3) uint8 RGB, before the lid is painted.
        lids: (16, 2) px, the lid margin as drawn.
        wing: from `measure_wing`.
        weight: 0–1, how far the lid has closed.
        shading: what counts as lashes.
    """
    if wing <= 0 or weight <= 0:
        return
    width = float(np.linalg.norm(lids[0] - lids[8]))
    outwards, up = _find_axes(lids)
    radius = (wing + shading.around) * width
    centre = lids[0] + (outwards + up) * radius / 3
    edge = radius + shading.thickest * width
    low = np.maximum(np.floor(centre - edge), 0).astype(int)
    high = np.minimum(np.ceil(centre + edge) + 1, frame.shape[1::-1]).astype(int)
    if (high - low < 3).any():
        return
    part = frame[low[1] : high[1], low[0] : high[0]]
    skin = _find_skin(part, width, shading.thickest)
    _raise(part, skin, centre - low, radius, weight, shading)


def _find_skin(part: np.ndarray, width: float, thickest: float) -> np.ndarray:
    """(h, w, 3) uint8: a coarse part of a frame, smooth, with what is dark and narrow filled in.

    Args:
        part: (H, W, 3) uint8.
        width: of the eye, px.
        thickest: what counts as narrow, widths.
    """
    zoom = min(COARSE_WIDTH / width, 1.0)
    # A part that the frame cuts to a strip keeps two rows and columns to interpolate between.
    size = (max(round(part.shape[1] * zoom), 2), max(round(part.shape[0] * zoom), 2))
    coarse = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
    side = 2 * max(round(thickest * width * zoom / 2), 1) + 1
    filled = cv2.morphologyEx(coarse, cv2.MORPH_CLOSE, np.ones((side, side), np.uint8))
    return cv2.GaussianBlur(filled, (0, 0), side / 4)


@numba.njit(cache=True, fastmath=True, nogil=True)
def _raise(
    part: np.ndarray,
    skin: np.ndarray,
    centre: np.ndarray,
    radius: float,
    weight: float,
    shading: WingShading,
) -> None:
    """Raise what is darker than the coarse skin around it, within `radius` px of the centre."""
    height, width = part.shape[:2]
    rows, columns = skin.shape[:2]
    tone = np.empty(3, np.float32)
    for y in range(height):
        for x in range(width):
            away = np.hypot(x - centre[0], y - centre[1]) / radius
            if away >= 1:
                continue
            u = min(max((x + 0.5) * columns / width - 0.5, 0.0), columns - 1.001)
            v = min(max((y + 0.5) * rows / height - 0.5, 0.0), rows - 1.001)
            i, j = int(v), int(u)
            fv, fu = v - i, u - j
            own = lit = 0.0
            for k in range(3):
                above = skin[i, j, k] + fu * (float(skin[i, j + 1, k]) - skin[i, j, k])
                below = skin[i + 1, j, k] + fu * (float(skin[i + 1, j + 1, k]) - skin[i + 1, j, k])
                tone[k] = above + fv * (below - above)
                own += part[y, x, k]
                lit += tone[k]
            share = smoothstep_at(shading.skin_light, shading.lash_light, own / max(lit, 1.0))
            share *= weight * (1 - smoothstep_at(0.5, 1.0, away))
            for k in range(3):
                part[y, x, k] = np.uint8(part[y, x, k] + share * (tone[k] - part[y, x, k]) + 0.5)


def lengthen_line(lids: np.ndarray, wing: float) -> np.ndarray:
    """(10, 2) the margin of a closing upper lid, and before it where its lashes end.

    Args:
        lids: (16, 2) px, the lid margin as drawn.
        wing: from `measure_wing`.
    """
    outwards = _find_axes(lids)[0]
    onwards = lids[0] - lids[2]
    onwards = outwards + onwards / max(float(np.linalg.norm(onwards)), 1e-9)
    onwards /= max(float(np.linalg.norm(onwards)), 1e-9)
    length = max(wing, 1e-3) * np.linalg.norm(lids[0] - lids[8])
    return np.vstack([lids[0] + length * onwards, lids[:9]])


def _find_axes(lids: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(2,) unit vectors: outwards from the outer corner, and up."""
    outwards = (lids[0] - lids[8]) / max(float(np.linalg.norm(lids[0] - lids[8])), 1e-9)
    return outwards, -find_down(lids)
