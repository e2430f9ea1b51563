"""A live frame's motion → its picture, marked."""

from __future__ import annotations

from functools import partial

import numpy as np

from openvasa.face.frame import choose_frame, put_in_frame
from openvasa.face.latent import CROP_SIDE, FaceLatent
from openvasa.motion.geometry import geometry_at
from openvasa.motion.row import row_width
from openvasa.provenance.embed import WatermarkEmbedder
from openvasa.render.renderer import RendererFactory
from openvasa.render.warp_renderer import WarpRenderer

UNREFINED: RendererFactory = partial(WarpRenderer, refined=False)
"""What draws live pictures unless something else is chosen: refinement costs half as much again."""


class Painter:
    """Paints one portrait.

    Args:
        face: the portrait; what depends only on it is prepared here.
        content_id: what the invisible watermark of every picture carries, 32 bits.
        renderer: what draws the pictures.
        size: side of the pictures, px, of a renderer that draws the crop it is given.
    """

    def __init__(
        self,
        face: FaceLatent,
        content_id: int,
        renderer: RendererFactory = UNREFINED,
        size: int = CROP_SIDE,
    ) -> None:
        self._face = put_in_frame(face, choose_frame(face, size=size))
        self._renderer = renderer(self._face)
        # On a machine's first run this compiles for many seconds: now, not while the clock runs.
        resting = self._render(np.zeros(row_width(), np.float32))
        self._mark = WatermarkEmbedder(resting.shape[1::-1], content_id)
        self._mark.apply(resting)

    def paint(self, motion: np.ndarray) -> np.ndarray:
        """(6 + D + 2,) row of motion → (S, S, 3) uint8 RGB, S as the renderer has it."""
        return self._mark.apply(self._render(motion))

    def _render(self, motion: np.ndarray) -> np.ndarray:
        return self._renderer.render(geometry_at(self._face, motion))
