"""Warp a picture by a moved surface, band by band: what a band needs stays in the core's cache."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from openvasa.render.compose import lay_over
from openvasa.render.rasterize import rasterize

BAND_PX = 1 << 17
"""Px of a band: its depth, its maps and its picture are 2 MB. Fewer would lie nearer to the core,
but painters then wait more often for each other: between kernels they need the interpreter."""

Window = tuple[int, int, int, int]
"""Left, top, right, bottom in px of the frame."""


@dataclass(frozen=True)
class View:
    """A picture to take texture from, and where its surface is in a frame.

    Attributes:
        samples: (H', W', 4) uint8 RGBA, not premultiplied.
        corners: (V, 3) float32 px of the frame; z away from the camera.
        sources: (V, 2) float32 sample positions of the same points.
        triangles: (T, 3) int32.
    """

    samples: np.ndarray
    corners: np.ndarray
    sources: np.ndarray
    triangles: np.ndarray


@dataclass(frozen=True)
class SecondView:
    """A view that is laid over another.

    Attributes:
        view: its texture and surface.
        window: the px of the frame outside of which it shows nothing.
        share: 0–1, scales its opacity.
    """

    view: View
    window: Window
    share: float


class Band(NamedTuple):
    """A part of a frame, as wide as what is warped.

    Attributes:
        window: where it is. Bands overlap by two rows, so that each holds its px' neighbours.
        person: (h, w, 4) uint8 RGBA.
        maps: (h, w) float32 column and row of the view's samples that each px shows.
    """

    window: Window
    person: np.ndarray
    maps: tuple[np.ndarray, np.ndarray]


class Warper:
    """Warps into frames of one width; used by one thread at a time.

    Args:
        width: px of the frames.
    """

    def __init__(self, width: int) -> None:
        self._width, self._rows = width, max(BAND_PX // width, 8)
        self._planes = [np.empty((self._rows + 2) * width, np.float32) for _ in range(3)]

    def twin(self) -> Warper:
        """The same for another thread."""
        return Warper(self._width)

    def draw(self, view: View, second: SecondView | None, window: Window) -> Iterator[Band]:
        """The bands of a window from top to bottom; the next one overwrites a band's maps."""
        left, top, right, bottom = window
        for row in range(top, bottom, self._rows):
            band = left, max(row - 1, top), right, min(row + self._rows + 1, bottom)
            over = None if second is None else self._draw_second(second, band)
            person, maps = self._warp(view, band)
            if second is not None and over is not None:
                things, (x, y) = over
                height, width = things.shape[:2]
                lay_over(person[y : y + height, x : x + width], things, second.share)
            yield Band(band, person, maps)

    def _draw_second(
        self, second: SecondView, band: Window
    ) -> tuple[np.ndarray, tuple[int, int]] | None:
        """What a second view shows in a band, and its left and top there."""
        left, top = (max(second.window[k], band[k]) for k in (0, 1))
        right, bottom = (min(second.window[k], band[k]) for k in (2, 3))
        if left >= right or top >= bottom:
            return None
        shown, _ = self._warp(second.view, (left, top, right, bottom))
        return shown, (left - band[0], top - band[1])

    def _warp(self, view: View, window: Window) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
        left, top, right, bottom = window
        height, width = bottom - top, right - left
        # Rows without gaps, or the compiler's vector instructions could not go through them.
        depth, map_x, map_y = (
            plane[: height * width].reshape(height, width) for plane in self._planes
        )
        rasterize(view.corners, view.sources, view.triangles, depth, map_x, map_y, window)
        return cv2.remap(view.samples, map_x, map_y, cv2.INTER_LINEAR), (map_x, map_y)
