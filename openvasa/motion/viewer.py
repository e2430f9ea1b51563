"""Where the viewer is, seen from a portrait: the gaze that looks into the lens."""

from __future__ import annotations

import numpy as np

from openvasa.face.dynamics import dynamics_code
from openvasa.face.gaze import eye_gaze, head_gaze
from openvasa.face.latent import FaceLatent
from openvasa.motion.controls import LARGEST_GAZE
from openvasa.motion.steer import LARGEST_EYE_TURN


def gaze_to_viewer(face: FaceLatent) -> tuple[float, float]:
    """Main gaze, as `Controls.gaze`, with which a portrait looks at who looks at it.

    Yaw and pitch in degrees against the portrait's own gaze, within `LARGEST_GAZE`. The gaze of a
    portrait is that of its head and of its eyes in the head, against the mean face of the training
    clips: the medians of both over people are within 1° of the lens.
    """
    # Imported here: it takes a third of a second.
    from scipy.spatial.transform import Rotation

    eyes = eye_gaze(face.neutral - dynamics_code().mean_shape)
    eyes = np.clip(eyes, -LARGEST_EYE_TURN, LARGEST_EYE_TURN)
    head = head_gaze(Rotation.from_matrix(face.head.rotation).as_rotvec())
    yaw, pitch = np.clip(np.degrees(-eyes - head), -np.array(LARGEST_GAZE), LARGEST_GAZE)
    return float(yaw), float(pitch)
