"""Glasses: rims of many shapes and materials, clear, dark and mirroring lenses, temples."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from openvasa.data.occluders.scene import Scene
from openvasa.data.occluders.textures import draw_colour, noise
from openvasa.face.occluders import Occluder
from openvasa.face.topology import FACE_OVAL, LEFT_EYE, RIGHT_EYE

BLACK, BROWN, GOLD, SILVER, CLEAR = (
    (18, 18, 20),
    (70, 45, 28),
    (170, 140, 80),
    (165, 168, 172),
    (200, 195, 188),
)
STEPS = 64
"""Points of a lens's outline."""
EAR = np.array([7.7, -0.8, 7.0])
"""Canonical point where the left temple rests on the ear."""


@dataclass(frozen=True)
class Frame:
    """Shape of a pair of glasses, canonical units.

    Attributes:
        lenses: two (STEPS, 3) outlines, right and left.
        hinges: (2, 3), where the temples begin, right and left.
        bridges: lines (n, 3) between the lenses.
    """

    lenses: list[np.ndarray]
    hinges: np.ndarray
    bridges: list[np.ndarray]


def draw_glasses(scene: Scene) -> None:
    """Put glasses on the face."""
    rng = scene.rng
    frame = _draw_frame(scene)
    outlines = [scene.project(lens) for lens in frame.lenses]
    colour = draw_colour(scene, [BLACK, BLACK, BLACK, BROWN, BROWN, GOLD, GOLD, SILVER, CLEAR])
    metal = scene.chance(0.45)
    width = scene.unit * (scene.between(0.08, 0.2) if metal else scene.between(0.2, 0.75))
    dark = scene.chance(0.35)
    rims = _rim_cover(scene, outlines, width)
    bars = np.max([scene.stroke(scene.project(b), max(width * 0.9, 1)) for b in frame.bridges], 0)
    temples = _temple_cover(scene, frame, max(width * scene.between(0.7, 1.3), 1))
    metalwork = np.maximum.reduce([rims, bars, temples])
    shift = (scene.between(-1.5, 1.5) * width, scene.between(0.2, 2.0) * width)
    scene.shade(metalwork, scene.between(0, 0.5), shift, scene.between(0.7, 2.5))
    glass = _draw_dark_glass(scene) if dark else None
    for outline in outlines:
        _lay_lens(scene, outline, glass)
    tone = np.broadcast_to(colour, scene.picture.shape)
    if not metal and scene.chance(0.4):  # Tortoiseshell, horn.
        spots = noise(rng, scene.side, scene.between(2, 6))[..., None]
        tone = np.clip(colour * (1 + scene.between(0.2, 0.7) * spots), 0, 255)
    opacity = 1.0 if scene.chance(0.9) else scene.between(0.35, 0.8)
    scene.lay(np.maximum(temples, bars), tone, Occluder.RIM, opacity)
    if rims.any():
        scene.lay(rims, tone, Occluder.RIM, opacity)
    _lay_gleam(scene, outlines, width, metalwork)


def _draw_frame(scene: Scene) -> Frame:
    """A shape, at the eyes of this face."""
    rng = scene.rng
    middles = [scene.canonical[eye].mean(axis=0) for eye in (RIGHT_EYE, LEFT_EYE)]
    apart = abs(middles[1][0] - middles[0][0]) / 2
    centre = (middles[0] + middles[1]) / 2
    half_width = scene.between(1.9, 3.1)
    if apart + scene.between(-0.2, 0.5) < half_width + 0.3:
        half_width = apart - 0.4
    half_height = half_width * scene.between(0.5, 1.1)
    low = scene.between(-0.3, 0.8) if scene.chance(0.8) else scene.between(0.8, 2.4)
    front = scene.canonical[6][2] - scene.between(0.0, 0.6)
    power, kind = scene.between(2.0, 5.0), rng.integers(4)
    wrap, lean = scene.between(0.0, 2.2), scene.between(0.0, 0.15)
    tilt = rng.normal(0, 0.03)
    angle = np.linspace(0, 2 * np.pi, STEPS, endpoint=False)
    c, s = np.cos(angle), np.sin(angle)
    x = np.sign(c) * np.abs(c) ** (2 / power)  # Superellipse; x outwards, y down.
    y = np.sign(s) * np.abs(s) ** (2 / power)
    if kind == 1:  # Aviator: fuller below, slanting inside.
        x = x * (1 - 0.15 * np.maximum(y, 0)) - 0.1 * y * (x < 0)
        y = np.where(y > 0, 1.15 * y + 0.12 * x, 0.85 * y)
    elif kind == 2:  # Cat's eye.
        y = y - scene.between(0.2, 0.6) * np.maximum(x, 0) ** 2 * (y < 0.3)
    elif kind == 3:  # Narrower below.
        x = x * (1 - scene.between(0.05, 0.25) * np.maximum(y, 0))
    lenses = []
    for side in (-1, 1):
        across = side * (apart + scene.between(0, 0.02) + half_width * x)
        down = low + half_height * y + tilt * across
        depth = wrap * (across / 6.5) ** 2 + lean * down
        lenses.append(np.column_stack([centre[0] + across, centre[1] + down, front + depth]))
    outer = apart + half_width
    at = low - half_height * scene.between(0.1, 0.8)
    rim_depth = front + wrap * (outer / 6.5) ** 2
    edge = np.array([[outer, at, 0.0], [max(outer, 6.9), at, 0.0]])
    hinges = [np.array([centre[0], centre[1], rim_depth]) + edge * [s, 1, 1] for s in (-1, 1)]
    inner = apart - half_width
    levels = [low - half_height * scene.between(0.1, 0.6)]
    if kind == 1 or scene.chance(0.1):
        levels.append(levels[0] - scene.between(0.5, 1.0))
    arch = scene.between(-0.1, 0.7)
    bridges = [
        smooth_bridge(centre, inner * 1.05, level, arch, front - scene.between(0, 0.2))
        for level in levels
    ]
    return Frame(lenses, np.stack(hinges), bridges)


def smooth_bridge(
    centre: np.ndarray, reach: float, level: float, arch: float, front: float
) -> np.ndarray:
    """(9, 3) arch over the nose."""
    x = np.linspace(-1, 1, 9)
    y = level - arch * (1 - x**2)
    return np.column_stack([centre[0] + reach * x, centre[1] + y, np.full(9, front)])


def _rim_cover(scene: Scene, outlines: list[np.ndarray], width: float) -> np.ndarray:
    kind = scene.rng.random()
    rims = np.zeros(scene.labels.shape, np.float32)
    for outline in outlines:
        middle = outline.mean(axis=0)
        above = np.roll(outline, -STEPS // 2, axis=0)[: STEPS // 2 + 1]
        if kind < 0.1:  # Rimless.
            continue
        if kind < 0.25:  # Rimmed above only.
            rims = np.maximum(rims, scene.stroke(above, max(width, 1)))
            continue
        rims = np.maximum(rims, scene.stroke(outline, max(width, 0.8), closed=True))
        if kind < 0.45:  # Heavier above.
            heavy = max(width * scene.between(1.3, 2.2), 1.5)
            lifted = middle + (above - middle) * 1.02
            rims = np.maximum(rims, scene.stroke(lifted, heavy))
    return rims


def _temple_cover(scene: Scene, frame: Frame, width: float) -> np.ndarray:
    cover = np.zeros(scene.labels.shape, np.float32)
    for side, hinge in zip((-1, 1), frame.hinges, strict=True):
        ear = scene.canonical[FACE_OVAL].mean(axis=0) * [1, 0, 0] + EAR * [side, 1, 1]
        ends = np.vstack([hinge, ear])
        line = scene.project(ends)
        cover = np.maximum(cover, scene.stroke(line[:2], width))
        # On the far side the temple lies behind the face.
        outward = side * (line[2, 0] - line[1, 0])
        if outward > 0:
            cover = np.maximum(cover, scene.stroke(line[1:], width))
    return cover


@dataclass(frozen=True)
class DarkGlass:
    """Lenses that hide the eyes.

    Attributes:
        tone: (3,) or (S, S, 3) float32 colours.
        opacity: at the upper edge, 0–1.
        fade: by how much less opaque the lower edge is.
    """

    tone: np.ndarray
    opacity: float
    fade: float


def _draw_dark_glass(scene: Scene) -> DarkGlass:
    if scene.chance(0.25):  # Mirrors show what is before them.
        blurred = cv2.GaussianBlur(scene.other, (0, 0), scene.between(1, 8))
        tone = blurred * draw_colour(scene) / 128 * scene.between(0.6, 1.4)
        return DarkGlass(np.clip(tone, 0, 255), scene.between(0.8, 1.0), 0.0)
    tone = draw_colour(scene, [BLACK, BLACK, (50, 35, 25), (30, 35, 45), (60, 20, 30)])
    fade = scene.between(0, 0.5) if scene.chance(0.4) else 0.0
    return DarkGlass(tone, scene.between(0.78, 1.0), fade)


def _lay_lens(scene: Scene, outline: np.ndarray, glass: DarkGlass | None) -> None:
    cover = scene.fill(outline)
    if glass is None:
        _refract(scene, outline, cover)
        tint = draw_colour(scene, [(230, 235, 230), (120, 140, 150), (190, 150, 100)])
        scene.lay(cover, tint, Occluder.LENS, scene.between(0, 0.12) if scene.chance(0.8) else 0.3)
        if scene.chance(0.55):
            _reflect(scene, outline, cover, scene.between(0.05, 0.55))
        return
    low, high = outline.min(axis=0), outline.max(axis=0)
    rows = np.clip((np.arange(scene.side) - low[1]) / max(high[1] - low[1], 1), 0, 1)[:, None]
    opacity = np.broadcast_to(glass.opacity - glass.fade * rows, cover.shape)
    scene.lay(cover, glass.tone, Occluder.SHADE, opacity)
    if scene.chance(0.6):
        _reflect(scene, outline, cover, scene.between(0.05, 0.4))


def _refract(scene: Scene, outline: np.ndarray, cover: np.ndarray) -> None:
    """Glass makes eyes smaller or larger, and shifts the face's edge inwards."""
    zoom, (x, y) = scene.between(0.9, 1.07), outline.mean(axis=0)
    affine = np.array([[zoom, 0, x * (1 - zoom)], [0, zoom, y * (1 - zoom)]], np.float32)
    seen = cv2.warpAffine(
        scene.picture, affine, scene.labels.shape[::-1], borderMode=cv2.BORDER_REPLICATE
    )
    scene.picture += cover[..., None] * (seen - scene.picture)


def _reflect(scene: Scene, outline: np.ndarray, cover: np.ndarray, strength: float) -> None:
    """Windows, screens and lamps on the glass."""
    middle, reach = outline.mean(axis=0), np.ptp(outline, axis=0) / 2
    kind = scene.rng.integers(3)
    at = middle + reach * scene.rng.uniform(-0.7, 0.7, 2)
    if kind == 0:
        extent = reach * scene.rng.uniform(0.15, 0.6, 2)
        corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * extent
        corners[:, 0] += corners[:, 1] * scene.between(-0.6, 0.6)
        spot = scene.fill(at + corners)
    elif kind == 1:
        slope = np.array([scene.between(-1, 1), 1.0]) * reach[1] * 2
        spot = scene.stroke(np.stack([at - slope, at + slope]), scene.between(1, 8))
    else:
        glow = noise(scene.rng, scene.side, scene.between(5, 20))
        spot = np.clip(glow, 0, 1)
    spot = cv2.GaussianBlur(spot, (0, 0), scene.between(0.5, 3)) * cover
    colour = draw_colour(scene, [(255, 255, 255), (190, 220, 255), (170, 255, 210)])
    scene.lay(spot, np.maximum(colour, 120), None, strength)


def _lay_gleam(
    scene: Scene, outlines: list[np.ndarray], width: float, metalwork: np.ndarray
) -> None:
    """Light on the upper edges of the rims."""
    strength = scene.between(0, 0.7)
    for outline in outlines:
        start, count = scene.rng.integers(STEPS), scene.rng.integers(5, 40)
        part = np.roll(outline, -start, axis=0)[:count] + [0, -width * 0.25]
        gleam = cv2.GaussianBlur(scene.stroke(part, max(width * 0.35, 0.6)), (0, 0), 0.6)
        scene.lay(gleam * metalwork, np.array([255, 252, 245]), None, strength)
