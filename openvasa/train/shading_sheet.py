"""Pictures of a fit: real frames, and the same drawn by the present and by the fitted numbers.

An error can fall while the picture gets worse to look at, so the pictures come with the figures.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from openvasa.data.layer_moments import Moment, Scene
from openvasa.render.shading import Shading

ROWS = 16
"""Moments that are shown: those that the fitted numbers change most, one of a portrait."""

ZOOM, GAP = 3, 4
"""Px of the sheet for a px of the frame, and px between pictures."""


def draw_sheet(scenes: Sequence[Scene], present: Shading, fitted: Shading) -> np.ndarray:
    """(H, W, 3) uint8 RGB: a row for each moment, from left to right real, present and fitted.

    Args:
        scenes: of one layer; at least one.
        present, fitted: what the layer is drawn by.
    """
    rows = [_most_changed(scene, present, fitted) for scene in scenes]
    rows.sort(key=lambda row: -row[0])
    strips = [_draw_strip(pictures) for _, pictures in rows[:ROWS]]
    width = max(strip.shape[1] for strip in strips)
    padded = [
        np.pad(s, ((0, GAP), (0, width - s.shape[1]), (0, 0)), constant_values=255) for s in strips
    ]
    return np.concatenate(padded)


def _most_changed(
    scene: Scene, present: Shading, fitted: Shading
) -> tuple[float, list[np.ndarray]]:
    """How far the most changed moment of a portrait changes, grey levels, and its pictures."""
    changes = []
    for moment, before, after in zip(
        scene.moments, scene.draw(present), scene.draw(fitted), strict=True
    ):
        changes.append((_change(moment, before, after), [moment.real, before, after]))
    return max(changes, key=lambda change: change[0])


def _change(moment: Moment, before: np.ndarray, after: np.ndarray) -> float:
    return float(cv2.absdiff(before, after)[moment.drawn].mean())


def _draw_strip(pictures: Sequence[np.ndarray]) -> np.ndarray:
    large = [
        cv2.resize(picture, None, fx=ZOOM, fy=ZOOM, interpolation=cv2.INTER_CUBIC)
        for picture in pictures
    ]
    beside = [np.pad(p, ((0, 0), (0, GAP), (0, 0)), constant_values=255) for p in large]
    return np.concatenate(beside, axis=1)
