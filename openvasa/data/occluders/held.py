"""What is held or stands before a face: hands, microphones, cups, telephones, anything."""

from __future__ import annotations

import cv2
import numpy as np

from openvasa.data.occluders.scene import Scene, smooth_line
from openvasa.data.occluders.textures import draw_colour, draw_texture, noise, round_shading
from openvasa.face.occluders import Occluder
from openvasa.face.topology import CHIN, LEFT_EYE, OUTER_LIPS, RIGHT_EYE

PLACES = (OUTER_LIPS, OUTER_LIPS, OUTER_LIPS, RIGHT_EYE, LEFT_EYE, [CHIN], [4], [50], [280], [10])
"""Points of the face before which things are held, the mouth most often."""


def draw_hand(scene: Scene, at: np.ndarray | None = None) -> None:
    """A hand before the face, with an arm.

    Args:
        scene: where.
        at: (2,) px that the fingers' roots come to lie at; None for a place of the face.
    """
    unit = scene.unit * scene.between(0.8, 1.15)
    at = _place(scene) if at is None else at
    # Arms come from below, and hardly ever from above.
    angle = np.pi / 2 + scene.rng.normal(0, 0.8)
    along = np.array([np.cos(angle), np.sin(angle)])
    across = np.array([-along[1], along[0]]) * (1 if scene.chance(0.5) else -1)
    skin = np.clip(
        scene.skin_colour() * scene.rng.normal(1, 0.06, 3) * scene.between(0.75, 1.2), 0, 255
    )
    wrist, elbow = at + along * 9 * unit, at + along * 40 * unit
    if scene.chance(0.6):
        sleeve = scene.stroke(np.stack([wrist, elbow]), unit * scene.between(7, 11))
        texture = draw_texture(scene, plain=0.6) * round_shading(sleeve, 0.4)
        arm = scene.stroke(np.stack([at + along * 4 * unit, wrist]), unit * 5)
        _lay_flesh(scene, arm, skin)
        scene.lay(sleeve, texture, Occluder.COVER)
    else:
        _lay_flesh(scene, scene.stroke(np.stack([at + along * 4 * unit, elbow]), unit * 5.5), skin)
    palm = np.stack(
        [
            at - across * 3.6 * unit,
            at + across * 3.6 * unit,
            at + across * 2.8 * unit + along * 7 * unit,
            at - across * 2.8 * unit + along * 7 * unit,
        ]
    )
    _lay_flesh(scene, scene.fill(smooth_line(palm, 2, closed=True)), skin)
    curl, spread = scene.between(0.1, 1.0), scene.between(-0.05, 0.25)
    for finger in scene.rng.permutation(4):
        side = finger - 1.5
        root = at + across * side * 1.85 * unit
        length = (6.2, 7.2, 6.8, 5.2)[finger] * scene.between(0.9, 1.1) * (1 - 0.6 * curl)
        _draw_finger(scene, root, along, across * spread * side, length * unit, unit, skin)
    thumb = at + across * 3.4 * unit + along * 4 * unit
    away = across * scene.between(-0.6, 1.2)
    _draw_finger(scene, thumb, along * scene.between(0.2, 1.0), away, 4.5 * unit, unit * 1.1, skin)


def _draw_finger(
    scene: Scene,
    root: np.ndarray,
    along: np.ndarray,
    aside: np.ndarray,
    length: float,
    unit: float,
    skin: np.ndarray,
) -> None:
    way = aside - along
    way = way / max(float(np.linalg.norm(way)), 1e-3)
    bend = np.array([-way[1], way[0]]) * scene.rng.normal(0, 0.12)
    joints = (
        root + np.outer([0, 0.5, 0.8, 1], way) * length + np.outer([0, 0, 0.4, 1], bend) * length
    )
    width = unit * scene.between(1.5, 1.9)
    cover = np.maximum(
        scene.stroke(joints[:3], width), scene.stroke(joints[1:], width * scene.between(0.8, 0.95))
    )
    scene.shade(cover, scene.between(0.2, 0.5), (0, 0), max(unit * 0.25, 0.8))
    _lay_flesh(scene, cover, skin * scene.between(0.95, 1.05))
    if scene.chance(0.4):
        nail = joints[3] - way * width * 0.1
        spot = np.zeros(scene.labels.shape, np.uint8)
        axes = max(1, round(width * 0.33)), max(1, round(width * 0.26))
        turn = float(np.degrees(np.arctan2(way[1], way[0])))
        cv2.ellipse(spot, tuple(int(v) for v in nail), axes, turn, 0, 360, 255, -1, cv2.LINE_AA)
        tone = draw_colour(scene) if scene.chance(0.3) else np.minimum(skin * 1.12 + 8, 255)
        scene.lay(spot.astype(np.float32) / 255, tone, None, 0.8)


def _lay_flesh(scene: Scene, cover: np.ndarray, skin: np.ndarray) -> None:
    mottled = 1 + 0.03 * noise(scene.rng, scene.side, 6)[..., None]
    tone = skin * mottled * round_shading(cover, scene.between(0.25, 0.5))
    scene.lay(cover, np.clip(tone * scene.light(0.5), 0, 255), Occluder.COVER)


def draw_microphone(scene: Scene) -> None:
    """A microphone before or below the mouth, with its shaft, perhaps in a hand; or a headset's."""
    mouth = scene.landmarks[OUTER_LIPS, :2].mean(axis=0)
    if scene.chance(0.25):
        _draw_headset(scene, mouth)
        return
    unit = scene.unit
    radius = unit * scene.between(1.3, 3.4)
    at = mouth + unit * np.array([scene.rng.normal(0, 2.5), scene.between(-0.5, 6)])
    angle = np.pi / 2 + scene.rng.normal(0, 0.6)
    way = np.array([np.cos(angle), np.sin(angle)])
    end = at + way * unit * scene.between(12, 30)
    shaft = scene.stroke(np.stack([at, end]), max(radius * scene.between(0.5, 1.1), 1.5))
    metal = draw_colour(scene, [(25, 25, 28), (140, 142, 146), (60, 60, 64)])
    scene.lay(shaft, metal * round_shading(shaft, 0.6), Occluder.COVER)
    angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    tall = scene.between(0.8, 1.5)
    disc = np.column_stack([np.cos(angles), np.sin(angles)]) * radius
    disc = disc @ np.stack([np.array([-way[1], way[0]]), way * tall])
    ball = scene.fill(at + disc)
    scene.shade(ball, scene.between(0.0, 0.5), (0, -radius * 0.2), max(radius * 0.3, 0.8))
    tone = draw_colour(scene, [(22, 22, 24), (22, 22, 24), (120, 120, 124), (160, 40, 40)])
    foam = tone * (1 + scene.between(0.05, 0.35) * noise(scene.rng, scene.side, 1.5))[..., None]
    if scene.chance(0.35):  # A grille.
        y, x = np.mgrid[: scene.side, : scene.side]
        foam *= (1 + 0.35 * np.sin(x * 1.9) * np.sin(y * 1.9))[..., None]
    foam = foam * round_shading(ball, scene.between(0.3, 0.7)) * scene.light(0.4)
    scene.lay(ball, np.clip(foam, 0, 255), Occluder.COVER)
    if scene.chance(0.3):
        draw_hand(scene, at + way * (radius + unit * scene.between(3, 7)))


def _draw_headset(scene: Scene, mouth: np.ndarray) -> None:
    side = 1 if scene.chance(0.5) else -1
    ear = scene.project(np.array([[side * 7.6, 1.0, 5.0]]))[0]
    tip = mouth + scene.unit * np.array([side * scene.between(1.0, 4.5), scene.between(0.2, 2.5)])
    sag = (ear + tip) / 2 + scene.unit * np.array([side * 0.8, scene.between(0.3, 2.0)])
    line = smooth_line(np.stack([ear, sag, tip]), 3)
    tone = draw_colour(scene, [(20, 20, 22), (190, 160, 130), (150, 150, 152)])
    arm = scene.stroke(line, scene.unit * scene.between(0.12, 0.35))
    scene.lay(arm, tone, Occluder.COVER)
    angles = np.linspace(0, 2 * np.pi, 16, endpoint=False)
    ball = tip + np.column_stack([np.cos(angles), np.sin(angles)]) * (
        scene.unit * scene.rng.uniform(0.3, 0.9, 2)
    )
    cover = scene.fill(ball)
    scene.lay(cover, tone * round_shading(cover, 0.4), Occluder.COVER)


def draw_thing(scene: Scene) -> None:
    """A cup, a telephone, a card, a flower or any other shape before a part of the face."""
    at, unit = _place(scene), scene.unit
    kind = scene.rng.integers(3)
    if kind == 0:  # Flat and straight: telephones, cards, books, signs.
        half = unit * np.array([scene.between(1.5, 7), scene.between(1.5, 8)])
        corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half
        corners = corners @ _turn(scene.rng.normal(0, 0.4))
        outline = at + corners + scene.rng.normal(0, unit * 0.3, (4, 2))
        cover = scene.fill(smooth_line(outline, int(scene.rng.integers(0, 3)), closed=True))
    elif kind == 1:  # Cups, glasses, bottles.
        half, tall = unit * scene.between(1.5, 4), unit * scene.between(4, 10)
        angles = np.linspace(0, 2 * np.pi, 32)
        mouth = np.column_stack([np.cos(angles) * half, np.sin(angles) * half * 0.3])
        foot = mouth * scene.between(0.7, 1.0) + [0, tall]
        cover = scene.hull(at + np.vstack([mouth, foot]) @ _turn(scene.rng.normal(0, 0.25)))
    else:  # Anything: leaves, food, balls, cloth.
        angles = np.linspace(0, 2 * np.pi, 9, endpoint=False)
        radii = unit * scene.between(1.5, 6) * scene.rng.uniform(0.5, 1.4, 9)
        points = at + np.column_stack([np.cos(angles), np.sin(angles)]) * radii[:, None]
        cover = scene.fill(smooth_line(points, 3, closed=True))
    scene.shade(cover, scene.between(0, 0.5), (0, unit * 0.4), max(unit * 0.5, 0.8))
    texture = draw_texture(scene, plain=0.35) * round_shading(cover, scene.between(0, 0.5))
    scene.lay(cover, np.clip(texture, 0, 255), Occluder.COVER)
    if scene.chance(0.4):
        draw_hand(scene, at + unit * np.array([scene.between(-4, 4), scene.between(3, 7)]))


def _place(scene: Scene) -> np.ndarray:
    """(2,) px somewhere before the face."""
    points = PLACES[scene.rng.integers(len(PLACES))]
    middle = scene.landmarks[points, :2].mean(axis=0)
    return middle + scene.rng.normal(0, 1.8 * scene.unit, 2)


def _turn(angle: float) -> np.ndarray:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, s], [-s, c]])
