"""Hats with brims, seen from above and from below, berets and skull caps; what they are made of."""

from __future__ import annotations

import numpy as np

from openvasa.data.occluders.scene import Scene
from openvasa.data.occluders.skull import AROUND, AXES, CENTRE, dome, draw_level, front, ring, tilt
from openvasa.data.occluders.textures import draw_colour, draw_texture, noise
from openvasa.face.occluders import Occluder
from openvasa.face.topology import FACE_OVAL

DARK = [(16, 16, 18), (30, 28, 28), (42, 30, 26), (24, 28, 46), (48, 22, 26), (36, 44, 34)]
USUAL = [(30, 28, 28), (90, 70, 50), (200, 180, 140), (120, 120, 120)]


def draw_hat(scene: Scene) -> None:
    """A brim all around and a crown."""
    level, roll = draw_level(scene), scene.rng.normal(0, 0.12)
    lean, grow = scene.between(-0.15, 0.45), scene.between(1.02, 1.2)
    reach, high = scene.between(1.25, 2.4), scene.between(5, 14)
    inner, outer = ring(level, lean, grow), ring(level, lean, grow * reach)
    outer[:, 1] += scene.between(-2.5, 2.0) * np.abs(np.sin(AROUND)) ** 2 + scene.between(-1, 1.2)
    if scene.chance(0.3):  # Turned up at one side.
        outer[:, 1] -= scene.between(1, 6) * np.clip(np.sin(AROUND + scene.between(0, 6.3)), 0, 1)
    crown = np.vstack([inner, dome(scene, level, lean, grow, high)])
    lay_hat(scene, *(tilt(points, level, roll) for points in (inner, outer, crown)))


def lay_hat(scene: Scene, inner: np.ndarray, outer: np.ndarray, crown: np.ndarray) -> None:
    """Lay a brim between two (48, 3) rings, seen from below where it rises to the front, and a
    crown around (n, 3) points."""
    cloth = draw_cloth(scene)
    below = scene.project(outer[:1])[0, 1] < scene.project(inner[:1])[0, 1]
    around = scene.project(crown)
    crown_cover, crown_cloth = scene.hull(around), cloth * rounded(scene, around)
    if below:
        beside = _beside_head(scene, inner)
        lay_headwear(scene, crown_cover * beside, crown_cloth)
        _lay_underside(scene, outer, beside, cloth)
        return
    brim = scene.hull(scene.project(outer))
    down = (0.0, scene.unit * scene.between(0.2, 1.6))
    scene.shade(brim, scene.between(0, 0.6), down, scene.unit * scene.between(0.2, 1.2) + 0.5)
    lay_headwear(scene, brim, cloth * scene.between(0.45, 1.0))
    lay_headwear(scene, crown_cover, crown_cloth)
    if scene.chance(0.5):
        lifted = inner - [0, scene.between(0.8, 2.2), 0]
        band = np.vstack([front(inner), front(lifted)[::-1]])
        lay_headwear(scene, scene.fill(scene.project(band)), draw_texture(scene))


def _beside_head(scene: Scene, inner: np.ndarray) -> np.ndarray:
    """(S, S) cover of what the head leaves of a hat seen from below: the head, hair included, is
    before its back half."""
    middle = scene.canonical[FACE_OVAL].mean(axis=0)
    oval = middle + (scene.canonical[FACE_OVAL] - middle) * scene.between(1.0, 1.15)
    head = scene.hull(scene.project(np.vstack([inner, oval])))
    edge = front(inner)
    above = scene.fill(scene.project(np.vstack([edge, (edge - [0, 40, 0])[::-1]])))
    return np.maximum(1 - head, above)


def _lay_underside(scene: Scene, outer: np.ndarray, beside: np.ndarray, cloth: np.ndarray) -> None:
    """A brim seen from below."""
    brim = scene.hull(scene.project(outer)) * beside
    down = (0.0, scene.unit * scene.between(0.4, 2.0))
    scene.shade(brim, scene.between(0, 0.6), down, scene.unit * scene.between(0.3, 1.5) + 0.5)
    lay_headwear(scene, brim, cloth * scene.between(0.3, 1.0))
    if scene.chance(0.5):
        rim = scene.stroke(scene.project(outer), scene.unit * scene.between(0.1, 0.5), closed=True)
        scene.lay(rim * brim, np.clip(cloth * scene.between(0.7, 1.5), 0, 255), None, 0.7)


def draw_beret(scene: Scene) -> None:
    """A beret, a skull cap or a bonnet: soft, close to the head or hanging to one side."""
    level, lean = draw_level(scene), scene.between(0.0, 0.4)
    grow, roll = scene.between(0.98, 1.06), scene.rng.normal(0, 0.15)
    inner = ring(level, lean, grow)
    high, aside = scene.between(3.5, 9), scene.rng.normal(0, 2.0)
    wide = scene.between(1.0, 1.35) * grow
    bulge = ring(level - high * scene.between(0.3, 0.6), lean, wide) + [aside, 0, 0]
    top = ring(level - high, lean, wide * scene.between(0.4, 0.8)) + [aside, 0, 0]
    shape = scene.project(tilt(np.vstack([inner, bulge, top]), level, roll))
    cover = scene.hull(shape)
    scene.shade(cover, scene.between(0, 0.5), (0, scene.unit * 0.4), scene.unit * 0.4 + 0.5)
    lay_headwear(scene, cover, draw_cloth(scene) * rounded(scene, shape))
    if scene.chance(0.4):
        strip = front(tilt(inner, level, roll))
        band = np.vstack([strip, (strip - [0, scene.between(0.5, 2), 0])[::-1]])
        lay_headwear(scene, scene.fill(scene.project(band)), draw_cloth(scene))


def draw_cloth(scene: Scene) -> np.ndarray:
    """(S, S, 3) float32 of what hats are made of: mostly plain, often dark, at times as what is
    around."""
    if scene.chance(0.4):
        return draw_texture(scene, USUAL)
    plain = draw_colour(scene, DARK)
    if scene.chance(0.25):
        up = np.array([[scene.rng.normal(0, 9), CENTRE[1] - AXES[1], CENTRE[2]]])
        x, y = np.rint(scene.project(up)[0]).astype(int).clip(2, scene.side - 3)
        plain = np.median(scene.picture[y - 2 : y + 3, x - 2 : x + 3], axis=(0, 1))
    folds = noise(scene.rng, scene.side, scene.between(10, 50), scene.between(0.4, 2.5))
    grain = noise(scene.rng, scene.side, scene.between(1, 3)) * scene.between(0, 4)
    cloth = plain * (1 + scene.between(0, 0.2) * folds)[..., None] + grain[..., None]
    return np.clip(cloth * scene.light(scene.between(0, 1)), 0, 255).astype(np.float32)


def lay_headwear(scene: Scene, cover: np.ndarray, texture: np.ndarray) -> None:
    """Lay headwear of an (S, S, 3) texture."""
    scene.lay(cover, np.clip(texture, 0, 255), Occluder.HEADWEAR)


def rounded(scene: Scene, points: np.ndarray) -> np.ndarray:
    """(1, S, 1) gain across px of points: darker to the sides."""
    low, high = points[:, 0].min(), points[:, 0].max()
    across = (np.arange(scene.side) - (low + high) / 2) / max((high - low) / 2, 1)
    gain = 1 - scene.between(0.1, 0.5) * np.clip(np.abs(across), 0, 1) ** 2
    return (gain + scene.between(-0.2, 0.2) * across).clip(0.25, 1.4)[None, :, None]
