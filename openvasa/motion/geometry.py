"""One moment of motion → the geometry of a portrait's frame."""

from __future__ import annotations

import numpy as np

from openvasa.face.dynamics import dynamics_code
from openvasa.face.latent import FaceLatent, FrameGeometry, pose_face
from openvasa.motion.articulation import TONGUE_DIM
from openvasa.motion.motion import POSE_DIM


def geometry_at(face: FaceLatent, row: np.ndarray) -> FrameGeometry:
    """Geometry of `face` at a (6 + D + 2,) row of motion: pose, dynamics and tongue."""
    shape_change = dynamics_code().decode(row[POSE_DIM:-TONGUE_DIM])
    rise, reach = row[-TONGUE_DIM:]
    return pose_face(face, row[:POSE_DIM], shape_change, (float(rise), float(reach)))
