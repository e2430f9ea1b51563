"""Paint the eyes of a frame: eyeballs inside the lids, skin and lashes over lids that close."""

from __future__ import annotations

import numpy as np

from openvasa.face.canonical import HeadTransform
from openvasa.face.latent import FrameGeometry
from openvasa.maths import smoothstep
from openvasa.render.eye.close_lids import draw_together
from openvasa.render.eye.lift import Eye, EyeAppearance
from openvasa.render.eye.outer_corner import clear_wing
from openvasa.render.eye.paint_eyeball import paint_eyeball
from openvasa.render.eye.paint_lids import paint_lid
from openvasa.render.eye.points import measure_opening
from openvasa.render.eye.shading import EyeShading

CLOSE_FROM, CLOSE_TO = 0.34, 0.12
"""Opening over the portrait's own, between which the lids are drawn together: trackers leave a
slit open in a real blink."""

LID_FROM, LID_TO = 0.7, 0.3
"""Opening over the portrait's own, between which lid skin takes over from the stretched warp."""


def paint_eyes(frame: np.ndarray, geometry: FrameGeometry, eyes: EyeAppearance) -> None:
    """Paint the eyeballs inside the lids of a warped portrait, in place.

    Args:
        frame: (S, S, 3) uint8 RGB, the portrait warped to `geometry`.
        geometry: where the tracked points are in this frame.
        eyes: what `prepare_eyes` lifted out of the same portrait.
    """
    for eye in eyes.eyes:
        _paint_eye(frame, geometry, eye, eyes.head, eyes.shading)


def _paint_eye(
    frame: np.ndarray,
    geometry: FrameGeometry,
    eye: Eye,
    head: HeadTransform,
    shading: EyeShading,
) -> None:
    points = geometry.landmarks[:, :2].astype(np.float64)
    zoom_by = geometry.head.scale / eye.head_scale
    tracked = points[eye.points.loop]
    opening = measure_opening(tracked) / (eye.opening * zoom_by)
    closing = float(smoothstep(CLOSE_FROM, CLOSE_TO, opening))
    lids = draw_together(tracked, closing)
    lid_weight = float(smoothstep(LID_FROM, LID_TO, opening))
    if closing < 1:
        paint_eyeball(frame, geometry, eye, head, lids, opening, 1 - closing**3)
    if lid_weight > 0:
        fold = points[eye.points.fold]
        clear_wing(frame, lids, eye.wing, lid_weight, shading.wing)
        paint_lid(frame, eye, lids, fold, zoom_by, lid_weight, shading)
