"""How far lids open: no farther than people's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from openvasa.face.latent import FrameGeometry
from openvasa.render.eye.points import (
    LEFT,
    RIGHT,
    measure_opening,
    move_lids,
)

USUAL_WIDENING, MOST_WIDENING = 0.26, 0.52
"""Shares of their resting opening by which people's eyes ever open farther: the upper quartile and
the ninetieth percentile of 161 training people, each at their 99.5th percentile in time."""


def keep_from_bulging(geometry: FrameGeometry, neutral: np.ndarray) -> FrameGeometry:
    """Geometry whose eyes open as people's do in surprise, and no farther.

    Motion moves lids by lengths, and shapes add up. Up to the usual widening lids are left alone;
    beyond it they near the largest one.

    Args:
        geometry: one moment.
        neutral: (478, 3) the portrait's canonical resting shape.
    """
    landmarks = geometry.landmarks.copy()
    moved = False
    for part in (RIGHT, LEFT):
        resting = measure_opening(neutral[part.loop, :2])
        now = measure_opening(geometry.canonical[part.loop, :2])
        widening = now / max(resting, 1e-6) - 1
        if resting <= 0 or widening <= USUAL_WIDENING:
            continue
        room = MOST_WIDENING - USUAL_WIDENING
        wanted = 1 + USUAL_WIDENING + room * np.tanh((widening - USUAL_WIDENING) / room)
        # The fold goes all the way along: lashes right above the lid would be drawn out else.
        move_lids(landmarks, part, 1 - wanted * resting / now, fold_share=1.0)
        moved = True
    if not moved:
        return geometry
    return replace(geometry, canonical=geometry.head.invert(landmarks), landmarks=landmarks)
