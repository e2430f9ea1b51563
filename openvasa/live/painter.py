"""A live frame's motion → its picture, marked."""

from __future__ import annotations

import numpy as np

from openvasa.face.latent import CROP_SIDE, FaceLatent
from openvasa.motion.geometry import geometry_at
from openvasa.motion.motion import row_width
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
        self._mark = WatermarkEmbedder((CROP_SIDE, CROP_SIDE), content_id)
        # On a machine's first run this compiles for many seconds: now, not while the clock runs.
        self.paint(np.zeros(row_width(), np.float32))

    def paint(self, motion: np.ndarray) -> np.ndarray:
        """(6 + D + 2,) row of motion → (512, 512, 3) uint8 RGB."""
        return self._mark.apply(self._renderer.render(geometry_at(self._face, motion)))
