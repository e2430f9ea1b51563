"""One moment of motion → the geometry of a portrait's frame."""

from __future__ import annotations

import numpy as np

from openvasa.face.dynamics import dynamics_code
from openvasa.face.latent import FaceLatent, FrameGeometry, pose_face
from openvasa.motion.drawing import draw_codes
from openvasa.motion.row import Row


def geometry_at(
    face: FaceLatent, row: np.ndarray, trailed: np.ndarray | None = None
) -> FrameGeometry:
    """Geometry of `face` at a (6 + D + 2,) row of motion: pose, dynamics and tongue.

    It is the geometry to draw: see `motion.drawing`.

    Args:
        face: the portrait.
        row: the motion.
        trailed: (6,) head pose that loose hair still has, None where it moves with
            the head.
    """
    parts = Row.split(row)
    rise, reach = parts.tongue
    shape_change = dynamics_code().decode(draw_codes(parts.codes))
    return pose_face(face, parts.pose, shape_change, (float(rise), float(reach)), trailed)
