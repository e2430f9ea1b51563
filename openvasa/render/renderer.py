"""The seam between motion and pictures: what turns geometry into frames of one portrait.

A file (`openvasa.video.Video.renderer`) and a live portrait (`openvasa.live.painter.Painter`) take
any `RendererFactory`; the shipped one is `openvasa.render.warp_renderer.WarpRenderer`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from openvasa.errors import InputError
from openvasa.face.latent import FaceLatent, FrameGeometry


class Renderer(Protocol):
    """Turns geometry into frames of one portrait; used by one thread at a time.

    A class that inherits from this one only has to write `render` and `twin`; with
    `without_background`, people choose what lies behind the person.

    Attributes:
        batch: how many geometries `render_many` is best given at once, 1 or more. A live portrait
            shows every frame as soon as it can and always gives one.
    """

    batch: int = 1

    def render(self, geometry: FrameGeometry) -> np.ndarray:
        """(H, W, 3) uint8 RGB frame of the portrait, as large as its crop or of another size.

        A renderer from `without_background` gives (H, W, 4) RGBA, not premultiplied.
        """
        ...

    def render_many(self, geometries: Sequence[FrameGeometry]) -> list[np.ndarray]:
        """The frames of several geometries, in their order."""
        return [self.render(geometry) for geometry in geometries]

    def twin(self) -> Renderer:
        """A renderer of the same portrait for another thread; itself where threads may share it.

        A twin makes the same frame of the same geometry.
        """
        ...

    def without_background(self) -> Renderer:
        """A renderer of the same person with nothing behind them.

        Raises:
            InputError: this kind of renderer cannot tell the person from the background.
        """
        name = type(self).__name__
        raise InputError(f"background: {name} draws no person alone; keep the portrait's own")


RendererFactory = Callable[[FaceLatent], Renderer]
"""Prepares a renderer for a portrait: everything that is the same in each of its frames."""
