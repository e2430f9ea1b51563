"""A renderer's frames at another side, so that renderers of two sides are judged alike."""

from __future__ import annotations

import cv2
import numpy as np

from openvasa.face.latent import FaceLatent, FrameGeometry
from openvasa.render.renderer import Renderer, RendererFactory


class SmallRenderer(Renderer):
    """Brings the square frames of a renderer to a side, px."""

    def __init__(self, renderer: Renderer, side: int) -> None:
        self._renderer, self._side = renderer, side

    def render(self, geometry: FrameGeometry) -> np.ndarray:
        """(side, side, 3) uint8 RGB."""
        frame = self._renderer.render(geometry)
        size = (self._side, self._side)
        return cv2.resize(frame, size, interpolation=cv2.INTER_AREA)

    def twin(self) -> SmallRenderer:
        """Another one, of the renderer's twin."""
        return SmallRenderer(self._renderer.twin(), self._side)


def at_side(factory: RendererFactory, side: int | None) -> RendererFactory:
    """The same renderer at a side; None leaves it as it is."""
    if side is None:
        return factory

    def prepare(face: FaceLatent) -> Renderer:
        return SmallRenderer(factory(face), side)

    return prepare
