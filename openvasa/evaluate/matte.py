"""How clean the matte is: its halo against composites that are known, and its flicker.

A portrait's person, cut out once, is laid on backgrounds of known colour. That composite is matted
anew, and what comes out is laid on a third background: beside the same person laid there directly,
the difference along the edge is the halo. The truth is a cutout of the same kind, made of the
square alone as the composite's is, so that hair which both lose is not counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from openvasa.face.encode import load_portrait
from openvasa.face.latent import FaceLatent, pose_face
from openvasa.face.matte import person_matte
from openvasa.face.plate import background_plate
from openvasa.render.cutout import CLEAR, SOLID, estimate_foreground
from openvasa.render.lay_on import lay_on
from openvasa.render.warp_renderer import WarpRenderer

WALLS = {"dark": (40, 40, 44), "light": (225, 225, 220), "green": (0, 177, 64)}
SHOWN_ON = (128, 32, 160)
"""Unlike skin, hair and every wall."""
EDGE_PX = 6
"""Px on either side of the outline that make its edge."""
NODS = 8
"""Frames of the movement that flicker is looked for in."""
UNCHANGED = 1
"""Levels by which the colour of a still px may differ between frames."""


@dataclass(frozen=True)
class MatteFigures:
    """What one portrait's matte is worth.

    Attributes:
        name: of the portrait.
        opacity: mean error of the opacity along the edge, 0–1, over the walls.
        halo: root mean square error of the colours along the edge, levels of 255, over the walls.
        flicker: mean change of opacity from frame to frame where the picture is still, levels.
    """

    name: str
    opacity: float
    halo: float
    flicker: float


def measure_matte(portrait: str | Path) -> MatteFigures:
    """Measure one portrait. Raises InputError as `load_portrait`."""
    face = load_portrait(portrait)
    errors = [_rematte(face, wall) for wall in WALLS.values()]
    opacity, halo = np.mean(errors, axis=0)
    return MatteFigures(Path(portrait).stem, float(opacity), float(halo), _flicker(face))


def matte_report(figures: list[MatteFigures]) -> str:
    """A table, the mean last."""
    lines = [f"{'portrait':40}{'opacity':>9}{'halo':>8}{'flicker':>9}"]
    for row in figures:
        lines.append(f"{row.name[:38]:40}{row.opacity:9.3f}{row.halo:8.1f}{row.flicker:9.3f}")
    mean = [np.mean([getattr(f, n) for f in figures]) for n in ("opacity", "halo", "flicker")]
    lines.append(f"{'mean':40}{mean[0]:9.3f}{mean[1]:8.1f}{mean[2]:9.3f}")
    return "\n".join(lines)


def _cut(image: np.ndarray, matte: np.ndarray, plate: np.ndarray) -> np.ndarray:
    """(S, S, 4) uint8 RGBA of a person, as the renderer cuts them out."""
    clear = np.clip((matte - CLEAR) / (SOLID - CLEAR), 0, 1)
    colours = estimate_foreground(image, clear, plate)
    return np.rint(np.dstack([colours, 255 * clear])).astype(np.uint8)


def _rematte(face: FaceLatent, wall: tuple[int, int, int]) -> tuple[float, float]:
    """Errors of opacity (0–1) and colour (levels) along the edge of a composite matted anew."""
    alone = person_matte(face.image, face.landmarks)
    true = _cut(face.image, alone, background_plate(face.image, alone))
    side = len(face.image)
    composite = lay_on(true, np.full((side, side, 3), wall, np.uint8))
    matte = person_matte(composite, face.landmarks)
    found = _cut(composite, matte, background_plate(composite, matte))
    solid = (true[..., 3] > 127).astype(np.uint8)
    size = 2 * EDGE_PX + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
    edge = cv2.morphologyEx(solid, cv2.MORPH_GRADIENT, disc) > 0
    shown = np.full((side, side, 3), SHOWN_ON, np.uint8)
    off = lay_on(found, shown).astype(np.float32) - lay_on(true, shown)
    opacity = np.abs(found[..., 3].astype(np.float32) - true[..., 3])[edge] / 255
    return float(opacity.mean()), float(np.sqrt((off[edge] ** 2).mean()))


def _flicker(face: FaceLatent) -> float:
    """Mean change of opacity, levels, between frames of a nod where the picture stays the same."""
    renderer = WarpRenderer(face, refined=False)
    alone = renderer.without_background()
    still_shape = np.zeros_like(face.neutral)
    changes, before = [], None
    for index in range(NODS):
        pose = np.zeros(6)
        pose[0] = 0.06 * np.sin(2 * np.pi * index / NODS)
        geometry = pose_face(face, pose, still_shape)
        own = renderer.render(geometry).astype(np.int16)
        opacity = alone.render(geometry)[..., 3].astype(np.int16)
        if before is not None:
            still = np.abs(own - before[0]).max(axis=2) <= UNCHANGED
            changes.append(np.abs(opacity - before[1])[still].mean())
        before = own, opacity
    return float(np.mean(changes))
