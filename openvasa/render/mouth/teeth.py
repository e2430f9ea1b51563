"""Front views of the two dental arches, to be bent along the arch when painted.

A view is an orthographic picture of one arch: texel (x, y) lies at arch coordinates (x, y), and
the arch's depth follows from x. y runs from the roots to the incisal edge in both arches: down in
the upper, up in the lower. Crown sizes are the mean mesio-distal widths and crown heights of
dental anatomy (Nelson, "Wheeler's Dental Anatomy, Physiology and Occlusion"), in centimetres.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

UPPER_WIDTHS = np.array([0.86, 0.66, 0.76, 0.71, 0.68, 1.02, 0.95])
UPPER_HEIGHTS = np.array([1.05, 0.92, 1.02, 0.86, 0.78, 0.74, 0.7])
UPPER_SHORTER = np.array([0.0, 0.09, 0.03, 0.09, 0.14, 0.2, 0.26])
"""From the midline outwards: crown width, crown height, how far its edge stays behind the
central incisor's."""

LOWER_WIDTHS = np.array([0.53, 0.57, 0.68, 0.7, 0.71, 1.08, 1.04])
LOWER_HEIGHTS = np.array([0.88, 0.92, 1.05, 0.84, 0.8, 0.74, 0.7])
LOWER_SHORTER = np.array([0.0, 0.01, -0.02, 0.06, 0.1, 0.14, 0.18])

UPPER_BEND, LOWER_BEND = 0.27, 0.33
"""Curvature of the arch: its depth is bend·x² (35 and 26 mm between the canines' tips)."""

UPPER_LEAN, LOWER_LEAN = -0.2, 0.15
"""Depth gained per unit downwards: the incisors lean forward towards their edges."""

REACH = 3.2
"""Half width of a view, cm: beyond it lies the dark of the cheeks."""

GUM = 0.45
"""Height of gum shown past the crowns, cm."""

MARGIN = 0.15
"""Empty height kept past the incisal edges, cm."""

_OVERSAMPLING = 3


@dataclass(frozen=True)
class ArchView:
    """Front view of one arch in arch coordinates (origin: mid-point of the incisal edge).

    Attributes:
        tooth: (H, W) float32, brightness of the enamel where there is tooth, else 0.
        gum: (H, W) float32, brightness of the gum where there is gum, else 0.
        solid: (H, W) float32 in 0–1, coverage by tooth or gum.
        left, top: arch coordinates of the first texel's centre, cm.
        density: texels per cm.
    """

    tooth: np.ndarray
    gum: np.ndarray
    solid: np.ndarray
    left: float
    top: float
    density: float


def _crown_borders(widths: np.ndarray, bend: float) -> np.ndarray:
    """(8,) x where one crown ends and the next begins, laid along the bent arch."""
    x = np.linspace(0, 5, 501)
    length = np.concatenate([[0], np.cumsum(np.hypot(np.diff(x), np.diff(bend * x**2)))])
    return np.interp(np.concatenate([[0], np.cumsum(widths)]), length, x)


def draw_arch(upper: bool, density: float) -> ArchView:
    """Draw one arch at `density` texels per cm."""
    widths, heights, shorter, bend = (
        (UPPER_WIDTHS, UPPER_HEIGHTS, UPPER_SHORTER, UPPER_BEND)
        if upper
        else (LOWER_WIDTHS, LOWER_HEIGHTS, LOWER_SHORTER, LOWER_BEND)
    )
    fine = density * _OVERSAMPLING
    columns = int(np.ceil(2 * REACH * density)) * _OVERSAMPLING
    crown = float(heights.max() + shorter.max())
    rows = int(np.ceil((crown + GUM + MARGIN) * density)) * _OVERSAMPLING
    x = (np.arange(columns) + 0.5 - columns / 2) / fine
    # `root` runs from the incisal edge of the central incisors towards the root.
    root = (np.arange(rows) + 0.5) / fine - MARGIN
    borders = _crown_borders(widths, bend)
    tooth = np.clip(np.searchsorted(borders, np.abs(x)) - 1, 0, len(widths) - 1)
    half = np.diff(borders)[tooth] / 2
    across = (np.abs(x) - (borders[tooth] + borders[tooth + 1]) / 2) / half

    pointed = np.where(tooth == 2, 0.09 * np.abs(across + 0.1), 0.0)
    rounded = (0.06 + 0.04 * (tooth > 0)) * np.abs(across) ** 4
    edge = shorter[tooth] + pointed + rounded
    neck = shorter[tooth] + heights[tooth] - 0.12 * across**2
    up = root[:, None] - edge
    along = np.clip(up / heights[tooth], 0, 1)
    soft = 0.5 / density

    def past(distance: np.ndarray) -> np.ndarray:
        return np.clip(distance / (2 * soft) + 0.5, 0, 1)

    is_solid = past(up)
    is_gum = past(root[:, None] - neck)
    gap = np.exp(-(((1 - np.abs(across)) * half / 0.028) ** 2))
    towards_edge = np.clip(1 - along * 2.2, 0, 1)
    shine = 1 - 0.09 * across**2 - 0.07 * along - 0.06 * np.exp(-((up / 0.08) ** 2))
    shine = shine * (1 - gap * (0.08 + 0.12 * towards_edge)) * (1 - 0.03 * (tooth == 2))
    enamel = shine * is_solid * (1 - is_gum)
    gum = (0.92 + 0.08 * np.abs(across)) * is_solid * is_gum
    views = [v.astype(np.float32) for v in (enamel, gum, is_solid)]
    size = (columns // _OVERSAMPLING, rows // _OVERSAMPLING)
    views = [cv2.resize(v, size, interpolation=cv2.INTER_AREA) for v in views]
    views = [np.ascontiguousarray(v[::-1]) for v in views]
    top = MARGIN - (size[1] - 0.5) / density
    left = -(size[0] - 1) / 2 / density
    return ArchView(*views, left=left, top=top, density=density)
