"""Masks, scarves and veils over mouth and nose, cut out by the face's own surface."""

from __future__ import annotations

import cv2
import numpy as np

from openvasa.data.occluders.scene import Scene, smooth_line
from openvasa.data.occluders.textures import draw_texture
from openvasa.face.occluders import Occluder
from openvasa.face.topology import FACE_OVAL

JAW = FACE_OVAL[8:29]
"""The face's outline from before the left ear over the chin to before the right ear."""
NOSE = (6, 197, 195, 5, 4, 94, 2)
"""From the nose's bridge down to below its tip."""
USUAL = [(150, 190, 215), (235, 238, 240), (25, 25, 28), (215, 170, 180), (130, 175, 165)]


def draw_mask(scene: Scene) -> None:
    """Put a mask or a scarf on the face."""
    outline, corners = _outline(scene)
    cover = scene.fill(outline)
    scarf = scene.chance(0.15)
    if scarf:
        below = scene.project(np.array([[-9, 14, 4.0], [9, 14, 4.0], [11, 22, 5], [-11, 22, 5]]))
        cover = np.maximum(cover, scene.hull(np.vstack([outline, below])))
        cover[: int(max(outline[:, 1].min() - 1, 0))] = 0
    scene.shade(cover, scene.between(0, 0.4), (0, scene.between(-1, 3)), scene.between(0.8, 3))
    texture = draw_texture(scene, USUAL, plain=0.7)
    texture *= _relief(scene, outline)
    if not scarf and scene.chance(0.55):
        texture *= _pleats(scene, outline)
    scene.lay(cover, np.clip(texture, 0, 255), Occluder.COVER)
    if scene.chance(0.6):
        edge = scene.stroke(outline, scene.between(0.7, 2.0), closed=True) * cover
        gain = scene.between(0.6, 1.25)
        scene.lay(edge, np.clip(texture * gain, 0, 255), None, 0.8)
    if not scarf and scene.chance(0.7):
        _lay_loops(scene, corners)


def _outline(scene: Scene) -> tuple[np.ndarray, np.ndarray]:
    """(N, 2) px of the mask's edge, and (4, 3) canonical corners at the cheeks."""
    start = int(scene.rng.integers(0, 5))
    middle = scene.canonical[FACE_OVAL].mean(axis=0)
    grow = scene.between(1.0, 1.1)
    jaw = middle + (scene.canonical[JAW[start : len(JAW) - start]] - middle) * grow
    drop = np.linspace(-1, 1, len(jaw))
    jaw[:, 1] += scene.between(-0.4, 1.4) * (1 - drop**2)
    # Most masks sit on the nose; some are worn below it.
    top = NOSE[scene.rng.integers(0, 5)] if scene.chance(0.85) else NOSE[scene.rng.integers(5, 7)]
    nose = scene.canonical[top] + np.array([0, 0, -scene.between(0, 0.8)])
    sag, bulge = scene.between(0.0, 1.2), scene.between(0.3, 0.5)
    cheeks = [end + (nose - end) * bulge + np.array([0, sag, 0]) for end in (jaw[-1], jaw[0])]
    upper = smooth_line(np.stack([jaw[-1], cheeks[0], nose, cheeks[1], jaw[0]]), 3)
    lower = smooth_line(jaw, 1)
    corners = np.stack([jaw[0], jaw[-1], jaw[3], jaw[-4]])
    return scene.project(np.vstack([lower, upper[1:-1]])), corners


def _relief(scene: Scene, outline: np.ndarray) -> np.ndarray:
    """(S, S, 1) gain of the bulge over nose and chin."""
    low, high = outline.min(axis=0), outline.max(axis=0)
    across = (np.arange(scene.side) - (low[0] + high[0]) / 2) / max((high[0] - low[0]) / 2, 1)
    down = (np.arange(scene.side) - low[1]) / max(high[1] - low[1], 1)
    tilt = scene.between(-0.25, 0.25)
    gain = 1 - scene.between(0.1, 0.4) * across**2 + tilt * across
    gain = gain[None] * (1 - scene.between(0, 0.3) * np.clip(down, 0, 1))[:, None]
    return np.clip(gain, 0.3, 1.4).astype(np.float32)[..., None]


def _pleats(scene: Scene, outline: np.ndarray) -> np.ndarray:
    """(S, S, 1) gain of folds that run from cheek to cheek."""
    low, high = outline.min(axis=0), outline.max(axis=0)
    y, x = np.mgrid[: scene.side, : scene.side].astype(np.float32)
    across = (x - (low[0] + high[0]) / 2) / max((high[0] - low[0]) / 2, 1)
    down = (y - low[1]) / max(high[1] - low[1], 1) + scene.between(-0.1, 0.2) * across**2
    folds = np.sin(down * 2 * np.pi * scene.between(2, 5))
    return (1 - scene.between(0.05, 0.25) * np.clip(folds, 0, 1) ** 4)[..., None]


def _lay_loops(scene: Scene, corners: np.ndarray) -> None:
    tone = np.full(3, scene.between(150, 245) * np.clip(scene.brightness() / 150, 0.3, 1))
    if scene.chance(0.25):
        tone = np.full(3, scene.between(10, 60))
    for side, ends in ((1, corners[[0, 2]]), (-1, corners[[1, 3]])):
        ear = np.array([side * 7.9, -1.0 + scene.between(-1, 1.5), 6.5])
        line = scene.project(np.stack([ends[0], ear]))
        if side * (line[1, 0] - line[0, 0]) < 0:
            continue
        for end in ends:
            loop = scene.stroke(scene.project(np.stack([end, ear])), scene.unit * 0.18)
            scene.lay(cv2.GaussianBlur(loop, (0, 0), 0.4), tone, Occluder.COVER)
