"""Paint the mouth's interior between the lips of a frame."""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from openvasa.face.latent import FrameGeometry
from openvasa.maths import smoothstep_at
from openvasa.render.mouth.arch import Arch, ArchLayer, look_up
from openvasa.render.mouth.corners import (
    measure_laugh,
    measure_unfolding,
    measure_width,
    raise_creases,
    shorten_creases,
)
from openvasa.render.mouth.jaw import measure_jaw_angle
from openvasa.render.mouth.opening import LipOpening, find_opening
from openvasa.render.mouth.prepare import LOWER_DROP, MouthAppearance
from openvasa.render.mouth.rounding import measure_roundness
from openvasa.render.mouth.shading import RoundedShading, TipShading, TongueShading, WallShading
from openvasa.render.mouth.sight import lay_sight, meet_arch, meet_plane
from openvasa.render.mouth.tongue import TIP_DEPTH, TONGUE_DEPTH, shade_tip, shade_tongue
from openvasa.render.mouth.walls import shade_walls


class InteriorColours(NamedTuple):
    """(3,) float32 RGB: those of `MouthAppearance` in the light that the lips leave them."""

    cavity: np.ndarray
    tongue: np.ndarray
    veil: np.ndarray
    contact: np.ndarray


class InteriorState(NamedTuple):
    """What the mouth does in one frame, all in 0–1.

    Attributes:
        veiled: how much stands between the lips as in the portrait.
        line: opacity of the contact line of closed lips.
        rise, reach: how far the tongue's tip is up at the ridge and out between the teeth.
        teeth_lit: how much of their light rounded lips leave the teeth.
    """

    veiled: float
    line: float
    rise: float
    reach: float
    teeth_lit: float


def paint_mouth(frame: np.ndarray, geometry: FrameGeometry, mouth: MouthAppearance) -> None:
    """Paint the mouth's interior between the lips of a warped frame.

    Args:
        frame: (H, W, 3) uint8 RGB, changed in place.
        geometry: the moment's geometry.
        mouth: what lies behind the lips.
    """
    shading, shown = mouth.shading, mouth.shown
    roundness = measure_roundness(geometry.canonical, mouth.flat_width)
    opening = find_opening(
        geometry.landmarks,
        geometry.head.scale,
        shown,
        frame.shape[1::-1],
        mouth.stated,
        shading.lips,
        roundness * shading.rounded.softness,
    )
    if opening is None:
        return
    gap = float(opening.gap.max())
    unfolded = measure_unfolding(gap - shown.gap, measure_width(geometry.canonical), mouth.width)
    raise_creases(frame, geometry, unfolded, mouth.lip)
    shorten_creases(frame, geometry, roundness)
    # Teeth are apart at rest and nearer in a laugh, whose jaw lets them and the tongue go up; in
    # the portrait they are where it shows them.
    laugh = max(measure_laugh(geometry.canonical, mouth.neutral_width) - mouth.laugh, 0.0)
    angle = measure_jaw_angle(mouth.rest, mouth.hinge, geometry.canonical)
    rise, reach = _clip_tongue(geometry.tongue)
    state = InteriorState(
        veiled=1 - float(smoothstep_at(shown.gap, 2.5 * shown.gap + 0.1, gap)),
        line=shading.tones.contact_strength * shown.seam,
        rise=rise,
        reach=reach,
        teeth_lit=1 - roundness * shading.rounded.teeth_shade,
    )
    lit = _dim_walls(roundness, mouth.lip, shading.rounded)

    def lay(arch: Arch, view: np.ndarray, angle: float, up: float = 0.0) -> ArchLayer:
        sight = lay_sight(geometry.head, arch.origin - [0, up, 0], mouth.hinge, angle)
        return ArchLayer(view, arch.place, sight, arch.bend, arch.lean, arch.down)

    _paint(
        frame,
        opening,
        state,
        InteriorColours(lit * mouth.cavity, lit * mouth.tongue, lit * mouth.veil, mouth.contact),
        lay(mouth.upper, mouth.upper_view, 0.0),
        lay(mouth.lower, mouth.lower_view, angle, laugh * LOWER_DROP * mouth.lower.size),
        shading.walls,
        shading.tongue,
        shading.tip,
    )


def _dim_walls(roundness: float, lip: np.ndarray, shading: RoundedShading) -> np.ndarray:
    """(3,) float32 share of their light that walls and tongue keep behind rounded lips."""
    tint = 1 + roundness * shading.tint * (lip / max(float(lip.mean()), 1.0) - 1)
    return ((1 - roundness * shading.dark) * tint).astype(np.float32)


def _clip_tongue(tongue: tuple[float, float]) -> tuple[float, float]:
    """Rise and reach within 0–1, which interpolation in time may leave."""
    rise, reach = (min(max(float(share), 0.0), 1.0) for share in tongue)
    return rise, reach


@numba.njit(cache=True, nogil=True)
def _lay_teeth(
    colour: np.ndarray,
    layer: ArchLayer,
    x: float,
    y: float,
    lit: float,
    cavity: np.ndarray,
    texel: np.ndarray,
) -> None:
    """Lay what px (x, y) shows of an arch over a (3,) colour; in the shade it takes the walls'."""
    ax, ay = meet_arch(layer.sight, x, y, layer.bend, layer.lean)
    if look_up(layer, ax, ay, texel):
        for k in range(3):
            shaded = texel[k] * lit + cavity[k] * texel[3] * (1 - lit)
            colour[k] = colour[k] * (1 - texel[3]) + shaded


@numba.njit(cache=True, nogil=True)
def _lay_tip(
    colour: np.ndarray, share: float, light: float, lit: float, colours: InteriorColours
) -> None:
    """Lay the tongue's tip over a (3,) colour; `lit` is the light that the lips leave on it."""
    for k in range(3):
        tip = colours.cavity[k] + lit * (light * colours.tongue[k] - colours.cavity[k])
        colour[k] += share * (tip - colour[k])


@numba.njit(cache=True, fastmath=True, nogil=True)
def _paint(
    frame: np.ndarray,
    opening: LipOpening,
    state: InteriorState,
    colours: InteriorColours,
    upper: ArchLayer,
    lower: ArchLayer,
    walls: WallShading,
    tongue: TongueShading,
    tip: TipShading,
) -> None:
    """From back to front: walls, tongue, raised tip, lower teeth, upper teeth, tip between them."""
    cavity, rise, reach = colours.cavity, state.rise, state.reach
    height, width = opening.coverage.shape
    texel = np.empty(4, np.float32)
    colour = np.empty(3, np.float32)
    for row in range(height):
        for column in range(width):
            x, y = opening.left + column, opening.top + row
            alpha = opening.coverage[row, column]
            line = state.line * opening.seam[row, column]
            if alpha <= 0.003 and line <= 0.01:
                continue
            lit = opening.light[row, column]
            teeth_lit = state.teeth_lit * lit
            tx, ty = meet_plane(lower.sight, x, y, TONGUE_DEPTH)
            open_by = opening.gap[row, column]
            left = shade_walls(tx, ty, open_by, walls)
            mound = shade_tongue(tx, ty, open_by, lit, rise, tongue)
            for k in range(3):
                deep = cavity[k] + state.veiled * (colours.veil[k] - cavity[k])
                colour[k] = left * (deep + mound * (colours.tongue[k] - deep))
            tip_lit = tip.least_light + (1 - tip.least_light) * lit
            ahead = ahead_light = 0.0
            if rise + reach > 0.02:
                ux, uy = meet_plane(upper.sight, x, y, TIP_DEPTH)
                ly = meet_plane(lower.sight, x, y, TIP_DEPTH)[1]
                behind, light, ahead, ahead_light = shade_tip(uy, ly, ux, rise, reach, tip)
                _lay_tip(colour, behind, light, tip_lit, colours)
            _lay_teeth(colour, lower, x, y, teeth_lit, cavity, texel)
            _lay_teeth(colour, upper, x, y, teeth_lit, cavity, texel)
            if ahead > 0:
                _lay_tip(colour, ahead, ahead_light, tip_lit, colours)
            for k in range(3):
                under = frame[y, x, k] + line * (1 - alpha) * (colours.contact[k] - frame[y, x, k])
                value = under + alpha * (colour[k] - under)
                frame[y, x, k] = np.uint8(min(max(value + 0.5, 0.0), 255.0))
