"""The opening between the lips of a frame: which px it covers, and how much light falls in."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

import numba
import numpy as np

from openvasa.face.topology import INNER_LIPS
from openvasa.maths import smoothstep_at
from openvasa.render.mouth.shading import LipShade

CONTOUR_SAMPLES = 96
"""Places along the lips, from the right to the left corner, at which their edges are known."""

PARTS_FROM, PARTS_TO = 0.4, 1.6
"""Stated px between the lips over which the opening comes to be seen."""

EDGE_SOFTNESS = 1.2
EDGE_OUTSIDE = 7 / 12
"""Px over which the lips' edges are anti-aliased, and the share of that which lies outside."""


@dataclass(frozen=True)
class PortraitOpening:
    """How the portrait's mouth is open; all 0 where its lips touch. Canonical units.

    Attributes:
        gap: height of the opening.
        overlap: (CONTOUR_SAMPLES,) float64, how far its interior reaches past the tracked edge of
            the upper lip, from the right to the left corner.
        rise: how far it stays above the tracked edge of the lower lip.
        seam: 0–1, how much of a contact line the closed lips need: lips that touch in the
            portrait bring theirs.
    """

    gap: float = 0.0
    overlap: np.ndarray = field(default_factory=lambda: np.zeros(CONTOUR_SAMPLES))
    rise: float = 0.0
    seam: float = 0.0


class LipOpening(NamedTuple):
    """The gap between the lips in the picture, over a box of pixels.

    Attributes:
        left, top: px of the box's first pixel.
        coverage: (h, w) float32 in 0–1, share of the pixel between the lips.
        light: (h, w) float32 in 0–1, light that reaches a tooth there.
        gap: (h, w) float32 height of the opening in canonical units.
        seam: (h, w) float32 in 0–1, weight of the contact line.
    """

    left: int
    top: int
    coverage: np.ndarray
    light: np.ndarray
    gap: np.ndarray
    seam: np.ndarray


class LipEdges(NamedTuple):
    """The lips' edges over places along the mouth, px.

    Attributes:
        centre: (2,) px, the middle between the mouth's corners.
        along: (2,) unit vector from the right to the left corner.
        start: where along the first place lies.
        step: distance of two places.
        upper, lower: (CONTOUR_SAMPLES,) height of each edge across, down positive.
    """

    centre: np.ndarray
    along: np.ndarray
    start: float
    step: float
    upper: np.ndarray
    lower: np.ndarray


class ShownOpening(NamedTuple):
    """`PortraitOpening` in px of the frame, and the frame's scales.

    Attributes:
        gap, overlap, rise: as there, px.
        scale: px per canonical unit.
        stated: px that one stated px is long.
    """

    gap: float
    overlap: np.ndarray
    rise: float
    scale: float
    stated: float


def find_opening(
    landmarks: np.ndarray,
    scale: float,
    shown: PortraitOpening,
    size: tuple[int, int],
    stated: float,
    shade: LipShade,
    softness: float = 0.0,
) -> LipOpening | None:
    """Find the opening of the lips; None where it lies outside the picture.

    Args:
        landmarks: (478, 3) px.
        scale: px per canonical unit.
        shown: how the portrait's mouth is open.
        size: width and height of the frame, px.
        stated: px that one stated px is long.
        shade: what the lips leave of the light.
        softness: canonical units over which the lips' edges are soft besides.
    """
    lips = landmarks[INNER_LIPS, :2].astype(np.float64)
    edges = _find_edges(lips)
    overlap = shown.overlap * scale
    softened = softness * scale
    pad = 3 + softened + overlap.max()
    low = np.maximum(np.floor(lips.min(axis=0) - pad), 0).astype(int)
    high = np.minimum(np.ceil(lips.max(axis=0) + softened) + 4, size).astype(int)
    if (high <= low).any():
        return None
    maps = np.zeros((4, high[1] - low[1], high[0] - low[0]), np.float32)
    opening = LipOpening(int(low[0]), int(low[1]), *maps)
    in_px = ShownOpening(shown.gap * scale, overlap, shown.rise * scale, float(scale), stated)
    _fill_opening(opening, edges, in_px, shade, EDGE_SOFTNESS + softened)
    return opening


def _find_edges(lips: np.ndarray) -> LipEdges:
    """Edges of the lips from the (20, 2) px loop of their inner points."""
    centre = (lips[0] + lips[10]) / 2
    along = lips[10] - lips[0]
    along /= max(float(np.hypot(*along)), 1e-6)
    down = np.array([-along[1], along[0]])
    curves = [
        _draw_curve(points, CONTOUR_SAMPLES) - centre
        for points in (lips[:11], np.vstack([lips[10:], lips[:1]])[::-1])
    ]
    places = []
    for curve in curves:
        # Where a turned head hides a corner the edge folds back: its silhouette is the corner.
        s, half = curve @ along, CONTOUR_SAMPLES // 2
        s[:half] = np.minimum.accumulate(s[half - 1 :: -1])[::-1]
        places.append(np.maximum.accumulate(s))
    start, end = min(s[0] for s in places), max(s[-1] for s in places)
    grid = np.linspace(start, end, CONTOUR_SAMPLES)
    upper, lower = (
        np.interp(grid, s, curve @ down) for s, curve in zip(places, curves, strict=True)
    )
    step = max(float(end - start) / (CONTOUR_SAMPLES - 1), 1e-6)
    return LipEdges(centre, along, float(start), step, upper, np.maximum(upper, lower))


def _draw_curve(points: np.ndarray, samples: int) -> np.ndarray:
    """(samples, 2) points of the smooth (Catmull-Rom) curve through (N, 2) points."""
    return _curve_weights(len(points), samples) @ points


@lru_cache(maxsize=4)
def _curve_weights(count: int, samples: int) -> np.ndarray:
    """(samples, count) what each point has of the curve through it: the curve is linear in them."""
    points = np.eye(count)
    padded = np.vstack([2 * points[0] - points[1], points, 2 * points[-1] - points[-2]])
    at = np.linspace(0, count - 1 - 1e-6, samples)
    i = at.astype(int)
    t = (at - i)[:, None]
    a, b, c, d = (padded[i + k] for k in range(4))
    return b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))


@numba.njit(cache=True, fastmath=True, nogil=True)
def _fill_opening(
    opening: LipOpening, edges: LipEdges, shown: ShownOpening, shade: LipShade, soft: float
) -> None:
    """Fill the four maps of an opening, in place; edges are soft over `soft` px."""
    upper, lower, along, step = edges.upper, edges.lower, edges.along, edges.step
    scale, overlaps = shown.scale, shown.overlap
    height, width = opening.coverage.shape
    last = len(upper) - 1
    # Teeth that the portrait shows are lit as it shows them.
    bright_gap = shade.full_gap
    if shown.gap > 0:
        bright_gap = min(max(shown.gap / scale, shade.least_full_gap), shade.full_gap)
    steep_u, steep_l = np.empty(last), np.empty(last)
    for i in range(last):
        steep_u[i] = 1 / np.sqrt(1 + ((upper[i + 1] - upper[i]) / step) ** 2)
        steep_l[i] = 1 / np.sqrt(1 + ((lower[i + 1] - lower[i]) / step) ** 2)
    for row in range(height):
        for column in range(width):
            x = opening.left + column - edges.centre[0]
            y = opening.top + row - edges.centre[1]
            at = (x * along[0] + y * along[1] - edges.start) / step
            if at <= 0 or at >= last:
                continue
            i = int(at)
            h = -x * along[1] + y * along[0]
            edge_u = upper[i] + (at - i) * (upper[i + 1] - upper[i])
            edge_l = lower[i] + (at - i) * (lower[i + 1] - lower[i])
            overlap = overlaps[i] + (at - i) * (overlaps[i + 1] - overlaps[i])
            if h < edge_u - overlap - 3 - soft or h > edge_l + 3 + soft:
                continue
            gap_px = edge_l - edge_u
            if shown.gap > 0:
                open_share = smoothstep_at(0.0, shown.gap, gap_px)
                edge_u -= overlap * open_share
                edge_l = max(edge_l - shown.rise * open_share, edge_u)
                gap_px = edge_l - edge_u
            below, above = (h - edge_u) * steep_u[i], (edge_l - h) * steep_l[i]
            inside = min(max(below / soft + EDGE_OUTSIDE, 0.0), 1.0)
            inside *= min(max(above / soft + EDGE_OUTSIDE, 0.0), 1.0)
            parted = smoothstep_at(PARTS_FROM, PARTS_TO, gap_px / shown.stated)
            opening.coverage[row, column] = inside * parted
            gap = gap_px / scale
            opening.gap[row, column] = gap
            d_u, d_l = max(below, 0.0) / scale, max(above, 0.0) / scale
            lit = 1 - shade.upper_shadow * np.exp(-d_u / shade.upper_reach)
            lit *= 1 - shade.lower_shadow * np.exp(-d_l / shade.lower_reach)
            let_in = smoothstep_at(shade.slit, bright_gap, gap)
            opening.light[row, column] = lit * (shade.slit_light + (1 - shade.slit_light) * let_in)
            wide = shade.seam_width * scale + shade.seam_gap_share * gap_px
            middle = (h - 0.5 * (edge_u + edge_l)) / wide
            near_end = min(at, last - at) * step / scale
            run_in = smoothstep_at(0.0, shade.seam_run_out, near_end)
            opening.seam[row, column] = np.exp(-middle * middle) * run_in
