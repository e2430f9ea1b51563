"""Lay RGBA frames on another background, and change their size."""

from __future__ import annotations

import cv2
import numba
import numpy as np


@numba.njit(cache=True, nogil=True)
def lay_on(person: np.ndarray, plate: np.ndarray) -> np.ndarray:
    """The person over a background of the same size, rounded to the nearest level.

    Args:
        person: (H, W, 4) uint8 RGBA, not premultiplied.
        plate: (H, W, 3) uint8 RGB.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    height, width = plate.shape[:2]
    frame = np.empty((height, width, 3), np.uint8)
    for y in range(height):
        for x in range(width):
            alpha = np.uint32(person[y, x, 3])
            for c in range(3):
                mixed = alpha * person[y, x, c] + (np.uint32(255) - alpha) * plate[y, x, c]
                frame[y, x, c] = (mixed + np.uint32(127)) // np.uint32(255)
    return frame


def resize_rgba(person: np.ndarray, size: tuple[int, int], interpolation: int) -> np.ndarray:
    """An (h, w, 4) uint8 RGBA frame, not premultiplied, in another (width, height).

    Colours are weighted with their opacity, so that what is behind the outline does not bleed in.
    """
    weight = person[..., 3:].astype(np.float32)
    opacity = cv2.resize(weight, size, interpolation=interpolation)[..., None]
    weighted = cv2.resize(person[..., :3] * weight, size, interpolation=interpolation)
    plain = cv2.resize(person[..., :3], size, interpolation=interpolation)
    # Cubic weights are negative in places: next to nothing divided by next to nothing.
    colours = np.where(opacity >= 1, weighted / np.maximum(opacity, 1), plain)
    return np.rint(np.dstack([colours, opacity]).clip(0, 255)).astype(np.uint8)


def cover(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A picture's middle, scaled so that it covers a frame of (width, height).

    Args:
        picture: (h, w, 3) uint8 RGB.
        size: width and height of the frame, px.

    Returns:
        (height, width, 3) uint8 RGB.
    """
    height, width = picture.shape[:2]
    scale = max(size[0] / width, size[1] / height)
    part = min(width, max(1, round(size[0] / scale))), min(height, max(1, round(size[1] / scale)))
    left, top = (width - part[0]) // 2, (height - part[1]) // 2
    middle = picture[top : top + part[1], left : left + part[0]]
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return cv2.resize(np.ascontiguousarray(middle), size, interpolation=interpolation)
