"""Strands of hair that hang into the face."""

from __future__ import annotations

import cv2
import numpy as np

from openvasa.data.occluders.scene import Scene, smooth_line
from openvasa.data.occluders.textures import draw_colour
from openvasa.face.occluders import Occluder
from openvasa.face.topology import FACE_OVAL

TOP = np.concatenate([FACE_OVAL[-8:], FACE_OVAL[:9]])
"""The face's outline from before the right ear over the forehead to before the left ear."""
USUAL = [(25, 20, 18), (45, 32, 25), (80, 58, 40), (130, 100, 65), (170, 145, 105), (90, 50, 30)]


def draw_fringe(scene: Scene) -> None:
    """Hair over forehead and brows, before an eye, or along the cheeks."""
    roots = smooth_line(scene.canonical[TOP], 2)
    middle = scene.canonical[FACE_OVAL].mean(axis=0)
    roots = middle + (roots - middle) * scene.between(1.0, 1.12)
    start = scene.between(0, 0.6)
    stop = min(start + scene.between(0.2, 1.0), 1.0)
    sweep, length = scene.rng.normal(0, 3.0), scene.between(3, 11)
    colour = _hair_colour(scene)
    cover, tone = _draw_strands(scene, roots, (start, stop), sweep, length, colour)
    soft = cv2.GaussianBlur(cover, (0, 0), scene.between(0.3, 0.9))
    scene.shade(soft, scene.between(0, 0.4), (0, scene.unit * 0.2), scene.unit * 0.3 + 0.5)
    lit = np.clip(tone * scene.light(0.5), 0, 255)
    scene.lay(soft, lit, Occluder.FRINGE, scene.between(0.85, 1.0))


def _draw_strands(
    scene: Scene,
    roots: np.ndarray,
    span: tuple[float, float],
    sweep: float,
    length: float,
    colour: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """(S, S) cover and (S, S, 3) colours of strands from a span of the roots, in locks."""
    cover = np.zeros(scene.labels.shape, np.uint8)
    tone = np.empty(scene.picture.shape, np.uint8)
    tone[:] = np.clip(colour, 0, 255)
    locks = scene.rng.uniform(*span, int(scene.between(3, 18)))
    gather, fan = scene.between(0.2, 0.8), scene.between(0.1, 0.8)
    width = scene.unit * scene.between(0.06, 0.3)
    for _ in range(int(scene.between(30, 260))):
        along = scene.rng.uniform(*span)
        along += gather * (locks[np.abs(locks - along).argmin()] - along)
        root = roots[int(along * (len(roots) - 1))] + scene.rng.normal(0, 0.3, 3)
        long = length * scene.between(0.35, 1.15)
        aside = sweep * long / 8 + scene.rng.normal(0, fan)
        mid = root + [0.3 * aside, 0.5 * long, -1.2]
        end = root + [aside, long, -0.8]
        line = scene.project(smooth_line(np.stack([root, mid, end]), 2))
        shade = np.clip(colour * scene.between(0.6, 1.4), 0, 255)
        # Strands thin out towards their ends.
        for part, thick in ((line[:-3], width * 1.3), (line, width * 0.7)):
            scene.trace(tone, part, thick, tuple(float(v) for v in shade))
            scene.trace(cover, part, thick, (255.0,))
    return cover.astype(np.float32) / 255, tone.astype(np.float32)


def _hair_colour(scene: Scene) -> np.ndarray:
    """(3,) the head's own, where it shows some, or any."""
    at = scene.project(scene.canonical[[10]] + [[scene.rng.normal(0, 2), -2.5, 1.5]])[0]
    x, y = np.rint(at).astype(int).clip(3, scene.side - 4)
    own = np.median(scene.picture[y - 3 : y + 4, x - 3 : x + 4], axis=(0, 1))
    return own if scene.chance(0.6) else draw_colour(scene, USUAL)
