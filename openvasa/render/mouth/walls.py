"""The depth of the mouth: how much of their light walls and tongue keep at a px."""

from __future__ import annotations

import numba
import numpy as np

from openvasa.maths import smoothstep_at
from openvasa.render.mouth.shading import WallShading


@numba.njit(cache=True, nogil=True)
def shade_walls(x: float, y: float, gap: float, shading: WallShading) -> float:
    """Share (0–1) of their light that walls and tongue keep.

    Args:
        x, y: place on the tongue's plane in the lower arch's coordinates, canonical units, y down.
        gap: opening of the lips there, canonical units.
        shading: how the dark deepens.
    """
    across = x / shading.throat_width
    up = (y + shading.throat_up) / shading.throat_height
    seen = smoothstep_at(shading.throat_from, shading.throat_to, gap)
    return 1 - shading.throat_dark * seen * np.exp(-(across * across) - up * up)
