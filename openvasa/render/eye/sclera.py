"""Continue the white of the eye below the iris and the lids."""

from __future__ import annotations

import cv2
import numpy as np

from openvasa.maths import smoothstep
from openvasa.render.eye.shading import ScleraShading
from openvasa.render.eye.view import ZOOM, EyeView, lay_grid

LEAST_AREA = 2.0
"""Stated px² of white that a portrait must show for its own to be used."""


def lift_sclera(
    view: EyeView, white: np.ndarray, visible: np.ndarray, shading: ScleraShading
) -> np.ndarray:
    """(H, W, 3) float32 white of the eye, continued below the iris and the lids.

    Args:
        view: the eye in the portrait.
        white: (H, W) where it shows the white of the eye, 0–1.
        visible: (H, W) where it shows the eyeball, 0–1.
        shading: what lids leave of its light.
    """
    luma = view.luma
    if (white > 0.5).sum() > LEAST_AREA * (ZOOM * view.stated) ** 2:
        bright = np.median(luma[white > 0.5])
        # Lashes and painted outlines inside the opening are no sample of the white of the eye.
        known = white * smoothstep(shading.lash_light * bright, shading.white_light * bright, luma)
    else:
        low, high = np.percentile(luma[view.depth > 0], [70, 95])
        known = visible * smoothstep(low, high, luma)
    filled = _fill(view.source, known.astype(np.float32))
    filled = cv2.GaussianBlur(filled, (0, 0), ZOOM * view.stated)
    near_corner = smoothstep(shading.corner_reach, 0.0, _measure_corner_distance(view))
    filled *= 1 - shading.corner_shade * near_corner[..., None]
    return white[..., None] * view.source + (1 - white[..., None]) * filled


def _fill(values: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Extend (H, W, 3) values smoothly from where `weight` (H, W) is high to everywhere.

    Push-pull over an image pyramid (Gortler et al., "The Lumigraph", SIGGRAPH 1996).
    """
    height, width = weight.shape
    if min(height, width) < 3:
        total = (values * weight[..., None]).sum((0, 1)) / (weight.sum() + 1e-6)
        return np.broadcast_to(total, values.shape).astype(np.float32)
    half = ((width + 1) // 2, (height + 1) // 2)
    small_weight = cv2.resize(weight, half, interpolation=cv2.INTER_AREA)
    small = cv2.resize(values * weight[..., None], half, interpolation=cv2.INTER_AREA)
    small = small / (small_weight[..., None] + 1e-6)
    coarse = _fill(small, np.minimum(2 * small_weight, 1))
    wide = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return wide + weight[..., None] * (values - wide)


def _measure_corner_distance(view: EyeView) -> np.ndarray:
    """(H, W) float32 distance to the nearer corner of the eye, in halves of the eye's width."""
    grid_x, grid_y = lay_grid(*view.depth.shape)
    a, b = (view.corners - view.origin) * ZOOM
    half = np.linalg.norm(b - a) / 2
    near_a = np.hypot(grid_x - a[0], grid_y - a[1])
    return np.minimum(near_a, np.hypot(grid_x - b[0], grid_y - b[1])) / half
