"""One eye of the portrait, enlarged, with the distance of every texel from the lid margin."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numba
import numpy as np

from openvasa.face.latent import FaceLatent
from openvasa.maths import smoothstep
from openvasa.render.eye.points import EyePoints, measure_opening
from openvasa.render.eye.shading import MarginShading

ZOOM = 2
"""Texels per px of the crop: the bilinear sampling at paint time then keeps the eye sharp."""

SURROUNDINGS = 0.4
"""What is seen around the lids, widths of the eye."""


@dataclass(frozen=True)
class EyeView:
    """One eye of the portrait, enlarged; px are px of the crop.

    Attributes:
        source: (H, W, 3) float32 RGB at `ZOOM` texels per px.
        origin: (2,) float32 px under texel (0, 0).
        depth: (H, W) float32 px inside the lid margin.
        along: (H, W) float32 nearest position along the lid margin, in segments.
        band: (H, W) float32 px, how deep the lids' lashes and shadow reach.
        opening: px, mean distance of the lids.
        corners: (2, 2) px, outer and inner corner.
        tracked: (3,) texels, tracked centre and radius of the iris.
        stated: px that one stated px is long in this portrait.
    """

    source: np.ndarray
    origin: np.ndarray
    depth: np.ndarray
    along: np.ndarray
    band: np.ndarray
    opening: float
    corners: np.ndarray
    tracked: np.ndarray
    stated: float

    @property
    def luma(self) -> np.ndarray:
        """(H, W) float32 brightness, grey levels."""
        return self.source.mean(axis=2)


@numba.njit(cache=True, fastmath=True, nogil=True)
def measure_depth(contour: np.ndarray, x: float, y: float) -> tuple[float, int, float]:
    """Signed distance of a point to a closed contour (> 0 inside), nearest segment, and where."""
    count = contour.shape[0]
    best, segment, along = 1e18, 0, 0.0
    inside = False
    for i in range(count):
        ax, ay = contour[i, 0], contour[i, 1]
        j = i + 1 if i + 1 < count else 0
        ex, ey = contour[j, 0] - ax, contour[j, 1] - ay
        px, py = x - ax, y - ay
        t = (px * ex + py * ey) / (ex * ex + ey * ey + 1e-9)
        t = min(max(t, 0.0), 1.0)
        dx, dy = px - t * ex, py - t * ey
        d = dx * dx + dy * dy
        if d < best:
            best, segment, along = d, i, t
        if (ay > y) != (contour[j, 1] > y) and px < ex * py / ey:
            inside = not inside
    distance = np.sqrt(best)
    return (distance if inside else -distance), segment, along


@numba.njit(cache=True, fastmath=True, nogil=True)
def _map_depth(
    contour: np.ndarray, height: int, width: int, step: float
) -> tuple[np.ndarray, np.ndarray]:
    depth = np.empty((height, width), np.float32)
    along = np.empty((height, width), np.float32)
    for row in range(height):
        for column in range(width):
            d, segment, t = measure_depth(contour, column * step, row * step)
            depth[row, column] = d
            along[row, column] = segment + t
    return depth, along


def view_eye(face: FaceLatent, part: EyePoints, shading: MarginShading) -> EyeView:
    """Enlarge one eye of a portrait."""
    points = face.landmarks[:, :2]
    contour, iris = points[part.loop], points[part.iris]
    width = float(np.linalg.norm(contour[0] - contour[8]))
    low = np.floor(contour.min(axis=0) - SURROUNDINGS * width).astype(int)
    size = np.ceil(contour.max(axis=0) + SURROUNDINGS * width).astype(int) - low + 1
    origin = low.astype(np.float32)
    grid_x, grid_y = lay_grid(size[1] * ZOOM, size[0] * ZOOM)
    source = cv2.remap(
        face.image,
        grid_x / ZOOM + origin[0],
        grid_y / ZOOM + origin[1],
        cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    ).astype(np.float32)
    depth, along = _map_depth(
        (contour - origin).astype(np.float64), source.shape[0], source.shape[1], 1 / ZOOM
    )
    opening = measure_opening(contour)
    # The upper lid carries lashes and throws a shadow, so its margin reaches deeper.
    upper = smoothstep(0, 1.5, np.minimum(along, np.abs(8 - along)) * (along < 8))
    stated = face.stated
    band = np.clip(
        opening * (shading.lash_depth + shading.upper_lash_depth * upper),
        shading.least_depth * stated,
        shading.most_depth * stated,
    )
    radius = np.linalg.norm(iris[1:] - iris[0], axis=1).mean()
    tracked = np.append(iris[0] - origin, radius) * ZOOM
    corners = contour[[0, 8]]
    return EyeView(source, origin, depth, along, band, opening, corners, tracked, stated)


def lay_grid(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """x and y of every texel, (height, width) float32 each."""
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return x, y


def sample(image: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Bilinear samples of an image at (x, y), its border repeated outside."""
    return cv2.remap(
        image,
        x.astype(np.float32),
        y.astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
