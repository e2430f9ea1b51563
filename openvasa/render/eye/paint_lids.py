"""Lay skin over a lid that closes, and a line of lashes along its margin."""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from openvasa.maths import smoothstep_at
from openvasa.render.eye.lift import Eye
from openvasa.render.eye.outer_corner import lengthen_line
from openvasa.render.eye.points import find_down, is_clockwise
from openvasa.render.eye.shading import EyeShading, LashShading, LidShading

THINNEST_LINE = 0.7
"""Px, the least half width of the lash line: a thinner one would flicker."""


class LidSpan(NamedTuple):
    """Where skin lies over an upper lid in one frame.

    Attributes:
        margin: (10, 2) float64 px: where lashes end beyond the outer corner, and the lid's margin.
        whole: (9,) float64 px above it up to which skin covers the warp wholly.
        ends: (9,) float64 px above it up to which skin covers the warp at all.
        clockwise: whether the eye's points run clockwise in the picture.
    """

    margin: np.ndarray
    whole: np.ndarray
    ends: np.ndarray
    clockwise: bool


class LidPaint(NamedTuple):
    """What is laid over it.

    Attributes:
        skin: (LID_COLUMNS, 3) float32 RGB along the lid.
        lash: (3,) float32 RGB of the lash line.
        weight: 0–1, opacity of all of it.
        line: px, half width of the lash line.
        outer: 0–1, strength of the line at the outer corner.
    """

    skin: np.ndarray
    lash: np.ndarray
    weight: float
    line: float
    outer: float


def paint_lid(
    frame: np.ndarray,
    eye: Eye,
    lids: np.ndarray,
    fold: np.ndarray,
    zoom_by: float,
    weight: float,
    shading: EyeShading,
) -> None:
    """Paint one upper lid in place.

    Args:
        frame: (S, S, 3) uint8 RGB.
        eye: the eye.
        lids: (16, 2) px, the lid margin as drawn.
        fold: (9, 2) px, the upper lid's fold.
        zoom_by: the head's size in the frame over that in the portrait.
        weight: 0–1, opacity.
        shading: light and colour.
    """
    whole, ends = _measure_skin_reach(eye, lids, fold, zoom_by, shading.lash)
    width = float(np.linalg.norm(lids[8] - lids[0]))
    line = max(shading.lid.line_width * width, THINNEST_LINE)
    at_corner = shading.lid.line_at_corners
    outer = at_corner + (1 - at_corner) * min(eye.wing / shading.wing.full, 1.0)
    span = LidSpan(lengthen_line(lids, eye.wing), whole, ends, is_clockwise(lids))
    _paint(frame, span, LidPaint(eye.lid_skin, eye.lash, weight, line, outer), shading.lid)


def _measure_skin_reach(
    eye: Eye, lids: np.ndarray, fold: np.ndarray, zoom_by: float, shading: LashShading
) -> tuple[np.ndarray, np.ndarray]:
    """(9,) px above the upper lid's margin up to which skin covers the warp wholly, and at all."""
    height = np.maximum((lids[:9] - fold) @ find_down(lids), 0)
    # Below the fold the warp stretches what the portrait shows, above it hardly.
    above = np.minimum(height, eye.opening * zoom_by)
    whole, ends = (
        np.minimum(reach, 1) * height + np.maximum(reach - 1, 0) * above
        for reach in (
            np.maximum(np.maximum(eye.outline_reach, eye.lash_reach), shading.first_warp),
            np.maximum(eye.lash_reach + shading.fade, 1.0),
        )
    )
    return whole, ends


@numba.njit(cache=True, fastmath=True, nogil=True)
def _paint(frame: np.ndarray, span: LidSpan, paint: LidPaint, shading: LidShading) -> None:
    lid, line, skin = span.margin, paint.line, paint.skin
    tallest = span.ends.max()
    left = max(int(lid[:, 0].min()), 0)
    right = min(int(lid[:, 0].max()) + 2, frame.shape[1])
    top = max(int(lid[:, 1].min() - tallest), 0)
    bottom = min(int(lid[:, 1].max() + 4 * line) + 2, frame.shape[0])
    for y in range(top, bottom):
        for x in range(left, right):
            best, at, above = 1e18, 0.0, 0.0
            for i in range(9):
                ex, ey = lid[i + 1, 0] - lid[i, 0], lid[i + 1, 1] - lid[i, 1]
                px, py = x - lid[i, 0], y - lid[i, 1]
                t = min(max((px * ex + py * ey) / (ex * ex + ey * ey + 1e-9), 0.0), 1.0)
                dx, dy = px - t * ex, py - t * ey
                d = dx * dx + dy * dy
                if d < best:
                    best, at = d, i + t - 1
                    above = (py * ex - px * ey) * (-1.0 if span.clockwise else 1.0)
            distance = np.sqrt(best) if above > 0 else -np.sqrt(best)
            # Beyond the outer corner lashes alone go on.
            beyond = max(-at, 0.0)
            at = max(at, 0.0)
            i = min(int(at), 7)
            full = span.whole[i] + (at - i) * (span.whole[i + 1] - span.whole[i])
            end = span.ends[i] + (at - i) * (span.ends[i + 1] - span.ends[i])
            # Taper towards the corners, where lid and fold meet.
            corner = min(min(at, 8 - at) / shading.taper, 1.0)
            up = smoothstep_at(end, full - 1e-3, distance)
            under = min(max(distance + 1.0, 0.0), 1.0)
            cover = paint.weight * corner * up * under
            # Lashes of a closed eye hang below the line.
            spread = distance / (line if distance > 0 else shading.hanging * line)
            least = paint.outer if at < 4 else shading.line_at_corners
            strength = (least + (1 - least) * corner) * (1 - beyond)
            dark = paint.weight * strength * np.exp(-spread * spread) * shading.line_dark
            # The lid curves away from the light towards its margin.
            lost = shading.rounding
            if distance > 0:
                lost *= np.exp(-distance / (shading.rounding_reach * line))
            if cover + dark < 0.004:
                continue
            column = at / 8 * (skin.shape[0] - 1)
            j = min(int(column), skin.shape[0] - 2)
            for k in range(3):
                tone = skin[j, k] + (column - j) * (skin[j + 1, k] - skin[j, k])
                value = frame[y, x, k] + cover * (tone * (1 - lost) - frame[y, x, k])
                value += dark * (min(paint.lash[k], value) - value)
                frame[y, x, k] = np.uint8(value + 0.5)
