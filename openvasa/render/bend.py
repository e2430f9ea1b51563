"""Apply a refinement's coarse fields to the part of a frame that they were made for."""

from __future__ import annotations

import cv2
import numba
import numpy as np

from openvasa.render.regions import FIELD_STEP


def bend_and_shade(
    frame: np.ndarray, bend: np.ndarray, shade: np.ndarray, affine: np.ndarray
) -> None:
    """Bend and shade, in place, with what `train.render_network.RefinementNetwork` answers.

    Args:
        frame: (H, W, 3) uint8.
        bend: (S, S, 2) float32 px of the crop: where a px is to be taken from, relative to where
            it is. One cell of the fields covers `FIELD_STEP` px; at their border they are 0.
        shade: (S, S, 3) float32: logarithm of each colour's gain.
        affine: (2, 3) from px of the frame to px of the crop.
    """
    height, width = frame.shape[:2]
    side = FIELD_STEP * len(bend)
    back = cv2.invertAffineTransform(affine)
    corners = np.array([[0, 0], [side, 0], [0, side], [side, side]]) @ back[:, :2].T + back[:, 2]
    low = np.clip(np.floor(corners.min(axis=0)), 0, (width, height)).astype(int)
    high = np.clip(np.ceil(corners.max(axis=0)) + 1, 0, (width, height)).astype(int)
    if (high <= low).any():
        return
    # Centres of cells lie between those of px.
    to_cells = affine / FIELD_STEP
    to_cells[:, 2] = (affine[:, 2] + 0.5) / FIELD_STEP - 0.5
    moved = bend @ back[:, :2].T.astype(np.float32)
    gain, to_cells = np.exp(shade), to_cells.astype(np.float32)
    _bend_and_shade(frame.copy(), moved, gain, to_cells, (*low, *high), frame)


@numba.njit(cache=True, fastmath=True, nogil=True)
def _bend_and_shade(
    source: np.ndarray,
    bend: np.ndarray,
    gain: np.ndarray,
    to_cells: np.ndarray,
    window: tuple[int, int, int, int],
    frame: np.ndarray,
) -> None:
    one, last = np.float32(1), np.float32(len(bend) - 1)
    height, width = source.shape[:2]
    farthest_x, farthest_y = np.float32(width - 1), np.float32(height - 1)
    for y in range(window[1], window[3]):
        for x in range(window[0], window[2]):
            fx, fy = np.float32(x), np.float32(y)
            u = to_cells[0, 0] * fx + to_cells[0, 1] * fy + to_cells[0, 2]
            v = to_cells[1, 0] * fx + to_cells[1, 1] * fy + to_cells[1, 2]
            if u <= 0 or v <= 0 or u >= last or v >= last:
                continue
            i, j = int(v), int(u)
            down, right = v - np.float32(i), u - np.float32(j)
            a, b = (one - down) * (one - right), (one - down) * right
            c, d = down * (one - right), down * right
            fx += a * bend[i, j, 0] + b * bend[i, j + 1, 0]
            fx += c * bend[i + 1, j, 0] + d * bend[i + 1, j + 1, 0]
            fy += a * bend[i, j, 1] + b * bend[i, j + 1, 1]
            fy += c * bend[i + 1, j, 1] + d * bend[i + 1, j + 1, 1]
            fx = min(max(fx, np.float32(0)), farthest_x)
            fy = min(max(fy, np.float32(0)), farthest_y)
            row, column = min(int(fy), height - 2), min(int(fx), width - 2)
            lower, farther = fy - np.float32(row), fx - np.float32(column)
            e, f = (one - lower) * (one - farther), (one - lower) * farther
            g, h = lower * (one - farther), lower * farther
            for k in range(3):
                value = (
                    e * np.float32(source[row, column, k])
                    + f * np.float32(source[row, column + 1, k])
                    + g * np.float32(source[row + 1, column, k])
                    + h * np.float32(source[row + 1, column + 1, k])
                )
                value *= (
                    a * gain[i, j, k]
                    + b * gain[i, j + 1, k]
                    + c * gain[i + 1, j, k]
                    + d * gain[i + 1, j + 1, k]
                )
                frame[y, x, k] = np.uint8(min(value + np.float32(0.5), np.float32(255)))
