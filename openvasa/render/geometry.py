"""The geometry that is drawn: what motion asks for, made possible for the portrait's own face."""

from __future__ import annotations

import numpy as np

from openvasa.face.latent import FrameGeometry
from openvasa.render.eye.close_lids import shut_large_eyes, uncross_lids
from openvasa.render.eye.open_lids import keep_from_bulging
from openvasa.render.mouth.rounding import close_sides


def prepare_geometry(
    geometry: FrameGeometry, neutral: np.ndarray, mouth_width: float
) -> FrameGeometry:
    """Geometry whose lids open and shut as people's do, and whose rounded lips leave a round hole.

    Whatever is drawn, learned or measured from a moment's geometry goes through this step, once.

    Args:
        geometry: one moment, as `openvasa.motion.geometry.geometry_at` gives it.
        neutral: (478, 3) the portrait's canonical resting shape.
        mouth_width: distance of the mouth's inner corners, canonical units, from which on it is
            round the more the narrower it is.
    """
    lids = uncross_lids(shut_large_eyes(keep_from_bulging(geometry, neutral), neutral))
    return close_sides(lids, mouth_width)
