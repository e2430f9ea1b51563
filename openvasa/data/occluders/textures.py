"""Colours and patterns of things: cloth, plastic, foam, print."""

from __future__ import annotations

import cv2
import numpy as np

from openvasa.data.occluders.scene import Scene


def noise(rng: np.random.Generator, side: int, scale: float, stretch: float = 1.0) -> np.ndarray:
    """(S, S) float32 smooth noise of mean 0 and deviation 1 whose grains are `scale` px wide."""
    cells = max(2, round(side / scale)), max(2, round(side / (scale * stretch)))
    grains = rng.standard_normal((cells[1], cells[0])).astype(np.float32)
    field = cv2.resize(grains, (side, side), interpolation=cv2.INTER_CUBIC)
    return field / max(float(field.std()), 1e-6)


def draw_colour(scene: Scene, usual: list[tuple[int, int, int]] | None = None) -> np.ndarray:
    """(3,) float32 a colour as it looks in the light of the scene."""
    rng = scene.rng
    if usual and scene.chance(0.7):
        colour = np.array(usual[rng.integers(len(usual))], np.float32)
        colour += rng.normal(0, 12, 3)
    else:
        hsv = np.array([[[rng.integers(180), rng.integers(256), rng.integers(20, 256)]]], np.uint8)
        colour = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[0, 0].astype(np.float32)
    lit = np.clip(scene.brightness() / 150, 0.25, 1.3) ** 0.7
    return np.clip(colour * lit * scene.between(0.85, 1.15), 0, 255).astype(np.float32)


def draw_texture(
    scene: Scene,
    usual: list[tuple[int, int, int]] | None = None,
    *,
    plain: float = 0.5,
) -> np.ndarray:
    """(S, S, 3) float32 of cloth or the like, lit as the face is.

    Args:
        scene: where it will be.
        usual: colours that such a thing mostly has.
        plain: share of one-coloured ones.
    """
    rng, side = scene.rng, scene.side
    first = draw_colour(scene, usual)
    texture = np.broadcast_to(first, (side, side, 3)).copy()
    if not scene.chance(plain):
        texture = _pattern(scene, texture, draw_colour(scene))
    grain = noise(rng, side, scene.between(1, 3)) * scene.between(0, 7)
    folds = noise(rng, side, scene.between(12, 50), scene.between(0.4, 2.5))
    texture *= (1 + scene.between(0, 0.16) * folds)[..., None]
    texture += grain[..., None]
    return np.clip(texture * scene.light(scene.between(0.2, 1.0)), 0, 255)


def _pattern(scene: Scene, base: np.ndarray, second: np.ndarray) -> np.ndarray:
    rng, side = scene.rng, scene.side
    kind = rng.integers(6)
    if kind == 5:
        zoom, angle = scene.between(0.6, 2.5), scene.between(0, 360)
        turn = cv2.getRotationMatrix2D((side / 2, side / 2), angle, zoom)
        border = cv2.BORDER_REFLECT_101
        return cv2.warpAffine(scene.other, turn, (side, side), borderMode=border)
    y, x = np.mgrid[:side, :side].astype(np.float32)
    angle, period = scene.between(0, np.pi), scene.between(3, 24)
    u = (x * np.cos(angle) + y * np.sin(angle)) * (2 * np.pi / period)
    v = (y * np.cos(angle) - x * np.sin(angle)) * (2 * np.pi / period)
    if kind == 0:
        share = np.sin(u)
    elif kind == 1:
        share = np.sin(u) * np.sin(v)
    elif kind == 2:
        share = np.maximum(np.sin(u), np.sin(v)) - scene.between(0.2, 0.8)
    elif kind == 3:
        share = np.sin(u) + np.sin(v) - scene.between(0.3, 1.4)
    else:
        share = noise(rng, side, scene.between(4, 30)) - scene.between(-0.5, 0.8)
    weight = (1 / (1 + np.exp(-np.clip(share * scene.between(2, 12), -30, 30))))[..., None]
    return base + weight * (second - base)


def round_shading(cover: np.ndarray, depth: float) -> np.ndarray:
    """(S, S, 1) float32 gain: bright inside a shape, `depth` darker at its edge."""
    inside = cv2.distanceTransform((cover > 0.5).astype(np.uint8), cv2.DIST_L2, 3)
    height = inside / max(float(inside.max()), 1.0)
    return (1 - depth + depth * np.sqrt(1 - (1 - height) ** 2))[..., None]
