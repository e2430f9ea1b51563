"""What looks like a thing in front of the face and is none: make-up, shadows, wrinkles."""

from __future__ import annotations

import cv2
import numpy as np

from openvasa.data.occluders.beards import HAIRS
from openvasa.data.occluders.scene import Scene, smooth_line
from openvasa.data.occluders.textures import draw_colour
from openvasa.face.topology import (
    CHIN,
    LEFT_BROW,
    LEFT_EYE,
    OUTER_LIPS,
    RIGHT_BROW,
    RIGHT_EYE,
)


def draw_look(scene: Scene) -> None:
    """Change how the face looks, laying nothing before it."""
    makers = (_draw_shadow, _draw_shadow, _draw_make_up, _draw_lines, _draw_brows, _draw_gleam)
    makers[scene.rng.integers(len(makers))](scene)


def _draw_shadow(scene: Scene) -> None:
    """A hard or soft shadow, or a band of light, across face and background."""
    at = scene.landmarks[scene.rng.integers(468), :2]
    angle, reach = scene.between(0, 2 * np.pi), 2.0 * scene.side
    way = np.array([np.cos(angle), np.sin(angle)])
    across = np.array([-way[1], way[0]])
    wide = reach if scene.chance(0.6) else scene.unit * scene.between(1, 8)
    corners = [at - across * reach, at + across * reach]
    corners += [at + across * reach + way * wide, at - across * reach + way * wide]
    cover = cv2.GaussianBlur(scene.fill(np.stack(corners)), (0, 0), scene.between(0.6, 8))
    gain = scene.between(0.25, 0.85) if scene.chance(0.8) else scene.between(1.1, 1.5)
    scene.picture *= 1 + (gain - 1) * cover[..., None]
    np.clip(scene.picture, 0, 255, out=scene.picture)


def _draw_make_up(scene: Scene) -> None:
    """Shadow or liner around the eyes, lipstick, rouge."""
    if scene.chance(0.7):
        tone, strength = draw_colour(scene, [(30, 25, 25), (90, 60, 70)]), scene.between(0.2, 0.8)
        grow, blur = scene.between(1.1, 2.2), scene.between(0.6, 4)
        for eye in (RIGHT_EYE, LEFT_EYE):
            points = scene.landmarks[eye, :2]
            middle = points.mean(axis=0)
            ring = scene.fill(middle + (points - middle) * grow) - scene.fill(points)
            scene.lay(cv2.GaussianBlur(ring.clip(0, 1), (0, 0), blur), tone, None, strength)
            if scene.chance(0.4):
                line = scene.stroke(points, scene.unit * scene.between(0.1, 0.3), closed=True)
                scene.lay(line, np.array([20, 15, 15]), None, 0.7)
    if scene.chance(0.5):
        lips = scene.fill(scene.landmarks[OUTER_LIPS, :2])
        scene.lay(cv2.GaussianBlur(lips, (0, 0), 0.8), draw_colour(scene), None, 0.4)


def _draw_lines(scene: Scene) -> None:
    """Wrinkles, scars, paint and moles."""
    for _ in range(scene.rng.integers(1, 9)):
        start = scene.canonical[scene.rng.integers(468)]
        bend, end = scene.rng.normal(0, [1.2, 0.8, 0.2], (2, 3)) * scene.between(0.5, 2)
        line = scene.project(smooth_line(np.stack([start, start + bend, start + end]), 3))
        cover = scene.stroke(line, scene.unit * scene.between(0.06, 0.3))
        cover = cv2.GaussianBlur(cover, (0, 0), scene.between(0.4, 1.5))
        tone = scene.skin_colour() * scene.between(0.4, 0.9)
        if scene.chance(0.15):
            tone = draw_colour(scene)
        scene.lay(cover, tone, None, scene.between(0.3, 1.0))


def _draw_brows(scene: Scene) -> None:
    """Heavy brows: they are not the upper rims of glasses."""
    tone, wide = draw_colour(scene, HAIRS), scene.between(0.4, 1.3)
    for brow in (RIGHT_BROW, LEFT_BROW):
        line = scene.landmarks[brow[:5], :2] / 2 + scene.landmarks[brow[:4:-1], :2] / 2
        cover = cv2.GaussianBlur(scene.stroke(line, scene.unit * wide), (0, 0), 0.8)
        scene.lay(cover, tone, None, scene.between(0.4, 0.9))


def _draw_gleam(scene: Scene) -> None:
    """Wet or oily skin."""
    for point in scene.rng.choice([4, 10, 50, 280, 151, CHIN, 6], 3):
        spot = np.zeros(scene.labels.shape, np.float32)
        radius = max(1, int(scene.unit * scene.between(0.3, 1.2)))
        cv2.circle(spot, tuple(int(v) for v in scene.landmarks[point, :2]), radius, 1.0, -1)
        glow = cv2.GaussianBlur(spot, (0, 0), scene.unit * scene.between(0.2, 1) + 0.3)
        scene.lay(glow, np.full(3, 250.0), None, scene.between(0.1, 0.6))
