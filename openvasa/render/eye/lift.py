"""Lift both eyeballs out of a portrait, once per portrait."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from openvasa.face.canonical import HeadTransform
from openvasa.face.latent import FaceLatent
from openvasa.maths import smoothstep
from openvasa.render.eye.complete_iris import lift_iris
from openvasa.render.eye.find_iris import find_irises
from openvasa.render.eye.lid_skin import (
    PER_KNOT,
    lift_lid_skin,
    measure_dark_reach,
    pick_lash_colour,
)
from openvasa.render.eye.margin import lift_margin
from openvasa.render.eye.outer_corner import measure_wing
from openvasa.render.eye.points import LEFT, RIGHT, EyePoints
from openvasa.render.eye.sclera import lift_sclera
from openvasa.render.eye.shading import EyeShading
from openvasa.render.eye.view import ZOOM, EyeView, lay_grid, view_eye

MIN_OPENING = 2.5
"""Lid opening in stated px below which the portrait shows too little of an eye to lift it."""

COVER_FROM, COVER_TO = 1.0, 1.14
"""Iris radii between which the iris fades into the white of the eye."""

WHITE_FROM, WHITE_TO = 1.1, 1.3
"""Iris radii between which the portrait's own pixels start to count as white of the eye."""


@dataclass(frozen=True)
class Eye:
    """One eyeball of the portrait; textures cover a box around the eye at `ZOOM` texels per px.

    Attributes:
        points: which tracked points are this eye's.
        origin: (2,) float32 px of the crop under texel (0, 0).
        contour: (16, 2) float32 px, the lid margin in the portrait.
        tracked_iris: (2,) float32 px, the tracked iris centre in the portrait.
        iris: (3,) float32 px, centre and radius of the iris circle seen in the portrait.
        opening: px, mean distance of the lids in the portrait.
        head_scale: px per canonical unit in the portrait.
        stated: px of the portrait that one stated px is long.
        sclera: (H, W, 3) float32, the eyeball without iris.
        iris_rgba: (H, W, 4) float32, iris without highlight, and its cover in 0–1.
        highlight: (H, W, 3) float32, light added by the reflection on the cornea.
        margin: (MARGIN_ROWS, MARGIN_COLUMNS + 1, 7) float32 by depth inside the lid margin and
            position along it: ratio (RGB) that lids and lashes multiply the eyeball by, how far
            the eyeball covers what the warp brought there (0–1), and the ratio (RGB) exactly as
            the portrait shows it, traces of its iris included.
        lid_skin: (LID_COLUMNS, 3) float32 RGB, skin of the upper lid along its length.
        lash: (3,) float32 RGB, colour of the line along closed lids.
        lash_reach: (9,) float32, how far lashes go above the upper lid's margin in the portrait, in
            the way from there to the fold.
        outline_reach: (9,) float32, the same of painted outlines and dense lashes.
        wing: how far lashes go beyond the outer corner in the portrait, widths of the eye.
    """

    points: EyePoints
    origin: np.ndarray
    contour: np.ndarray
    tracked_iris: np.ndarray
    iris: np.ndarray
    opening: float
    head_scale: float
    stated: float
    sclera: np.ndarray
    iris_rgba: np.ndarray
    highlight: np.ndarray
    margin: np.ndarray
    lid_skin: np.ndarray
    lash: np.ndarray
    lash_reach: np.ndarray
    outline_reach: np.ndarray
    wing: float


@dataclass(frozen=True)
class EyeAppearance:
    """What the portrait's eyes look like.

    Attributes:
        eyes: the eyes open enough to be lifted (none, one or two).
        head: the portrait's own head transform.
        shading: light and colour to paint by.
    """

    eyes: tuple[Eye, ...]
    head: HeadTransform
    shading: EyeShading


def prepare_eyes(face: FaceLatent, shading: EyeShading | None = None) -> EyeAppearance:
    """Lift both eyeballs out of the portrait.

    An eye open less than `MIN_OPENING` is left out, and so are both where no iris stands out from
    the white (blank eyes of a statue, a few strokes of a pen): these stay with the warp.

    Args:
        face: the portrait.
        shading: light and colour; the shipped ones by default.
    """
    shading = shading or EyeShading()
    views = [(part, view_eye(face, part, shading.margin)) for part in (RIGHT, LEFT)]
    views = [(part, view) for part, view in views if view.opening >= MIN_OPENING * view.stated]
    circles = find_irises([view for _, view in views]) if views else None
    if circles is None:
        return EyeAppearance((), face.head, shading)
    lifted = [
        _lift_eye(face, part, view, circle, shading)
        for (part, view), circle in zip(views, circles, strict=True)
    ]
    return EyeAppearance(tuple(lifted), face.head, shading)


def _lift_eye(
    face: FaceLatent, part: EyePoints, view: EyeView, circle: np.ndarray, shading: EyeShading
) -> Eye:
    grid_x, grid_y = lay_grid(*view.depth.shape)
    from_iris = np.hypot(grid_x - circle[0], grid_y - circle[1]) / circle[2]
    cover = smoothstep(COVER_TO, COVER_FROM, from_iris)
    visible = smoothstep(0.5, 1.2, view.depth / view.band)
    white = visible * smoothstep(WHITE_FROM, WHITE_TO, from_iris)
    iris, highlight = lift_iris(view, circle, visible, shading.highlight)
    sclera = lift_sclera(view, white, visible, shading.sclera)
    eyeball = sclera + cover[..., None] * (iris - sclera) + highlight
    points = face.landmarks[:, :2]
    outline_reach = measure_dark_reach(face, part, shading.lash.outline_light, shading.lash)
    lash_reach = measure_dark_reach(face, part, shading.lash.lash_light, shading.lash)
    return Eye(
        points=part,
        origin=view.origin,
        contour=points[part.loop].astype(np.float32),
        tracked_iris=points[part.iris[0]].astype(np.float32),
        iris=(circle / ZOOM + np.append(view.origin, 0)).astype(np.float32),
        opening=view.opening,
        head_scale=face.head.scale,
        stated=view.stated,
        sclera=np.ascontiguousarray(sclera, np.float32),
        iris_rgba=np.dstack([iris, cover]).astype(np.float32),
        highlight=np.ascontiguousarray(highlight, np.float32),
        margin=lift_margin(view, eyeball, from_iris, shading.margin),
        lid_skin=lift_lid_skin(face, part, outline_reach, shading.lash),
        lash=pick_lash_colour(view).astype(np.float32),
        lash_reach=lash_reach[::PER_KNOT],
        outline_reach=outline_reach[::PER_KNOT],
        wing=measure_wing(face, part, shading.wing),
    )
