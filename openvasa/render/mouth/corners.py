"""The mouth's corners when lips part, purse or stop laughing: they lose half of the dark of their
crease, and beyond rounded lips all of it.

Closed and smiling lips meet at the corner in a crease, into which no light falls. A warp carries
that dark along with the skin, and draws it out into a star when the corner opens. Real corners then
turn to the light. A closing (Serra, "Image analysis and mathematical morphology", 1982) finds what
is darker than all around it and narrower than the crease; half of it is raised, to the lips' own
colour at most.
"""

from __future__ import annotations

import cv2
import numba
import numpy as np

from openvasa.face.latent import FrameGeometry
from openvasa.maths import smoothstep, smoothstep_at

CORNERS = np.array([[61, 78], [291, 308]])
"""Tracked outer and inner points of the right and the left corner."""

CREASE = 0.6
"""Canonical units: what is narrower belongs to a crease."""

RAISED = 0.5
"""Share of a crease's dark that goes when it opens; the rest is the shadow that corners keep.
Of 0, a half and 1, a half has the best PSNR on 36 training people's portraits with closed lips."""

REACH = 0.9
"""Canonical units around a corner within which its crease lies."""

PARTED = 0.05, 0.5
"""Canonical units by which lips are farther apart than in the portrait, over which creases open."""

PURSED = 0.03, 0.2
"""Share by which the mouth is narrower than in the portrait, over which creases open."""

DRAWN_APART = 1.08, 1.15
"""Width of the mouth over that at rest, over which it comes to be a laugh: of filmed people's 452
mouths that are a little open without a smile, 1 in 100 is wider than the first; of 242 that laugh,
3 in 4 are wider than the second."""

BEYOND = 0.1, 0.7, 1.6
"""Canonical units beyond a corner: over the first two rounded lips come to lose its crease; none
reaches past the third."""

SOFTNESS = 0.05
"""Canonical units over which what is raised is blurred: the skin keeps its grain."""


def measure_width(shape: np.ndarray) -> float:
    """Distance of the inner corners in a (478, 3) shape."""
    return float(np.linalg.norm(shape[308] - shape[78]))


def measure_laugh(shape: np.ndarray, width: float) -> float:
    """0–1, how far a (478, 3) shape draws the corners of its mouth apart, from its width at rest.

    Lips that only part leave the mouth as wide as it is, or make it narrower.
    """
    return float(smoothstep(*DRAWN_APART, measure_width(shape) / max(width, 1e-6)))


def measure_unfolding(parted: float, width: float, own_width: float) -> float:
    """0–1, how far the corners' creases are open.

    Args:
        parted: canonical units by which the lips are farther apart than in the portrait.
        width, own_width: of the mouth, and of the portrait's.
    """
    pursed = smoothstep(*PURSED, 1 - width / max(own_width, 1e-6))
    return float(max(smoothstep(*PARTED, parted), pursed))


def raise_creases(
    frame: np.ndarray, geometry: FrameGeometry, share: float, lip: np.ndarray
) -> None:
    """Raise the dark of both corners' creases, in place.

    Args:
        frame: (H, W, 3) uint8 RGB, before the mouth's interior is painted.
        geometry: the moment's geometry.
        share: 0–1, how far the creases are open.
        lip: (3,) RGB of the lips, which nothing is raised above.
    """
    if share <= 0:
        return
    scale = geometry.head.scale
    reach = REACH * scale
    for centre in geometry.landmarks[CORNERS, :2].mean(axis=1):
        around = _close_creases(frame, centre, reach, scale)
        if around is None:
            continue
        part, closed, low = around
        raised = _find_dark(part, closed, lip)
        raised = cv2.GaussianBlur(raised, (0, 0), max(SOFTNESS * scale, 0.3))
        x, y = (float(at) for at in centre - low)
        _raise(part, raised, x, y, reach, RAISED * share)


def shorten_creases(frame: np.ndarray, geometry: FrameGeometry, share: float) -> None:
    """Raise the dark of both creases beyond the corners of rounded lips to the skin, in place.

    Skin beside the mouth is drawn out as it narrows, and a crease with it; real creases go with
    the corner and stay as short as they are.

    Args:
        frame: (H, W, 3) uint8 RGB, before the mouth's interior is painted.
        geometry: the moment's geometry.
        share: 0–1, how round the lips are.
    """
    if share <= 0:
        return
    corners = geometry.landmarks[CORNERS[:, 0], :2]
    wide = float(np.hypot(*(corners[1] - corners[0])))
    # A turned mouth is foreshortened, and so is the skin beside it.
    scale = wide / max(
        float(np.linalg.norm(np.diff(geometry.canonical[CORNERS[:, 0]], axis=0))), 1e-6
    )
    if scale <= 0:
        return
    reach = (BEYOND[2] / 2 + CREASE) * scale
    for corner, other in zip(corners, corners[::-1], strict=True):
        away = (corner - other) / wide
        middle = corner + BEYOND[2] / 2 * scale * away
        around = _close_creases(frame, middle, reach, scale)
        if around is None:
            continue
        part, closed, low = around
        raised = cv2.subtract(closed, part)
        raised = cv2.GaussianBlur(raised, (0, 0), max(SOFTNESS * scale, 0.3))
        _raise_beyond(part, raised, corner - low, away, scale, share)


def _close_creases(
    frame: np.ndarray, middle: np.ndarray, reach: float, scale: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
    """The part of a frame `reach` px around a place, the same without dark that is narrower than a
    crease at `scale` px a unit, and the part's first px (x, y); None beside the picture."""
    height, width = frame.shape[:2]
    low = np.maximum(np.floor(middle - reach), 0).astype(int)
    high = np.minimum(np.ceil(middle + reach) + 1, (width, height)).astype(int)
    if (high - low < 2).any():
        return None
    side = 2 * max(round(CREASE * scale / 2), 1) + 1
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    part = frame[low[1] : high[1], low[0] : high[0]]
    return part, cv2.morphologyEx(part, cv2.MORPH_CLOSE, kernel), low


@numba.njit(cache=True, nogil=True)
def _find_dark(part: np.ndarray, closed: np.ndarray, lip: np.ndarray) -> np.ndarray:
    """(h, w, 3) float32: by how much the (h, w, 3) `part` is darker than both others."""
    dark = np.empty(part.shape, np.float32)
    for y in range(part.shape[0]):
        for x in range(part.shape[1]):
            for c in range(3):
                filled = min(float(closed[y, x, c]), float(lip[c]))
                dark[y, x, c] = np.float32(max(filled - part[y, x, c], 0.0))
    return dark


@numba.njit(cache=True, nogil=True)
def _raise(
    part: np.ndarray,
    raised: np.ndarray,
    centre_x: float,
    centre_y: float,
    reach: float,
    share: float,
) -> None:
    """Add what is to be raised, in place, the less the farther from the corner."""
    for y in range(part.shape[0]):
        for x in range(part.shape[1]):
            away = np.hypot(x - centre_x, y - centre_y) / reach
            weight = share * (1 - smoothstep_at(0.4, 1.0, away))
            for c in range(3):
                value = part[y, x, c] + weight * raised[y, x, c] + 0.5
                part[y, x, c] = np.uint8(min(max(value, 0.0), 255.0))


@numba.njit(cache=True, nogil=True)
def _raise_beyond(
    part: np.ndarray,
    raised: np.ndarray,
    corner: np.ndarray,
    away: np.ndarray,
    scale: float,
    share: float,
) -> None:
    """Add what is to be raised, in place, where a crease lies beyond a corner of rounded lips.

    Args:
        part: (h, w, 3) uint8 RGB around the crease.
        raised: (h, w, 3) uint8, how much is to be added where it is raised wholly.
        corner: (2,) the mouth's corner, px of `part`.
        away: (2,) unit vector from the other corner to this one.
        scale: px per canonical unit.
        share: 0–1, how round the lips are.
    """
    for y in range(part.shape[0]):
        for x in range(part.shape[1]):
            right, down = x - corner[0], y - corner[1]
            out = (right * away[0] + down * away[1]) / scale
            across = abs(down * away[0] - right * away[1]) / scale
            weight = smoothstep_at(BEYOND[0], BEYOND[1], out)
            weight *= 1 - smoothstep_at(BEYOND[1], BEYOND[2], out)
            weight *= share * (1 - smoothstep_at(CREASE / 2, CREASE, across))
            for c in range(3):
                value = part[y, x, c] + weight * raised[y, x, c] + 0.5
                part[y, x, c] = np.uint8(min(value, 255.0))
