"""A live frame's motion → its picture, marked."""

from __future__ import annotations

import numpy as np

from openvasa.face.dynamics import dynamics_code
from openvasa.face.latent import CROP_SIDE, FaceLatent, pose_face
from openvasa.motion.motion import POSE_DIM
from openvasa.provenance.embed import WatermarkEmbedder
from openvasa.render.renderer import Renderer


class Painter:
    """Paints one portrait.

    Args:
        face: the portrait; what depends only on it is prepared here.
        content_id: what the invisible watermark of every picture carries, 32 bits.
        refined: let the refinement networks work on the pictures.
    """

    def __init__(self, face: FaceLatent, content_id: int, *, refined: bool) -> None:
        self._face = face
        self.refined = refined
        self._renderer = Renderer(face, refined=refined)
        self._code = dynamics_code()
        self._mark = WatermarkEmbedder((CROP_SIDE, CROP_SIDE), content_id)
        # On a machine's first run this compiles for many seconds: now, not while the clock runs.
        self.paint(np.zeros(POSE_DIM + self._code.size, np.float32))

    def paint(self, motion: np.ndarray) -> np.ndarray:
        """(6 + D,) motion → (512, 512, 3) uint8 RGB."""
        change = self._code.decode(motion[POSE_DIM:])
        picture = self._renderer.render(pose_face(self._face, motion[:POSE_DIM], change))
        return self._mark.apply(picture)
