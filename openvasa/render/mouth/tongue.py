"""The tongue: how much of its body and of its tip a px shows, and how much light falls on it."""

from __future__ import annotations

import numba
import numpy as np

from openvasa.maths import smoothstep_at
from openvasa.render.mouth.shading import TipShading, TongueShading

TONGUE_DEPTH = 1.0
"""Distance of the tongue's front behind the lower incisors, canonical units."""

TIP_DEPTH = 0.3
"""Distance of the raised tip of the tongue behind the upper incisors, canonical units."""


@numba.njit(cache=True, nogil=True)
def shade_tongue(
    x: float, y: float, gap: float, lit: float, rise: float, shading: TongueShading
) -> float:
    """Share (0–1, light included) of the tongue's body.

    Args:
        x, y: place on its plane in the lower arch's coordinates, canonical units.
        gap: opening of the lips there, canonical units.
        lit: light that reaches a tooth there, 0–1.
        rise: how far the tip is raised, 0–1.
        shading: its light and shape.
    """
    mound = smoothstep_at(shading.dark, shading.full, y - shading.roundness * x * x)
    mound *= 1 - smoothstep_at(shading.side_from, shading.side_to, abs(x))
    mound *= 1 - shading.groove * np.exp(-(x * x) / shading.groove_width)
    mound *= smoothstep_at(shading.gap_from, shading.gap_to, gap)
    # A raised tip draws the tongue's sides after it, up and inwards.
    light = shading.least_light + (1 - shading.least_light) * lit
    return mound * light * (1 - shading.drawn_away * rise)


@numba.njit(cache=True, nogil=True)
def shade_tip(
    above: float, over_lower: float, x: float, rise: float, reach: float, shading: TipShading
) -> tuple[float, float, float, float]:
    """Share (0–1) and light of the tongue's tip behind the lower teeth and in front of them.

    Args:
        above, over_lower: how far the pixel lies below the upper and the lower incisors' edge.
        x: from the midline.
        rise, reach: where the tip is, 0–1.
        shading: its light and shape.
    """
    wide_from, wide_to = shading.width_from, shading.width_to
    within = 1 - smoothstep_at(wide_from, wide_to, abs(x))
    clearance = above - over_lower
    low = clearance - shading.overlap
    outline = low - rise * (low + shading.hidden) + shading.fall * x * x
    below = above - outline
    behind = within * smoothstep_at(0.0, 0.3, rise) * smoothstep_at(-0.08, 0.12, below)
    # The tip catches light, its underside and the string beneath it do not.
    light = shading.top_light - shading.under_shade * smoothstep_at(0.1, 0.9, below)
    light -= shading.string_shade * np.exp(-(x * x) / shading.string_width)
    light -= shading.side_shade * smoothstep_at(0.4 * wide_from, wide_to, abs(x))
    # Flattened between the teeth, it is as wide as they leave it.
    top = shading.fall * x * x - shading.cover
    bottom = reach * shading.overlap - shading.flatness * x * x
    ahead = within * smoothstep_at(0.2, 0.6, reach) * smoothstep_at(-0.06, 0.06, above - top)
    ahead *= 1 - smoothstep_at(-0.06, 0.06, over_lower - bottom)
    edge = (over_lower + 0.5 * shading.wet_width) / shading.wet_width
    ahead_light = shading.ahead_light + shading.wet * np.exp(-(edge * edge))
    ahead_light -= shading.edge_shade * smoothstep_at(bottom - 0.2, bottom, over_lower)
    ahead_light -= shading.upper_shade * (1 - smoothstep_at(0.0, 0.15, above - top))
    return behind, light, ahead, ahead_light
