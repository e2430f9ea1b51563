"""Where lids close: corrections of the lids' geometry before and while an eye is drawn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from openvasa.face.dynamics import dynamics_code
from openvasa.face.latent import FrameGeometry
from openvasa.maths import smoothstep
from openvasa.render.eye.points import (
    FOLD_SHARE,
    LEFT,
    RIGHT,
    EyePoints,
    find_down,
    measure_crossing,
    measure_opening,
    move_lids,
    pick_lower_lid,
)

FULL_CLOSING = 0.45, 0.9
"""Closing over a mean eye's opening, between which a larger eye starts to close by its own size."""


def shut_large_eyes(geometry: FrameGeometry, neutral: np.ndarray) -> FrameGeometry:
    """Geometry whose eyes, where larger than people's, shut when the motion shuts people's eyes.

    Motion moves lids by lengths. What closes a mean eye leaves a cartoon's half open, so that the
    lids of an eye that is larger go on by its size over the mean as the closing nears a full one.

    Args:
        geometry: one moment.
        neutral: (478, 3) the portrait's canonical resting shape.
    """
    mean_shape = dynamics_code().mean_shape
    landmarks = geometry.landmarks.copy()
    moved = False
    for part in (RIGHT, LEFT):
        resting, mean = _measure_gap(neutral, part), _measure_gap(mean_shape, part)
        now = _measure_gap(geometry.canonical, part)
        closed = resting - now
        share = float(smoothstep(*FULL_CLOSING, closed / mean))
        if resting <= mean or share == 0 or now <= 0:
            continue
        wanted = max(resting - closed * (1 + share * (resting / mean - 1)), 0.0)
        move_lids(landmarks, part, 1 - wanted / now)
        moved = True
    if not moved:
        return geometry
    return replace(geometry, canonical=geometry.head.invert(landmarks), landmarks=landmarks)


def uncross_lids(geometry: FrameGeometry) -> FrameGeometry:
    """Geometry whose upper lids stop at the lower ones.

    A blink of widely open eyes, carried over to narrow ones, moves the lids past each other, where
    the mesh warp would fold.
    """
    landmarks = geometry.landmarks.copy()
    for part in (RIGHT, LEFT):
        excess = measure_crossing(landmarks[part.loop, :2])
        landmarks[part.loop[1:8], :2] += excess[1:8]
        landmarks[part.fold[1:8], :2] += FOLD_SHARE * excess[1:8]
    return replace(geometry, canonical=geometry.head.invert(landmarks), landmarks=landmarks)


def draw_together(lids: np.ndarray, closing: float) -> np.ndarray:
    """The (16, 2) lid margin with the upper lid brought `closing` (0–1) of the way down."""
    drawn = lids.copy()
    drawn[:9] += measure_crossing(lids)
    gap = (pick_lower_lid(drawn) - drawn[:9]) @ find_down(lids)
    drawn[:9] += closing * gap[:, None] * find_down(lids)
    return drawn


def _measure_gap(shape: np.ndarray, part: EyePoints) -> float:
    """Mean distance of the lids of one eye in a (478, 3) shape."""
    return measure_opening(shape[part.loop, :2])
