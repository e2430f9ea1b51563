"""A live frame's motion → its picture, marked."""

from __future__ import annotations

from functools import partial

import numpy as np

from openvasa.face.canonical import POSE_DIM
from openvasa.face.frame import choose_frame, put_in_frame
from openvasa.face.latent import CROP_SIDE, FaceLatent
from openvasa.motion.geometry import geometry_at
from openvasa.motion.row import row_width
from openvasa.provenance.embed import WatermarkEmbedder
from openvasa.render.hair_lag import USUAL, HairLag
from openvasa.render.renderer import RendererFactory
from openvasa.render.shipped import shipped_renderer

UNREFINED: RendererFactory = partial(shipped_renderer, refined=False)
"""What draws live pictures unless something else is chosen: refinement costs half as much again."""


class Painter:
    """Paints one portrait.

    Args:
        face: the portrait; what depends only on it is prepared here.
        content_id: what the invisible watermark of every picture carries, 32 bits.
        renderer: what draws the pictures.
        size: side of the pictures, px, of a renderer that draws the crop it is given.
        hair_lag: how far loose hair and cloth stay behind the head, 0 to 2.
    """

    def __init__(
        self,
        face: FaceLatent,
        content_id: int,
        renderer: RendererFactory = UNREFINED,
        size: int = CROP_SIDE,
        hair_lag: float = USUAL,
    ) -> None:
        self._face = put_in_frame(face, choose_frame(face, size=size))
        self._renderer = renderer(self._face)
        # On a machine's first run this compiles for many seconds: now, not while the clock runs.
        resting = self._renderer.render(geometry_at(self._face, np.zeros(row_width(), np.float32)))
        self._mark = WatermarkEmbedder(resting.shape[1::-1], content_id)
        self._mark.apply(resting)
        self._hair = HairLag(hair_lag) if hair_lag > 0 else None

    def paint(self, motion: np.ndarray, time_s: float) -> np.ndarray:
        """(6 + D + 2,) row of motion → (S, S, 3) uint8 RGB, S as the renderer has it.

        Args:
            motion: of one frame.
            time_s: where on the timeline the frame is; frames between may have been left out.
        """
        trailed = self._hair.follow(motion[:POSE_DIM], time_s) if self._hair else None
        return self._mark.apply(self._renderer.render(geometry_at(self._face, motion, trailed)))
