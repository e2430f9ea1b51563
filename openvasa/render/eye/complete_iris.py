"""Complete the iris where lids and reflections hide it, and take its highlight off.

The iris is unrolled into polar coordinates; a hidden sector is filled from the same ring.
"""

from __future__ import annotations

import cv2
import numpy as np

from openvasa.maths import smoothstep
from openvasa.render.eye.shading import HighlightShading
from openvasa.render.eye.view import EyeView, lay_grid, sample

ANGLES = 96
RADII = 24
POLAR_REACH = 1.3
"""Polar grid of the iris: angles, radii, and its outer edge in iris radii."""

LIMBUS = 0.92
"""Iris radii within which a highlight is looked for: the limbus itself is bright beside it."""


def lift_iris(
    view: EyeView, circle: np.ndarray, visible: np.ndarray, shading: HighlightShading
) -> tuple[np.ndarray, np.ndarray]:
    """The whole iris without its highlight, and the highlight alone, both (H, W, 3) float32.

    Args:
        view: the eye in the portrait.
        circle: (3,) centre and radius of the iris, texels.
        visible: (H, W) where the view shows the eyeball, 0–1.
        shading: what counts as a highlight.
    """
    grid_x, grid_y = lay_grid(*visible.shape)
    clear = smoothstep(0.6, 1.8, view.depth / view.band)
    polar_x, polar_y = _lay_polar_grid(circle)
    polar = sample(view.source, polar_x, polar_y)
    spot = _find_highlight(polar, sample(visible, polar_x, polar_y), shading)
    whole = _complete_polar(polar, sample(clear, polar_x, polar_y) * (1 - spot))
    completed = _sample_polar(whole, circle, grid_x, grid_y)
    reach = np.hypot(grid_x - circle[0], grid_y - circle[1]) < POLAR_REACH * circle[2]
    spot = _sample_polar(spot, circle, grid_x, grid_y) * reach
    keep = (clear * (1 - spot))[..., None]
    iris = keep * view.source + (1 - keep) * completed
    highlight = np.maximum(view.source - iris, 0) * (spot * visible)[..., None]
    return iris, highlight


def _lay_polar_grid(circle: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    angle = np.arange(ANGLES) * (2 * np.pi / ANGLES)
    radius = (np.arange(RADII) + 0.5) / RADII * POLAR_REACH * circle[2]
    x = circle[0] + radius[:, None] * np.cos(angle)
    y = circle[1] + radius[:, None] * np.sin(angle)
    return x, y


def _sample_polar(
    polar: np.ndarray, circle: np.ndarray, x: np.ndarray, y: np.ndarray
) -> np.ndarray:
    """Sample a (RADII, ANGLES, C) polar image at texels (x, y)."""
    dx, dy = x - circle[0], y - circle[1]
    angle = np.mod(np.arctan2(dy, dx), 2 * np.pi) * (ANGLES / (2 * np.pi))
    radius = np.hypot(dx, dy) / (POLAR_REACH * circle[2]) * RADII - 0.5
    wrapped = np.concatenate([polar, polar[:, :1]], axis=1)
    return sample(wrapped, angle, np.clip(radius, 0, RADII - 1))


def _complete_polar(values: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Fill the hidden sectors of a (RADII, ANGLES, 3) iris from seen ones of the same radius.

    First choice is the sector's mirror image below or above, then its neighbours on the ring.
    """
    shown = seen[..., None]
    flipped = np.roll(values[:, ::-1], 1, axis=1)
    flipped_seen = np.roll(seen[:, ::-1], 1, axis=1)[..., None]
    borrowed = (1 - shown) * flipped_seen
    values = (shown * values + borrowed * flipped) / (shown + borrowed + 1e-6)
    seen = (shown + borrowed)[..., 0]
    tripled = np.tile(values, (1, 3, 1))
    weight = np.tile(seen, (1, 3))
    filled = np.zeros_like(tripled)
    known = np.zeros_like(weight)
    for across, around in ((0.5, 3.0), (0.6, 10.0), (0.8, 40.0), (4.0, 60.0)):
        soft = cv2.GaussianBlur(weight, (0, 0), around, sigmaY=across)
        mean = cv2.GaussianBlur(tripled * weight[..., None], (0, 0), around, sigmaY=across)
        share = (1 - known) * np.clip(soft / 0.1, 0, 1)
        filled += share[..., None] * mean / (soft[..., None] + 1e-6)
        known += share
    total = (values * seen[..., None]).sum((0, 1)) / (seen.sum() + 1e-6)
    filled += (1 - known)[..., None] * total
    middle = filled[:, ANGLES : 2 * ANGLES]
    return (seen[..., None] * values + (1 - seen[..., None]) * middle).astype(np.float32)


def _find_highlight(polar: np.ndarray, seen: np.ndarray, shading: HighlightShading) -> np.ndarray:
    """(RADII, ANGLES) float32 in 0–1: compact spots far brighter than their ring of the iris."""
    luma = polar.mean(axis=2)
    inner = np.arange(RADII) < RADII / POLAR_REACH * LIMBUS
    hidden = np.where(seen > 0.5, luma, np.nan)
    with np.errstate(all="ignore"):
        ring = np.array([np.nanmedian(r) if np.isfinite(r).any() else np.nan for r in hidden])
    known = np.isfinite(ring)
    if known.sum() < 3:
        return np.zeros_like(luma)
    ring = np.interp(np.arange(RADII), np.flatnonzero(known), ring[known])
    ring = np.minimum(ring, np.median(ring[inner]) * shading.brightest_ring)
    least = ring + shading.brighter_by + shading.brighter_share * (255 - ring)
    bright = (luma > least[:, None]) & inner[:, None]
    bright &= seen > 0.3
    area = ((np.arange(RADII) + 0.5) * bright.sum(axis=1)).sum()
    disc = ((np.arange(RADII) + 0.5) * inner).sum() * ANGLES
    if area > shading.largest * disc:
        return np.zeros_like(luma)
    wide = np.tile(bright.astype(np.float32), (1, 3))
    return cv2.GaussianBlur(cv2.dilate(wide, np.ones((5, 9))), (0, 0), 1.0)[:, ANGLES : 2 * ANGLES]
