"""Skin and lashes of the upper lid, as the portrait shows them above its margin."""

from __future__ import annotations

import cv2
import numpy as np

from openvasa.face.latent import FaceLatent
from openvasa.render.eye.points import EyePoints
from openvasa.render.eye.shading import LashShading
from openvasa.render.eye.view import EyeView, sample

PER_KNOT = 4
LID_COLUMNS = 8 * PER_KNOT + 1
"""Columns of the lid skin from the outer to the inner corner, so many from one tracked point of the
lid to the next."""

RIM = 1.5
"""Stated px on either side of the lid margin that belong to its lashes."""


def pick_lash_colour(view: EyeView) -> np.ndarray:
    """(3,) float32 RGB of the darkest part of the upper lid margin."""
    rim = (np.abs(view.depth) < RIM * view.stated) & (view.along > 1) & (view.along < 7)
    luma = view.luma[rim]
    return view.source[rim][luma <= np.percentile(luma, 30)].mean(axis=0)


def measure_dark_reach(
    face: FaceLatent, part: EyePoints, light: float, shading: LashShading
) -> np.ndarray:
    """(LID_COLUMNS,) float32 how far it is darker than `light` times the skin above the upper
    lid's margin, in the way from there to the fold."""
    reach = np.linspace(0, shading.skin_to, 33)
    luma = _sample_above_lid(face, part, np.tile(reach[:, None], LID_COLUMNS)).mean(axis=2)
    skin = np.percentile(luma[reach >= shading.skin_from], 70, axis=0)
    dark = (luma < light * skin) & (reach[:, None] <= shading.longest)
    # A dark run that starts farther up is the crease, which closed lids keep.
    lashes = dark[reach <= shading.first_warp].any(axis=0)
    started = np.logical_or.accumulate(dark, axis=0)
    ended = np.logical_or.accumulate(started & ~dark, axis=0)
    ends = np.where(lashes, reach[(~ended).sum(axis=0) - 1], 0)
    return _even_along_lid(ends.astype(np.float32), 3)


def lift_lid_skin(
    face: FaceLatent, part: EyePoints, outline_reach: np.ndarray, shading: LashShading
) -> np.ndarray:
    """(LID_COLUMNS, 3) float32 skin of the upper lid, seen beyond its outline around the fold."""
    first = np.maximum(outline_reach + 0.1, shading.skin_from)
    seen = _sample_above_lid(face, part, first + np.linspace(0, 0.9, 10)[:, None])
    order = seen.mean(axis=2).argsort(axis=0)
    # Neither the dark crease nor a glint on it is the colour of the skin: the middle is.
    middle = np.take_along_axis(seen, order[4:8, :, None], axis=0).mean(axis=0)
    return _even_along_lid(middle, 2.5)


def _sample_above_lid(face: FaceLatent, part: EyePoints, reach: np.ndarray) -> np.ndarray:
    """(K, LID_COLUMNS, 3) float32 colours above the upper lid's margin.

    Args:
        face: the portrait.
        part: the eye's points.
        reach: (K, LID_COLUMNS) how far above, in the way from the margin to the fold.
    """
    points = face.landmarks[:, :2]
    columns, knots = np.linspace(0, 8, LID_COLUMNS), np.arange(9)
    lid, fold = (
        np.column_stack([np.interp(columns, knots, points[index][:, k]) for k in (0, 1)])
        for index in (part.loop[:9], part.fold)
    )
    spots = lid + reach[..., None] * (fold - lid)
    return sample(face.image, spots[..., 0], spots[..., 1]).astype(np.float32)


def _even_along_lid(values: np.ndarray, spread: float) -> np.ndarray:
    """Blur (LID_COLUMNS, ...) values; the corners, which show no lid, take their neighbours'."""
    filled = values.copy()
    filled[:PER_KNOT], filled[-PER_KNOT:] = values[PER_KNOT], values[-PER_KNOT - 1]
    return cv2.GaussianBlur(filled[None], (0, 0), spread, borderType=cv2.BORDER_REPLICATE)[0]
