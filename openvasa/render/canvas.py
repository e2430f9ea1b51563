"""Paste the animated square back into the whole picture."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from openvasa.face.latent import FaceLatent

LONGEST_SIDE = 1920
"""Larger pictures are reduced for full-frame video."""
FEATHER = 0.04
"""Width of the blend at the square's border, share of its side."""


@dataclass(frozen=True)
class Canvas:
    """The whole picture, and where the animated square goes in it.

    Attributes:
        picture: (H, W, 3) uint8 RGB at the video's size.
        rows, columns: the part of the picture under the square.
        part_to_square: (2, 3) float64 affine from px of that part to shares of the square's side.
        weight: (h, w, 1) float32, the square's opacity over that part; 1 but for its rim.
    """

    picture: np.ndarray
    rows: slice
    columns: slice
    part_to_square: np.ndarray
    weight: np.ndarray

    def paste(self, frame: np.ndarray) -> np.ndarray:
        """(S, S, 3) uint8 animated square of any size → (H, W, 3) uint8 whole picture."""
        height, width = self.weight.shape[:2]
        part = cv2.warpAffine(
            frame,
            (self.part_to_square * len(frame)).astype(np.float32),
            (width, height),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        whole = self.picture.copy()
        under = whole[self.rows, self.columns].astype(np.float32)
        blended = under + (part - under) * self.weight
        whole[self.rows, self.columns] = np.round(blended).astype(np.uint8)
        return whole


def canvas_size(face: FaceLatent) -> tuple[int, int]:
    """Even width and height of a full-frame video, px."""
    height, width = _even_part(face.picture).shape[:2]
    scale = min(1.0, LONGEST_SIDE / max(height, width))
    return int(width * scale) // 2 * 2, int(height * scale) // 2 * 2


def _even_part(picture: np.ndarray) -> np.ndarray:
    """The picture without an odd last row or column: rescaling for one px would soften it all."""
    height, width = picture.shape[:2]
    return picture[: height // 2 * 2, : width // 2 * 2]


def prepare_canvas(face: FaceLatent) -> Canvas:
    """Everything about pasting that is the same in each frame."""
    width, height = canvas_size(face)
    picture = _even_part(face.picture)
    scale = np.array([width / picture.shape[1], height / picture.shape[0]])
    if picture.shape[:2] != (height, width):
        picture = cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)
    corner, side = face.crop[:2] * scale, face.crop[2] * scale
    low = np.maximum(np.floor(corner).astype(int), 0)
    high = np.minimum(np.ceil(corner + side).astype(int), [width, height])
    offset = (low - corner) / side
    affine = np.array([[1 / side[0], 0, offset[0]], [0, 1 / side[1], offset[1]]], np.float64)
    ramps = []
    for axis in (0, 1):
        at = (np.arange(low[axis], high[axis]) + 0.5 - corner[axis]) / side[axis]
        # Where the square ends at the picture's own border there is nothing to blend with.
        near = at if low[axis] > 0 else np.ones_like(at)
        far = 1 - at if high[axis] < (width, height)[axis] else np.ones_like(at)
        ramps.append(np.clip(np.minimum(near, far) / FEATHER, 0, 1))
    weight = (ramps[1][:, None] * ramps[0][None])[..., None].astype(np.float32)
    rows, columns = slice(low[1], high[1]), slice(low[0], high[0])
    return Canvas(picture, rows, columns, affine, weight)
