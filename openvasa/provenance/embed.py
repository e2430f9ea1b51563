"""Put the watermark into frames, one by one, in real time."""

from __future__ import annotations

import numba
import numpy as np

from openvasa.provenance.pattern import tile, tile_side

FLAT, BUSY = 0.7, 2.0
"""The pattern's standard deviation on flat and on busy ground, of 255."""
PER_ACTIVITY = 0.4
"""Strength gained for each grey level of standard deviation within a block."""
IN_BLACK, FULL_FROM = 0.6, 80.0
"""On dark ground the pattern is weaker: from this share at black up to all of it at this level."""

_BLOCK = 8
_UNIT = 32


class WatermarkEmbedder:
    """Marks the frames of one video.

    The pattern stands still and is as strong as the ground hides it: stronger where the picture is
    busy. What becomes of a frame depends on that frame and the content id alone.
    """

    def __init__(self, size: tuple[int, int], content_id: int) -> None:
        """Prepare the pattern.

        Args:
            size: (width, height) of the frames, px. Below some 200 px the mark is there, but too
                few pixels carry it to be read from every picture.
            content_id: 0 to 2³² - 1; `read_watermark` gives it back.

        Raises:
            ValueError: a number of more than 32 bits.
        """
        width, height = size
        side = tile_side(width, height)
        period = tile(side, content_id)
        whole = np.tile(period, (-(-height // side), -(-width // side)))[:height, :width]
        self._pattern = np.ascontiguousarray(np.round(whole * _UNIT).astype(np.int16))
        self._shape = (height, width, 3)
        self.content_id = content_id

    def apply(self, frame: np.ndarray) -> np.ndarray:
        """(height, width, 3) uint8 RGB → a new, marked frame of the same kind."""
        if frame.shape != self._shape or frame.dtype != np.uint8:
            raise ValueError(f"frame is {frame.shape} {frame.dtype}, expected {self._shape} uint8")
        frame = np.ascontiguousarray(frame)
        return _add(frame, self._pattern, _at_corners(_strengths(frame)))


@numba.njit(cache=True, fastmath=True, nogil=True)
def _strengths(frame: np.ndarray) -> np.ndarray:
    """What each block of green hides: (rows + 2, columns + 2) float32 with a repeated rim."""
    height, width = frame.shape[:2]
    rows, columns = (height + _BLOCK - 1) // _BLOCK, (width + _BLOCK - 1) // _BLOCK
    out = np.empty((rows + 2, columns + 2), np.float32)
    for row in range(rows):
        top, bottom = row * _BLOCK, min(row * _BLOCK + _BLOCK, height)
        for column in range(columns):
            left, right = column * _BLOCK, min(column * _BLOCK + _BLOCK, width)
            total, squares = np.int32(0), np.int32(0)
            # Every second row says enough.
            for y in range(top, bottom, 2):
                for x in range(left, right):
                    value = np.int32(frame[y, x, 1])
                    total += value
                    squares += value * value
            count = np.float32((bottom - top + 1) // 2 * (right - left))
            mean = total / count
            activity = np.sqrt(max(squares / count - mean * mean, np.float32(0)))
            share = min(IN_BLACK + (1 - IN_BLACK) * mean / FULL_FROM, 1.0)
            out[row + 1, column + 1] = share * min(FLAT + PER_ACTIVITY * activity, BUSY)
    out[0], out[-1] = out[1], out[-2]
    out[:, 0], out[:, -1] = out[:, 1], out[:, -2]
    return out


@numba.njit(cache=True, fastmath=True, nogil=True)
def _at_corners(blocks: np.ndarray) -> np.ndarray:
    """The least of the four blocks at each corner: edges must not spill on flat ground."""
    rows, columns = blocks.shape
    out = np.empty((rows - 1, columns - 1), np.float32)
    for row in range(rows - 1):
        for column in range(columns - 1):
            above = min(blocks[row, column], blocks[row, column + 1])
            below = min(blocks[row + 1, column], blocks[row + 1, column + 1])
            out[row, column] = min(above, below) / np.float32(_UNIT)
    return out


@numba.njit(cache=True, fastmath=True, nogil=True)
def _add(frame: np.ndarray, pattern: np.ndarray, corners: np.ndarray) -> np.ndarray:
    """The frame plus the pattern, its strength interpolated between the blocks' corners."""
    height, width = frame.shape[:2]
    flat_in = frame.reshape(height, 3 * width)
    out = np.empty_like(frame)
    flat_out = out.reshape(height, 3 * width)
    padded = (corners.shape[1] - 1) * _BLOCK
    strength = np.empty(padded, np.float32)
    change = np.empty(width, np.int16)
    spread = np.empty(3 * width, np.int16)
    for y in range(height):
        row, down = y // _BLOCK, np.float32((y % _BLOCK + 0.5) / _BLOCK)
        left = corners[row, 0] + (corners[row + 1, 0] - corners[row, 0]) * down
        for column in range(corners.shape[1] - 1):
            above, below = corners[row, column + 1], corners[row + 1, column + 1]
            right = above + (below - above) * down
            step = (right - left) / np.float32(_BLOCK)
            for x in range(_BLOCK):
                strength[column * _BLOCK + x] = left + step * (x + np.float32(0.5))
            left = right
        for x in range(width):
            change[x] = np.int16(np.floor(pattern[y, x] * strength[x] + np.float32(0.5)))
        for x in range(width):
            spread[3 * x] = change[x]
            spread[3 * x + 1] = change[x]
            spread[3 * x + 2] = change[x]
        for x in range(3 * width):
            value = np.int16(flat_in[y, x]) + spread[x]
            flat_out[y, x] = np.uint8(min(max(value, np.int16(0)), np.int16(255)))
    return out
