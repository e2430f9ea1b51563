"""Lay the warped person over the background plate, with clean edges."""

from __future__ import annotations

import numba
import numpy as np

EDGE_JUMP = np.float32(8.0)
"""Step of the map, in samples per px, that only the edge of a nearer surface can make."""

EDGE_PX_A_ROW = 8
"""Px that are anti-aliased at most, for each row of the frame: far more than faces have edges."""

STILL_REACH = 10.0
"""Stated px of movement after which a place no longer counts as still."""

EXACT_REACH = 1.5
"""Stated px of movement over which the portrait's own edges give way to composed ones."""


@numba.njit(cache=True, fastmath=True, nogil=True)
def lay_over(person: np.ndarray, other: np.ndarray, share: float) -> None:
    """Lay a second view of the person over the first, in place.

    Args:
        person: (h, w, 4) uint8 RGBA, not premultiplied.
        other: (h, w, 4) uint8 RGBA, the second view.
        share: 0–1, scales the second view's opacity.
    """
    unit = np.float32(1 / 255)
    for y in range(person.shape[0]):
        for x in range(person.shape[1]):
            if other[y, x, 3] == 0:
                continue
            weight = np.float32(other[y, x, 3]) * np.float32(share) * unit
            below = (np.float32(1) - weight) * np.float32(person[y, x, 3]) * unit
            alpha = weight + below
            for c in range(3):
                mix = (below * person[y, x, c] + weight * other[y, x, c]) / alpha
                person[y, x, c] = np.uint8(mix + np.float32(0.5))
            person[y, x, 3] = np.uint8(alpha * 255 + np.float32(0.5))


@numba.njit(cache=True, fastmath=True, nogil=True)
def lay_before(things: np.ndarray, left: int, top: int, frame: np.ndarray) -> None:
    """Lay things over a frame, in place.

    Args:
        things: (h, w, 4) uint8 RGBA, not premultiplied.
        left, top: px of the frame at which they begin.
        frame: (H, W, 3) uint8 RGB, written.
    """
    unit = np.float32(1 / 255)
    for y in range(things.shape[0]):
        for x in range(things.shape[1]):
            if things[y, x, 3] == 0:
                continue
            alpha = np.float32(things[y, x, 3]) * unit
            for c in range(3):
                below = np.float32(frame[top + y, left + x, c])
                value = below + alpha * (np.float32(things[y, x, c]) - below)
                frame[top + y, left + x, c] = np.uint8(value + np.float32(0.5))


@numba.njit(cache=True, fastmath=True, nogil=True)
def compose(
    person: np.ndarray,
    map_x: np.ndarray,
    map_y: np.ndarray,
    per_px: float,
    margin: int,
    residue: np.ndarray,
    plate: np.ndarray,
    still_plate: np.ndarray,
    settled: np.ndarray,
    head_shift: float,
    frame: np.ndarray,
    window: tuple[int, int, int, int],
    stated: float,
) -> None:
    """Draw the person over the background into `frame`, in place, within `window`.

    The plate is cautious: close to the person it is made up, since hair or bled colour may be
    there. As long as the person stays where the portrait has them, the portrait's own background
    is right, and its own edge exact; both give way as the person moves off.

    Args:
        person: (h, w, 4) uint8 RGBA of the window, not premultiplied.
        map_x: (h, w) float32 column of the cutout's samples that each px shows.
        map_y: (h, w) float32 row.
        per_px: samples per px of the portrait.
        margin: px of the cutout around the portrait.
        residue: (H, W, 3) int16, the portrait's edges less their composition at rest.
        plate: (H, W, 3) uint8 RGB, the background completed behind and close to the person.
        still_plate: (H, W, 3) uint8 RGB, the portrait wherever it shows no person, else the plate.
        settled: (H, W) bool: the frame shows the background here before anything is drawn.
        head_shift: px by which the head as a whole has moved.
        frame: (H, W, 3) uint8 RGB, written.
        window: left, top, right, bottom of the px to draw.
        stated: px that one stated px is long.
    """
    left, top, right, bottom = window
    height, width = plate.shape[:2]
    to_px = np.float32(1 / per_px)
    scale = np.float32(1 / (STILL_REACH * stated) ** 2)
    exact_scale = np.float32(1 / (EXACT_REACH * stated) ** 2)
    head_still = max(np.float32(0), np.float32(1) - np.float32(head_shift * head_shift) * scale)
    for j in range(bottom - top):
        y = top + j
        for i in range(right - left):
            x = left + i
            alpha = person[j, i, 3]
            if alpha == 255:
                for c in range(3):
                    frame[y, x, c] = person[j, i, c]
                continue
            if alpha == 0 and settled[y, x]:
                continue
            u = map_x[j, i] * to_px - np.float32(margin)
            v = map_y[j, i] * to_px - np.float32(margin)
            du, dv = u - np.float32(x), v - np.float32(y)
            moved = du * du + dv * dv
            still = np.float32(1) - moved * scale
            exact = np.float32(1) - moved * exact_scale
            back = max(still, head_still)
            opaque = np.float32(alpha) * np.float32(1 / 255)
            column, row = int(u + np.float32(0.5)), int(v + np.float32(0.5))
            on_portrait = u >= 0 and v >= 0 and column < width and row < height
            for c in range(3):
                value = np.float32(plate[y, x, c])
                value += back * (np.float32(still_plate[y, x, c]) - value)
                if alpha > 0:
                    value += opaque * (np.float32(person[j, i, c]) - value)
                    if exact > 0 and on_portrait:
                        value += exact * np.float32(residue[row, column, c])
                value += np.float32(0.5)
                frame[y, x, c] = np.uint8(min(max(value, np.float32(0)), np.float32(255)))


@numba.njit(cache=True, nogil=True)
def cover(
    person: np.ndarray,
    rest: np.ndarray,
    reached: np.ndarray,
    frame: np.ndarray,
    opacity: np.ndarray,
    window: tuple[int, int, int, int],
) -> None:
    """Draw the person over nothing into `frame` and `opacity`, in place, within `window`.

    Args:
        person: (h, w, 4) uint8 RGBA of the window, not premultiplied.
        rest: (H, W, 4) uint8 RGBA, whose colours fill what the person leaves.
        reached: (H, W) bool: where the person may move away; elsewhere they rest.
        frame: (H, W, 3) uint8 RGB, written; the person's colours without any background.
        opacity: (H, W) uint8, written.
        window: left, top, right, bottom of the px to draw.
    """
    left, top, right, bottom = window
    for y in range(top, bottom):
        for x in range(left, right):
            alpha = person[y - top, x - left, 3]
            if alpha == 0 and not reached[y, x]:
                continue
            opacity[y, x] = alpha
            for c in range(3):
                frame[y, x, c] = person[y - top, x - left, c] if alpha > 0 else rest[y, x, c]


@numba.njit(cache=True, fastmath=True, nogil=True)
def _mark_jumps(
    row: np.ndarray, next_row: np.ndarray, across: np.ndarray, below: np.ndarray, add: bool
) -> None:
    """Mark, in place, where a map's row jumps to its right (`across`) and to the row `below`.

    Plain loops over whole rows: the compiler makes vector instructions of them.
    """
    keep = np.uint8(1 if add else 0)
    for i in range(len(row) - 1):
        across[i] = (across[i] & keep) | (abs(row[i + 1] - row[i]) > EDGE_JUMP)
    for i in range(len(row)):
        below[i] = (below[i] & keep) | (abs(next_row[i] - row[i]) > EDGE_JUMP)


@numba.njit(cache=True, fastmath=True, nogil=True)
def find_edges(
    person: np.ndarray,
    map_x: np.ndarray,
    map_y: np.ndarray,
    window: tuple[int, int, int, int],
    found: np.ndarray,
    count: int,
) -> int:
    """Find where a nearer surface ends in front of a farther one, inside a window's outermost px.

    Args:
        person: (h, w, 4) uint8 RGBA of the window.
        map_x: (h, w) float32 column that each px was sampled from.
        map_y: (h, w) float32 row.
        window: left, top, right, bottom of the px to search.
        found: (N, 2) int32 rows and columns of the frame, written from the `count`-th on.
        count: how many are found already.

    Returns:
        How many are found now, N at most.
    """
    left, top, right, bottom = window
    width = right - left
    # Most rows have few: eight px are passed over at a time.
    eights = np.zeros((width + 7) // 8, np.uint64)
    jump = eights.view(np.uint8)
    across = np.zeros(width, np.uint8)
    below, above = np.zeros(width, np.uint8), np.zeros(width, np.uint8)
    for j in range(bottom - top - 1):
        above, below = below, above
        _mark_jumps(map_x[j, :width], map_x[j + 1, :width], across, below, False)
        _mark_jumps(map_y[j, :width], map_y[j + 1, :width], across, below, True)
        if j == 0:
            continue
        hits = 0
        for i in range(1, width - 1):
            jump[i] = across[i] | across[i - 1] | below[i] | above[i]
            hits += jump[i]
        if hits == 0:
            continue
        for eight in range(len(eights)):
            if eights[eight] == 0:
                continue
            for i in range(8 * eight, 8 * eight + 8):
                if not jump[i] or count == len(found):
                    continue
                opaque = max(
                    person[j, i, 3],
                    max(person[j, i - 1, 3], person[j, i + 1, 3]),
                    max(person[j - 1, i, 3], person[j + 1, i, 3]),
                )
                if opaque > 0:
                    found[count, 0], found[count, 1] = top + j, left + i
                    count += 1
    return count


@numba.njit(cache=True, fastmath=True, nogil=True)
def soften_edges(frame: np.ndarray, found: np.ndarray) -> None:
    """Anti-alias the px that `find_edges` found, in place.

    Args:
        frame: (H, W, C) uint8.
        found: (N, 2) int32 rows and columns, none in the frame's outermost px.
    """
    count, channels = len(found), frame.shape[2]
    mixed = np.empty((count, channels), np.uint8)
    for n in range(count):
        y, x = found[n, 0], found[n, 1]
        for c in range(channels):
            total = np.int32(4) * frame[y, x, c] + 4
            total += np.int32(frame[y, x - 1, c]) + frame[y, x + 1, c]
            total += np.int32(frame[y - 1, x, c]) + frame[y + 1, x, c]
            mixed[n, c] = total // 8
    for n in range(count):
        for c in range(channels):
            frame[found[n, 0], found[n, 1], c] = mixed[n, c]
