"""Caps, beanies, helmets, scarves, hoods and bands around a skull, and the choice of headwear."""

from __future__ import annotations

import cv2
import numpy as np

from openvasa.data.occluders.hats import (
    draw_beret,
    draw_cloth,
    draw_hat,
    lay_headwear,
    rounded,
)
from openvasa.data.occluders.scene import Scene, smooth_line
from openvasa.data.occluders.skull import AROUND, AXES, CENTRE, dome, draw_level, front, ring
from openvasa.data.occluders.textures import draw_colour, draw_texture
from openvasa.face.topology import FACE_OVAL


def draw_headwear(scene: Scene) -> None:
    """Put something on the head."""
    makers = (draw_hat, draw_hat, draw_hat, draw_beret, _draw_cap, _draw_cap, _draw_beanie)
    makers += (_draw_helmet, _draw_scarf, _draw_scarf, _draw_band)
    makers[scene.rng.integers(len(makers))](scene)


def _draw_cap(scene: Scene) -> None:
    """A cap; its visor looks forwards, sideways or back."""
    level, lean = draw_level(scene), scene.between(-0.1, 0.25)
    grow, high = scene.between(1.0, 1.1), scene.between(6, 9.5)
    inner = ring(level, lean, grow)
    crown = scene.project(np.vstack([inner, dome(scene, level, lean, grow, high)]))
    texture = draw_cloth(scene)
    cover = scene.hull(crown)
    scene.shade(cover, scene.between(0, 0.4), (0, scene.unit * 0.4), scene.unit * 0.4 + 0.5)
    lay_headwear(scene, cover, texture * rounded(scene, crown))
    if scene.chance(0.5):
        ridge = front(inner)[:: scene.rng.integers(4, 9)]
        top = np.array([[0, level - high, CENTRE[2]]])
        for point in ridge:
            seam = scene.stroke(scene.project(np.vstack([point[None], top])), 0.8) * cover
            scene.lay(seam, np.zeros(3), None, 0.35)
    if scene.chance(0.3):  # Worn backwards: a strap instead.
        return
    span = np.linspace(-1, 1, 17) * scene.between(0.9, 1.25)
    turned = span + (scene.rng.normal(0, 0.15) if scene.chance(0.9) else scene.between(-1, 1))
    z, x = CENTRE[2] - AXES[2] * grow * np.cos(turned), AXES[0] * grow * np.sin(turned)
    root = np.column_stack([x, level + lean * (z - CENTRE[2]), z])
    length = scene.between(3.5, 6.5)
    fade = np.sqrt(np.clip(1 - (span / np.abs(span).max()) ** 2, 0, 1))[:, None]
    drop = scene.between(-0.6, 2.2)
    tip = root + fade * np.column_stack(
        [0 * x + np.sin(turned.mean()) * length, 0 * x + drop, 0 * x - length]
    )
    tip[:, 1] += scene.between(0, 1.5) * (span / np.abs(span).max()) ** 2
    visor = scene.fill(scene.project(np.vstack([root, tip[::-1]])))
    scene.shade(visor, scene.between(0, 0.6), (0, scene.unit * 0.8), scene.unit * 0.5 + 0.5)
    tone = texture if scene.chance(0.6) else draw_cloth(scene)
    lay_headwear(scene, visor, tone * scene.between(0.5, 1.1))


def _draw_beanie(scene: Scene) -> None:
    """A knitted cap, or fur: soft, with a fold."""
    level, lean = draw_level(scene), scene.between(-0.05, 0.3)
    grow, high = scene.between(1.03, 1.2), scene.between(7.5, 13)
    inner = ring(level, lean, grow)
    crown = scene.project(np.vstack([inner, dome(scene, level, lean, grow, high)]))
    texture = draw_cloth(scene) * rounded(scene, crown)
    if scene.chance(0.7):
        x = np.arange(scene.side, dtype=np.float32)
        ribs = np.sin(x * scene.between(0.8, 2.2))
        texture = texture * (1 + scene.between(0.05, 0.2) * ribs)[None, :, None]
    cover = scene.hull(crown)
    scene.shade(cover, scene.between(0, 0.4), (0, scene.unit * 0.4), scene.unit * 0.4 + 0.5)
    lay_headwear(scene, cover, texture)
    fold = scene.between(1.5, 4.0)
    thick = inner * [1.04, 1, 1.04] + [0, 0, 0]
    strip = scene.hull(scene.project(np.vstack([thick, thick - [0, fold, 0]])))
    gain = scene.between(0.7, 1.2)
    lay_headwear(scene, strip, (texture if scene.chance(0.6) else draw_texture(scene)) * gain)


def _draw_helmet(scene: Scene) -> None:
    """Hard, down over the ears, with a strap or a guard."""
    level, lean = draw_level(scene), scene.between(0.15, 0.6)
    grow, high = scene.between(1.1, 1.35), scene.between(8, 12)
    inner = ring(level, lean, grow)
    crown = scene.project(np.vstack([inner, dome(scene, level, lean, grow, high)]))
    texture = draw_texture(scene, plain=0.7) * rounded(scene, crown)
    gloss = scene.between(0, 0.6)
    cover = scene.hull(crown)
    scene.shade(cover, scene.between(0, 0.5), (0, scene.unit * 0.5), scene.unit * 0.5 + 0.5)
    lay_headwear(scene, cover, texture)
    spot = crown.mean(axis=0) + scene.rng.normal(0, 2.5 * scene.unit, 2)
    glow = np.zeros(scene.labels.shape, np.float32)
    cv2.circle(glow, tuple(int(v) for v in spot), max(int(1.6 * scene.unit), 1), 1.0, -1)
    glow = cv2.GaussianBlur(glow, (0, 0), scene.unit) * cover
    scene.lay(glow, np.full(3, 250.0), None, gloss)
    middle = scene.canonical[FACE_OVAL].mean(axis=0)
    jaw = middle + (scene.canonical[FACE_OVAL[7:30]] - middle) * scene.between(1.02, 1.12)
    strap = scene.stroke(scene.project(jaw), scene.unit * scene.between(0.4, 1.6))
    if scene.chance(0.6):
        lay_headwear(scene, strap, draw_colour(scene, [(25, 25, 25), (90, 80, 60)]))


def _draw_scarf(scene: Scene) -> None:
    """A headscarf, hood or wig cap: around the face down to the shoulders."""
    middle = scene.canonical[FACE_OVAL].mean(axis=0)
    opening = middle + (scene.canonical[FACE_OVAL] - middle) * np.array(
        [scene.between(0.85, 1.08), 1.0, 1.0]
    )
    top = scene.between(0.7, 1.1)
    rise = scene.between(0.95, 1.2) if scene.chance(0.6) else 1.5  # Open below, or not.
    offset = opening[:, 1] - middle[1]
    opening[:, 1] = middle[1] + offset * np.where(offset < 0, top, rise)
    grow = scene.between(1.08, 1.35)
    skull = np.vstack([ring(-3.0, 0, grow), dome(scene, -3.0, 0, grow, 11 * grow)])
    wide = scene.between(7, 14)
    body = np.array([[-wide, 14, 6.0], [wide, 14, 6.0], [wide + 4, 26, 7], [-wide - 4, 26, 7]])
    outer = cv2.convexHull(scene.project(np.vstack([skull, body])))[:, 0]
    hole = smooth_line(scene.project(opening), 2, closed=True)
    cover = np.clip(scene.fill(outer) - scene.fill(hole), 0, 1)
    scene.shade(cover, scene.between(0, 0.5), (0, scene.unit * 0.3), scene.unit * 0.5 + 0.5)
    texture = draw_texture(scene, [(30, 30, 32), (230, 225, 215), (120, 40, 50), (40, 60, 110)])
    y, x = np.mgrid[: scene.side, : scene.side].astype(np.float32)
    centre = scene.project(middle[None])[0]
    angle = np.arctan2(y - centre[1], x - centre[0])
    radius = np.hypot(y - centre[1], x - centre[0]) / (scene.unit * scene.between(3, 9))
    folds = np.sin(angle * scene.rng.integers(2, 9) + radius * scene.between(-2, 2))
    lay_headwear(scene, cover, texture * (1 + scene.between(0, 0.25) * folds)[..., None])


def _draw_band(scene: Scene) -> None:
    """A headband or the bow of headphones."""
    if scene.chance(0.5):
        level, lean, wide = draw_level(scene), scene.between(-0.1, 0.3), scene.between(0.8, 3.5)
        inner = front(ring(level, lean, scene.between(0.97, 1.05)))
        strip = np.vstack([inner, inner[::-1] - [0, wide, 0]])
        cover = scene.fill(scene.project(strip))
    else:
        angle = np.linspace(-1, 1, 25) * scene.between(1.6, 1.9)
        lift = scene.between(1.05, 1.15)
        bow = np.column_stack(
            [
                AXES[0] * lift * np.sin(angle),
                CENTRE[1] - AXES[1] * lift * np.cos(angle) * scene.between(0.9, 1.1),
                np.full(25, CENTRE[2] + scene.between(-2, 3)),
            ]
        )
        cover = scene.stroke(scene.project(bow), scene.unit * scene.between(0.8, 2.2))
        for end in (bow[0], bow[-1]):
            spread = np.column_stack([0.25 * np.sin(AROUND), np.cos(AROUND), np.sin(AROUND)])
            cup = end + [0, 1.5, 0] + spread * scene.between(2, 3.6)
            cover = np.maximum(cover, scene.hull(scene.project(cup)))
    scene.shade(cover, scene.between(0, 0.4), (0, scene.unit * 0.2), scene.unit * 0.3 + 0.5)
    lay_headwear(scene, cover, draw_texture(scene, [(25, 25, 27), (220, 220, 222)], plain=0.6))
