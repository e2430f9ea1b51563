"""What stands between open lips and reaches past their tracked edges.

Tracked edges of a laugh are off by px, most of all where dark lies in its corners, and a picture's
blur mixes what they part. A px beside the opening belongs to it where it is neither like the lips
nor like the skin near by, and is joined to the opening by such px.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from openvasa.render.mouth.palette import measure_light

REACH_ALONG, REACH_DOWN, REACH_UP = 0.6, 0.35, 0.1
"""Canonical units to the sides, down and up by which the opening may reach past its edges. How far
it does so upwards is measured before, by teeth alone: a moustache is no lip either."""

OUTLIER = 3.0
"""Robust standard deviations of lips and skin from which on a px is none of them."""

LEAST_UNLIKE = 18.0
"""Distance in RGB from lips and skin up to which a px may always be one of them."""


class Surface(NamedTuple):
    """Lips or skin.

    Attributes:
        colour: (h, w, 3) float32 RGB, spread from where it is seen.
        sure: (h, w) float32 in 0–1, how surely a px shows it.
    """

    colour: np.ndarray
    sure: np.ndarray


def find_rim(
    picture: np.ndarray,
    opening: np.ndarray,
    lips: np.ndarray,
    lip: Surface,
    skin: Surface,
    scale: float,
) -> np.ndarray:
    """(h, w) uint8, 255 in the opening and where what is no lip and no skin is joined to it.

    Args:
        picture: (h, w, 3) float32 RGB.
        opening, lips: (h, w) uint8, 255 between the tracked edges, and within the lips' outline.
        lip, skin: what lies around the opening.
        scale: px per canonical unit.
    """
    near = cv2.dilate(opening, _make_reach(scale)) > 0
    from_opening = cv2.distanceTransform(cv2.bitwise_not(opening), cv2.DIST_L2, 3)
    from_outline = cv2.distanceTransform(lips, cv2.DIST_L2, 3)
    unlike = _compare(picture, lip)
    # The outline is off as well, but nearer to the opening than to it there is no skin.
    outer = from_outline <= from_opening
    unlike[outer] = np.minimum(unlike, _compare(picture, skin))[outer]
    # Beyond the outline there are no teeth: what is lighter there is hair, or lies behind the face.
    surface = np.minimum(measure_light(lip.colour), measure_light(skin.colour))
    unlike[(lips == 0) & (measure_light(picture) > surface)] = 0
    joined = (near & (unlike > 1)) | (opening > 0)
    _, labels = cv2.connectedComponents(joined.astype(np.uint8), connectivity=4)
    return np.where(np.isin(labels, np.unique(labels[opening > 0])), 255, 0).astype(np.uint8)


def _compare(picture: np.ndarray, surface: Surface) -> np.ndarray:
    """(h, w) float32: how unlike the surface a px is; from 1 on it does not belong to it."""
    distance = np.linalg.norm(picture - surface.colour, axis=2)
    own = distance[surface.sure > 0.5]
    spread = 1.48 * float(np.median(own)) if own.size else np.inf
    return distance / max(OUTLIER * spread, LEAST_UNLIKE)


def _make_reach(scale: float) -> np.ndarray:
    """Kernel that dilates by the reach to the sides, down and up."""
    along, down, up = (
        max(round(reach * scale), 1) for reach in (REACH_ALONG, REACH_DOWN, REACH_UP)
    )
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * along + 1, 2 * down + 1))
    # A px is reached by what lies above it, so that the lower rows are those that reach upwards.
    kernel[down + up + 1 :] = 0
    return kernel
