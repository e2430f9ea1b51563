"""Lay the warped person over the background plate, with clean edges."""

from __future__ import annotations

import numba
import numpy as np

EDGE_JUMP = np.float32(8.0)
"""Step of the map, in samples per px, that only the edge of a nearer surface can make."""

RESIDUE_REACH = np.float32(10.0)
"""Px of movement after which the portrait's own unexplained edge colours have faded."""


@numba.njit(cache=True, fastmath=True)
def compose(
    person: np.ndarray,
    map_x: np.ndarray,
    map_y: np.ndarray,
    per_px: float,
    margin: int,
    residue: np.ndarray,
    plate: np.ndarray,
    frame: np.ndarray,
    window: tuple[int, int, int, int],
) -> None:
    """Draw the person over the plate into `frame`, in place, within `window`.

    Args:
        person: (h, w, 4) uint8 RGBA of the window, not premultiplied.
        map_x: (H, W) float32 column of the cutout's samples that each px shows.
        map_y: (H, W) float32 row.
        per_px: samples per px of the portrait.
        margin: px of the cutout around the portrait.
        residue: (H, W, 3) int16, the portrait less its own composition at rest: it keeps a still
            edge exactly as it was, and fades as the edge moves off.
        plate: (H, W, 3) uint8 RGB.
        frame: (H, W, 3) uint8 RGB, written.
        window: left, top, right, bottom of the px to draw.
    """
    left, top, right, bottom = window
    height, width = plate.shape[:2]
    to_px = np.float32(1 / per_px)
    for y in range(top, bottom):
        for x in range(left, right):
            alpha = np.int32(person[y - top, x - left, 3])
            if alpha == 255:
                for c in range(3):
                    frame[y, x, c] = person[y - top, x - left, c]
                continue
            if alpha == 0:
                for c in range(3):
                    frame[y, x, c] = plate[y, x, c]
            else:
                for c in range(3):
                    mix = alpha * person[y - top, x - left, c] + (255 - alpha) * plate[y, x, c]
                    frame[y, x, c] = (mix + 127) // 255
            u = map_x[y, x] * to_px - np.float32(margin)
            v = map_y[y, x] * to_px - np.float32(margin)
            du, dv = u - np.float32(x), v - np.float32(y)
            fade = np.float32(1) - (du * du + dv * dv) / (RESIDUE_REACH * RESIDUE_REACH)
            column, row = int(u + np.float32(0.5)), int(v + np.float32(0.5))
            if fade <= 0 or u < 0 or v < 0 or column >= width or row >= height:
                continue
            for c in range(3):
                value = frame[y, x, c] + fade * residue[row, column, c]
                frame[y, x, c] = np.uint8(min(max(value + np.float32(0.5), 0.0), 255.0))


@numba.njit(cache=True, fastmath=True)
def soften_edges(
    person: np.ndarray,
    map_x: np.ndarray,
    map_y: np.ndarray,
    frame: np.ndarray,
    window: tuple[int, int, int, int],
) -> None:
    """Anti-alias, in place, where a nearer surface ends in front of a farther one.

    Args:
        person: (h, w, 4) uint8 RGBA of the window.
        map_x: (H, W) float32 column that each px was sampled from.
        map_y: (H, W) float32 row.
        frame: (H, W, 3) uint8 RGB.
        window: left, top, right, bottom of the px to treat.
    """
    left, top, right, bottom = window
    jump = np.empty(right - left, np.bool_)
    found = np.empty((4096, 2), np.int32)
    count = 0
    for y in range(top + 1, bottom - 1):
        hits = 0
        for i in range(1, right - left - 1):
            x = left + i
            u, v = map_x[y, x], map_y[y, x]
            jump[i] = (
                (abs(map_x[y, x + 1] - u) > EDGE_JUMP)
                | (abs(map_x[y, x - 1] - u) > EDGE_JUMP)
                | (abs(map_x[y + 1, x] - u) > EDGE_JUMP)
                | (abs(map_x[y - 1, x] - u) > EDGE_JUMP)
                | (abs(map_y[y, x + 1] - v) > EDGE_JUMP)
                | (abs(map_y[y, x - 1] - v) > EDGE_JUMP)
                | (abs(map_y[y + 1, x] - v) > EDGE_JUMP)
                | (abs(map_y[y - 1, x] - v) > EDGE_JUMP)
            )
            hits += jump[i]
        if hits == 0:
            continue
        j = y - top
        for i in range(1, right - left - 1):
            if not jump[i] or count == len(found):
                continue
            opaque = max(
                person[j, i, 3],
                max(person[j, i - 1, 3], person[j, i + 1, 3]),
                max(person[j - 1, i, 3], person[j + 1, i, 3]),
            )
            if opaque > 0:
                found[count, 0], found[count, 1] = y, left + i
                count += 1
    mixed = np.empty((count, 3), np.uint8)
    for n in range(count):
        y, x = found[n, 0], found[n, 1]
        for c in range(3):
            total = np.int32(4) * frame[y, x, c] + 4
            total += np.int32(frame[y, x - 1, c]) + frame[y, x + 1, c]
            total += np.int32(frame[y - 1, x, c]) + frame[y + 1, x, c]
            mixed[n, c] = total // 8
    for n in range(count):
        for c in range(3):
            frame[found[n, 0], found[n, 1], c] = mixed[n, c]
