"""Beards and moustaches, short and long, of hairs or painted flat: they are part of a bare face."""

from __future__ import annotations

import cv2
import numpy as np

from openvasa.data.occluders.scene import Scene, smooth_line
from openvasa.data.occluders.textures import draw_colour, noise
from openvasa.face.topology import FACE_OVAL, OUTER_LIPS, SURFACE_POINTS

HAIRS = [(25, 20, 18), (60, 42, 30), (110, 85, 60), (150, 148, 145), (205, 202, 196)]
UNDER_NOSE, NOSE_BASE = 164, 2
FORWARD = 0.6
"""Canonical units by which hairs stand out before the skin."""


def draw_beard(scene: Scene) -> None:
    """Let a beard or a moustache grow."""
    makers = (_draw_stubble, _draw_hairs, _draw_hairs, _draw_flat)
    makers[scene.rng.integers(len(makers))](scene)


def draw_hair_colour(scene: Scene) -> np.ndarray:
    """(3,) float32 of hair on a face: any hair's, or the skin's made paler or darker."""
    if scene.chance(0.65):
        return draw_colour(scene, HAIRS)
    skin = scene.skin_colour()
    if scene.chance(0.5):
        return skin + (np.float32(245) - skin) * scene.between(0.1, 0.8)
    return skin * scene.between(0.25, 0.9)


def _draw_stubble(scene: Scene) -> None:
    """Many short hairs, which skin shows between."""
    full = scene.chance(0.6)
    region = _lower_face(scene, 1.0) if full else np.zeros(scene.labels.shape, np.float32)
    region[: int(max(scene.landmarks[NOSE_BASE, 1], 0))] *= scene.between(0, 1)
    if not full or scene.chance(0.6):
        region = np.maximum(region, _moustache(scene))
    hairs = noise(scene.rng, scene.side, 1.2, scene.between(1, 4))
    soft = cv2.GaussianBlur(region.clip(0, 1), (0, 0), scene.between(0.8, 4))
    cover = soft * np.clip(scene.between(0.1, 0.9) + 0.4 * hairs, 0, 1)
    scene.lay(cover, draw_hair_colour(scene), None, scene.between(0.4, 1.0))


def _draw_hairs(scene: Scene) -> None:
    """Hairs that hang from cheeks, chin and upper lip, up to before the chest."""
    colour = draw_hair_colour(scene)
    roots = _find_roots(scene)
    length = scene.between(0.4, 2.5) if scene.chance(0.5) else scene.between(2, 11)
    part, sweep = scene.between(0.02, 0.2), scene.rng.normal(0, 0.15)
    width = scene.unit * scene.between(0.05, 0.25)
    cover = np.zeros(scene.labels.shape, np.uint8)
    tone = np.empty(scene.picture.shape, np.uint8)
    tone[:] = np.clip(colour, 0, 255)
    contrast, wave = scene.between(0.05, 0.5), scene.between(0, 0.5)
    lips = scene.canonical[OUTER_LIPS]
    for _ in range(int(scene.between(60, 500))):
        root = roots[scene.rng.integers(len(roots))] + scene.rng.normal(0, 0.25, 3)
        above = root[1] < lips[:, 1].mean()
        beside = abs(root[0] - lips[:, 0].mean()) > 0.9 * np.ptp(lips[:, 0]) / 2
        # Over the mouth hairs are combed aside, so that lips stay seen.
        long = length * scene.between(0.3, 1.1) * (0.25 if above and not beside else 1)
        aside = (root[0] * part + sweep) * (1.5 if above else 1) + scene.rng.normal(0, 0.2)
        way = np.array([aside, 1.0, 0.0]) / np.hypot(aside, 1)
        bend = scene.rng.normal(0, wave, 3) * long * 0.3
        stops = root + np.outer([0, 0.4, 1], way * long) + [0, 0, -FORWARD]
        stops[1] += bend
        line = scene.project(smooth_line(stops, 2))
        shade = np.clip(colour * (1 + scene.rng.normal(0, contrast)), 0, 255)
        scene.trace(tone, line, width, tuple(float(v) for v in shade))
        scene.trace(cover, line, width, (255.0,))
    soft = cv2.GaussianBlur(cover, (0, 0), scene.between(0.3, 0.9)).astype(np.float32) / 255
    scene.shade(soft, scene.between(0, 0.3), (0, scene.unit * 0.2), scene.unit * 0.3 + 0.5)
    lit = np.clip(tone * scene.light(0.5), 0, 255)
    scene.lay(soft, lit, None, scene.between(0.6, 1.0))


def _draw_flat(scene: Scene) -> None:
    """A beard as painters and draughtsmen put it: an even tone, its outline, a few lines."""
    colour = draw_hair_colour(scene)
    region = _lower_face(scene, scene.between(1.0, 1.25))
    if scene.chance(0.5):
        region = np.maximum(region, _hanging(scene))
    if scene.chance(0.6):
        region = np.maximum(region, _moustache(scene))
    soft = cv2.GaussianBlur(region, (0, 0), scene.between(0.5, 3))
    scene.lay(soft, colour * scene.light(scene.between(0, 1)), None, scene.between(0.5, 1.0))
    ink = colour * scene.between(0.15, 0.7) if scene.chance(0.75) else colour * 1.4
    solid = (region > 0.5).astype(np.uint8)
    if scene.chance(0.5):
        outlines = cv2.findContours(solid, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)[0]
        for outline in outlines:
            edge = scene.stroke(outline[:, 0], scene.unit * scene.between(0.08, 0.25), closed=True)
            scene.lay(edge, np.clip(ink, 0, 255), None, scene.between(0.2, 0.9))
    lines, roots = np.zeros(scene.labels.shape, np.float32), _find_roots(scene)
    for _ in range(scene.rng.integers(0, 60)):
        root = roots[scene.rng.integers(len(roots))]
        bend = np.array([root[0] * 0.2 + scene.rng.normal(0, 0.4), 1.0, 0]) * scene.between(0.5, 4)
        stops = root + np.outer([0, 0.5, 1], bend) + scene.rng.normal(0, 0.25, (3, 3))
        line = scene.project(smooth_line(stops, 2))
        lines = np.maximum(lines, scene.stroke(line, scene.unit * scene.between(0.06, 0.2)))
    scene.lay(lines, np.clip(ink, 0, 255), None, scene.between(0.3, 1.0))


def _lower_face(scene: Scene, reach: float) -> np.ndarray:
    """(S, S) float32 cover of cheeks and chin but for the lips, or of the chin alone."""
    lips = scene.canonical[OUTER_LIPS].mean(axis=0)
    oval = scene.canonical[FACE_OVAL]
    middle = oval.mean(axis=0)
    lower = oval[oval[:, 1] > middle[1] + scene.between(-1, 5)]
    wide = scene.between(0.35, 0.8) if scene.chance(0.3) else scene.between(1.0, 1.1)
    jaw = middle + (lower - middle) * np.array([wide, reach * scene.between(1.0, 1.1), 1])
    hollow = lips + (scene.canonical[OUTER_LIPS] - lips) * scene.between(1.05, 1.3)
    # Nose and cheeks stay bare.
    top = scene.canonical[NOSE_BASE] + [0, scene.between(0.1, 0.8), 0]
    x = np.linspace(-1, 1, 9)[:, None]
    arch = top + x * [9.0, 0, 0] + (np.abs(x) - x**2) * [0, scene.between(2, 10), 0]
    arch = arch + x**2 * [0, scene.between(-5, 1), 0]
    bare = scene.fill(scene.project(np.vstack([arch, (arch - [0, 30, 0])[::-1]])))
    cover = scene.hull(scene.project(jaw)) * (1 - bare) - scene.fill(scene.project(hollow))
    return cover.clip(0, 1)


def _hanging(scene: Scene) -> np.ndarray:
    """(S, S) float32 cover of a beard that hangs from the chin in one or several points."""
    oval = scene.canonical[FACE_OVAL]
    chin, wide = oval[oval[:, 1].argmax()], scene.between(1, 5)
    x = np.linspace(-1, 1, 9)
    long = scene.between(1, 9) * np.sqrt(1 - np.abs(x) ** 2 + 0.02)
    tips = np.column_stack([x * wide * scene.between(0.4, 1), long, np.zeros(9) - FORWARD])
    tips[:, :2] += scene.rng.normal(0, 0.5, (9, 2))
    roots = np.array([[wide, -1.5, 0.0], [-wide, -1.5, 0.0]])
    shape = np.vstack([tips, roots]) + chin
    return scene.fill(scene.project(shape))


def _moustache(scene: Scene) -> np.ndarray:
    """(S, S) float32 cover of a moustache."""
    reach, drop = scene.between(1.8, 3.5), scene.between(0.2, 2.5)
    wave = np.array([[-reach, drop, 0], [0, -0.2, -0.5], [reach, drop, 0]])
    line = scene.project(smooth_line(wave + scene.canonical[UNDER_NOSE]))
    return scene.stroke(line, scene.unit * scene.between(0.5, 1.4))


def _find_roots(scene: Scene) -> np.ndarray:
    """(N, 3) canonical points of the face that hairs grow from: any part of where beards do."""
    points = scene.canonical[:SURFACE_POINTS]
    lips = scene.canonical[OUTER_LIPS]
    middle, half = lips.mean(axis=0), np.ptp(lips, axis=0) / 2
    from_lips = np.hypot(*((points - middle)[:, :2] / np.maximum(half[:2], 0.1)).T)
    low = scene.canonical[NOSE_BASE, 1] + scene.between(-2.0, 4.0)
    beard = (points[:, 1] > low) & (from_lips > 1.15)
    if scene.chance(0.3):  # On the chin alone.
        beard &= np.abs(points[:, 0] - middle[0]) < half[0] * scene.between(0.5, 1.3)
    upper = (points[:, 1] > scene.canonical[NOSE_BASE, 1]) & (points[:, 1] < middle[1])
    moustache = upper & (from_lips > 1.0) & (np.abs(points[:, 0] - middle[0]) < 1.2 * half[0])
    chosen = (beard, moustache, beard | moustache, beard | moustache)[scene.rng.integers(4)]
    return points[chosen if chosen.any() else beard | moustache | (from_lips < 2)]
