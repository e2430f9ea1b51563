"""What the lid margin lays over the eyeball: lashes and shadow, as a ratio that moves with lids.

Modelled as a ratio image (after Liu et al., "Expressive expression mapping with ratio images",
SIGGRAPH 2001).
"""

from __future__ import annotations

import cv2
import numpy as np

from openvasa.maths import smoothstep
from openvasa.render.eye.shading import MarginShading
from openvasa.render.eye.view import EyeView

MARGIN_OUT = 1.5
MARGIN_STEP = 0.5
MARGIN_ROWS = 20
COLUMNS_PER_SEGMENT = 4
MARGIN_COLUMNS = 16 * COLUMNS_PER_SEGMENT
"""Grid of the lid margin: rows `MARGIN_STEP` stated px of depth apart, from `MARGIN_OUT` stated px
outside."""


def lift_margin(
    view: EyeView, eyeball: np.ndarray, from_iris: np.ndarray, shading: MarginShading
) -> np.ndarray:
    """What the lids lay over the eyeball, as `Eye.margin`.

    Args:
        view: the eye in the portrait.
        eyeball: (H, W, 3) the eye as it would look without lids.
        from_iris: (H, W) distance from the centre of the iris, in iris radii.
        shading: what lids leave of the light where the portrait cannot tell.
    """
    row = np.round((view.depth / view.stated + MARGIN_OUT) / MARGIN_STEP).astype(int)
    near = (row >= 0) & (row < MARGIN_ROWS)
    column = (view.along[near] * COLUMNS_PER_SEGMENT).astype(int) % MARGIN_COLUMNS
    cell = row[near] * MARGIN_COLUMNS + column
    floor = shading.grey_floor
    both = np.column_stack([view.source[near] + floor, eyeball[near] + floor])
    # Over a dark iris a shadow hardly tells from the iris itself: ask the white beside it.
    trust = shading.iris_trust + smoothstep(1.15, 1.4, from_iris[near])[:, None]
    band, ones = view.band[near][:, None] / view.stated, np.ones_like(trust)
    sums = np.zeros((MARGIN_ROWS * MARGIN_COLUMNS, 14), np.float32)
    np.add.at(sums, cell, np.hstack([both * trust, both, band, ones]))
    sums = sums.reshape(MARGIN_ROWS, MARGIN_COLUMNS, 14)
    fine, broad = _blur_along(sums, 1.5), _blur_along(sums, 6.0)
    known = fine + 0.01 * broad + 1e-4
    brighter = known[..., 6:9].sum(axis=2) / known[..., 9:12].sum(axis=2)
    depth = np.arange(MARGIN_ROWS)[:, None] * MARGIN_STEP - MARGIN_OUT
    below_upper_lid = np.arange(MARGIN_COLUMNS) < MARGIN_COLUMNS // 2
    light = np.where(below_upper_lid, shading.upper_light, shading.lower_light)
    reach = known[..., 12] / known[..., 13]
    light = light + (1 - light) * smoothstep(0, shading.shadow_reach, depth / reach)
    trusted = fine[..., :6] + 0.1 * broad[..., :6] + 1e-3
    trusted[..., :3] += 0.06 * light[..., None] * known[..., 9:12]
    trusted[..., 3:] += 0.06 * known[..., 9:12]
    ratio = trusted[..., :3] / trusted[..., 3:]
    ratio = np.clip(ratio, shading.darkest_ratio, shading.brightest_ratio)
    covered = smoothstep(-1.1, 0.8, depth) * (1 - smoothstep(1.2, 1.5, brighter))
    shown_ratio = np.clip(known[..., 6:9] / known[..., 9:12], 0.05, 1.6)
    margin = np.dstack([ratio, covered, shown_ratio]).astype(np.float32)
    return np.concatenate([margin, margin[:, :1]], axis=1)


def _blur_along(sums: np.ndarray, spread: float) -> np.ndarray:
    """Blur a (MARGIN_ROWS, MARGIN_COLUMNS, C) grid, mostly along the closed lid margin."""
    wide = np.tile(sums, (1, 3, 1))
    layers = [
        cv2.GaussianBlur(wide[..., k], (0, 0), spread, sigmaY=0.6) for k in range(sums.shape[2])
    ]
    return np.dstack(layers)[:, MARGIN_COLUMNS : 2 * MARGIN_COLUMNS]
