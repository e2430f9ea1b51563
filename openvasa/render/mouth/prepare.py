"""Build what lies behind a portrait's lips, once per portrait."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from openvasa.face.latent import FaceLatent
from openvasa.maths import smoothstep
from openvasa.render.mouth.arch import Arch, SeenTeeth, colour_arch
from openvasa.render.mouth.corners import measure_laugh, measure_width
from openvasa.render.mouth.jaw import HINGE_POINTS, JAW_POINTS, measure_jaw_angle
from openvasa.render.mouth.opening import PortraitOpening
from openvasa.render.mouth.palette import Palette, pick_palette
from openvasa.render.mouth.portrait_teeth import (
    PortraitInterior,
    find_incisal_edge,
    look_between_lips,
)
from openvasa.render.mouth.shading import MouthShading
from openvasa.render.mouth.teeth import (
    LOWER_BEND,
    LOWER_LEAN,
    UPPER_BEND,
    UPPER_LEAN,
    draw_arch,
)

MEAN_MOUTH_WIDTH = 4.4
"""Distance of the inner mouth corners at rest, canonical units, for teeth of average size."""

SMALLEST_TEETH, LARGEST_TEETH = 0.85, 1.12
"""Size of teeth over the average."""

LIP_THICKNESS = 0.35
"""Depth from the visible inner edge of the lips to the incisors, canonical units."""

INCISAL_DISPLAY = 0.1
"""How far the upper incisors reach below the resting lip line, canonical units."""

LOWER_DROP = 0.3
OVERJET = 0.2
"""How far the lower incisors stay below and behind the upper ones' edge while the jaw rests."""

TEXELS_PER_PX = 1.5


@dataclass(frozen=True)
class MouthAppearance:
    """What lies behind one portrait's lips.

    Attributes:
        upper, lower: the arches in place.
        upper_view, lower_view: (H, W, 4) float32, front view of the arches, RGB in 0–255 times
            alpha, alpha in 0–1.
        cavity, tongue: (3,) float32 RGB.
        lip: (3,) float32 RGB.
        contact: (3,) float32 RGB, the line where closed lips touch.
        veil: (3,) float32 RGB, what stands between the lips while they open no wider than in the
            portrait.
        rest: (9, 3) float32 canonical chin points of the closed mouth.
        hinge: (3,) float64 canonical point on the jaw's axis.
        shown: how the portrait's mouth is open.
        width: distance of the portrait's inner corners, canonical units.
        neutral_width: that of the portrait's neutral shape.
        laugh: 0–1, how far the portrait's mouth is drawn apart.
        shading: light and colour to paint by.
        stated: px that one stated px is long.
    """

    upper: Arch
    lower: Arch
    upper_view: np.ndarray
    lower_view: np.ndarray
    cavity: np.ndarray
    tongue: np.ndarray
    lip: np.ndarray
    contact: np.ndarray
    veil: np.ndarray
    rest: np.ndarray
    hinge: np.ndarray
    shown: PortraitOpening
    width: float
    neutral_width: float
    laugh: float
    shading: MouthShading
    stated: float

    @property
    def flat_width(self) -> float:
        """Width below which the mouth is rounded: the smaller of the portrait's and the resting."""
        return min(self.width, self.neutral_width)


def prepare_mouth(face: FaceLatent, shading: MouthShading | None = None) -> MouthAppearance:
    """Build what lies behind a portrait's lips.

    Args:
        face: the portrait.
        shading: light and colour; the shipped ones by default.
    """
    shading = shading or MouthShading()
    palette = pick_palette(face, shading.tones)
    interior = look_between_lips(face, palette.lip, shading)
    neutral = face.neutral.astype(np.float64)
    width = measure_width(neutral)
    size = float(np.clip(0.5 + 0.5 * width / MEAN_MOUTH_WIDTH, SMALLEST_TEETH, LARGEST_TEETH))
    origin = neutral[[13, 14]].mean(axis=0) + [0, INCISAL_DISPLAY * size, LIP_THICKNESS]
    density = TEXELS_PER_PX * face.head.scale * size
    upper = Arch(origin, UPPER_BEND, UPPER_LEAN, 1.0, draw_arch(True, density), size)
    upper, seen = _hang_upper_arch(upper, face, interior)
    hinge = neutral[HINGE_POINTS].mean(axis=0)
    rest = face.neutral[JAW_POINTS]
    origin = origin + [0, LOWER_DROP * size, OVERJET * size]
    if interior is not None:
        # A lower lip that hides its teeth in the portrait goes on hiding them.
        fall = measure_jaw_angle(rest, hinge, face.canonical) * (hinge[2] - origin[2])
        origin[1] = max(origin[1], face.canonical[14, 1] - interior.opening.rise - fall)
    lower = Arch(origin, LOWER_BEND, LOWER_LEAN, -1.0, draw_arch(False, density), size)
    enamel = _pick_enamel(palette, upper, seen)
    tones, stated = shading.tones, face.stated
    dim = tones.lower_light * enamel
    veil = palette.cavity
    if interior is not None and not interior.has_teeth:
        veil = interior.colour.astype(np.float32)
    return MouthAppearance(
        upper=upper,
        lower=lower,
        upper_view=colour_arch(upper, enamel, palette, seen, tones, stated),
        lower_view=colour_arch(lower, dim, palette, None, tones, stated),
        cavity=palette.cavity,
        tongue=palette.tongue,
        lip=palette.lip,
        contact=palette.contact,
        veil=veil,
        rest=rest,
        hinge=hinge,
        shown=PortraitOpening() if interior is None else interior.opening,
        width=measure_width(face.canonical),
        neutral_width=width,
        laugh=measure_laugh(face.canonical, width),
        shading=shading,
        stated=face.stated,
    )


def _hang_upper_arch(
    arch: Arch, face: FaceLatent, interior: PortraitInterior | None
) -> tuple[Arch, SeenTeeth | None]:
    """Hang the upper arch where the portrait shows it, and look up the teeth it shows."""
    if interior is None:
        return arch, None
    if not interior.has_teeth:
        # The lips are open and hide the teeth: they end above the upper lip's edge.
        edge = float(face.canonical[13, 1]) - float(interior.opening.overlap.max())
        hidden = edge - arch.origin[1]
        return replace(arch, origin=arch.origin + [0, min(hidden, 0.0), 0]), None
    edge = find_incisal_edge(arch, interior.teeth_at(arch.points(), face.head).weight)
    if edge is not None:
        arch = replace(arch, origin=arch.origin + [0, edge, 0])
    seen = interior.teeth_at(arch.points(), face.head)
    x, y = arch.texels()
    # Rims are mixed with the lips' colour; towards the corners too little is seen to go by.
    weight = smoothstep(0.5, 0.95, seen.weight)
    weight = weight * (1 - smoothstep(1.4, 1.8, np.abs(x)).astype(np.float32))
    weight = weight * (1 - smoothstep(0.02, 0.08, y).astype(np.float32))[:, None]
    return arch, SeenTeeth(seen.colour, weight)


def _pick_enamel(palette: Palette, upper: Arch, seen: SeenTeeth | None) -> np.ndarray:
    """(3,) RGB of teeth in full light: the portrait's own where it shows enough of them."""
    if seen is None or not (seen.weight > 0.7).any():
        return palette.enamel
    sure = seen.weight > 0.7
    drawn = max(float(np.median(upper.view.tooth[sure])), 0.5)
    return np.median(seen.colour[sure], axis=0) / drawn
