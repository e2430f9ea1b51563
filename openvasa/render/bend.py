"""Apply a refinement's coarse fields to the part of a frame that they were made for.

A gain makes what is dark lighter in its own colour. The dark of a fold is far redder than the skin
around it: light went from skin to skin before it came out. Erased by a gain alone, it would glow
orange. So what a gain makes lighter becomes paler, towards the colour of the portrait's skin.
"""

from __future__ import annotations

import cv2
import numba
import numpy as np

from openvasa.render.regions import FIELD_STEP

LIGHT = (0.299, 0.587, 0.114)
"""Share of each colour in a px' brightness."""

PALER = 2.5
"""Times what a gain adds to skin, for which it takes away what is redder than the portrait's skin:
at 1, what is added is no redder than skin. Fitted to frames of people filmed while they laugh and
while they do not; on lips it is best at 0."""


def bend_and_shade(
    frame: np.ndarray,
    bend: np.ndarray,
    shade: np.ndarray,
    affine: np.ndarray,
    bare: np.ndarray,
    skin: np.ndarray,
) -> None:
    """Bend and shade, in place, with what `train.render_network.RefinementNetwork` answers.

    Args:
        frame: (H, W, 3) uint8.
        bend: (S, S, 2) float32 px of the crop: where a px is to be taken from, relative to where
            it is. One cell of the fields covers `FIELD_STEP` px; at their border they are 0.
        shade: (S, S, 3) float32: logarithm of each colour's gain, 0 at the border as well.
        affine: (2, 3) from px of the frame to px of the crop.
        bare: (S, S) float32 in 0–1, how much of a cell is skin beyond lips and lids.
        skin: (3,) RGB of the portrait's skin.
    """
    height, width = frame.shape[:2]
    cells = len(bend)
    side = FIELD_STEP * cells
    back = cv2.invertAffineTransform(affine)
    corners = np.array([[0, 0], [side, 0], [0, side], [side, side]]) @ back[:, :2].T + back[:, 2]
    low = np.clip(np.floor(corners.min(axis=0)), 0, (width, height)).astype(int)
    high = np.clip(np.ceil(corners.max(axis=0)) + 1, 0, (width, height)).astype(int)
    if (high <= low).any():
        return
    # Beyond the cells nothing is bent or shaded.
    fields = np.zeros((6, cells + 2, cells + 2), np.float32)
    fields[2:5] = 1
    fields[:2, 1:-1, 1:-1] = (bend @ back[:, :2].T.astype(np.float32)).transpose(2, 0, 1)
    np.exp(shade.transpose(2, 0, 1), out=fields[2:5, 1:-1, 1:-1])
    np.multiply(bare, PALER, out=fields[5, 1:-1, 1:-1])
    # Centres of cells lie between those of px, and the first cell is one beyond the crop.
    to_cells = affine / FIELD_STEP
    to_cells[:, 2] = (affine[:, 2] + affine[:, :2] @ low + 0.5) / FIELD_STEP + 0.5
    part = frame[low[1] : high[1], low[0] : high[0]]
    _apply_fields(part, fields, to_cells.astype(np.float32), skin.astype(np.float32))


@numba.njit(cache=True, fastmath=True, nogil=True)
def _apply_fields(
    part: np.ndarray, fields: np.ndarray, to_cells: np.ndarray, skin: np.ndarray
) -> None:
    """Bend and shade, in place, the px that lie between the middles of cells.

    Row by row in plain loops, one for each thing that is done: the compiler makes vector
    instructions of most of them.

    Args:
        part: (h, w, 3) uint8 RGB.
        fields: (6, C, C) float32: bends across and down, px of the part, the colours' gains, and
            how much paler what is made lighter becomes.
        to_cells: (2, 3) float32 from px of the part to cells.
        skin: (3,) float32 RGB.
    """
    height, width = part.shape[:2]
    picture = _pack(part)
    here = np.empty((6, width), np.float32)
    at = np.empty(width, np.uint32)
    across, down = np.empty(width, np.float32), np.empty(width, np.float32)
    taken = np.empty((4, width), np.uint32)
    found, shown = np.empty((3, width), np.float32), np.empty((3, width), np.uint8)
    for y in range(height):
        start, stop = _find_inside(to_cells, y, width, fields.shape[1] - 1)
        count = stop - start
        if count <= 0:
            continue
        _read_fields(fields, to_cells, start, y, here[:, :count])
        _find_places(here[0], here[1], start, y, picture.shape, at[:count], across, down)
        _take(picture, at[:count], taken)
        for c in range(3):
            _mix(taken, 8 * c, across, down, found[c, :count])
        _brighten(found, here, count, skin, shown)
        for x in range(count):
            part[y, start + x, 0] = shown[0, x]
            part[y, start + x, 1] = shown[1, x]
            part[y, start + x, 2] = shown[2, x]


@numba.njit(cache=True, nogil=True)
def _pack(part: np.ndarray) -> np.ndarray:
    """(h + 1, w + 1) uint32: one number a px, the last row and column twice."""
    height, width = part.shape[:2]
    packed = np.empty((height + 1, width + 1), np.uint32)
    for y in range(height):
        for x in range(width):
            green, blue = np.uint32(part[y, x, 1]), np.uint32(part[y, x, 2])
            packed[y, x] = np.uint32(part[y, x, 0]) | green << 8 | blue << 16
        packed[y, width] = packed[y, width - 1]
    packed[height] = packed[height - 1]
    return packed


@numba.njit(cache=True, nogil=True)
def _find_inside(to_cells: np.ndarray, y: int, width: int, last: int) -> tuple[int, int]:
    """The first px of a row that lies between cells, and the first after it that does not."""
    low, high = np.float32(0), np.float32(width)
    for axis in range(2):
        slope = to_cells[axis, 0]
        offset = to_cells[axis, 1] * np.float32(y) + to_cells[axis, 2]
        if abs(slope) < np.float32(1e-9):
            if offset <= 0 or offset >= last:
                return 0, 0
            continue
        first, second = -offset / slope, (last - offset) / slope
        low, high = max(low, min(first, second)), min(high, max(first, second))
    # A hair's breadth inside, whatever rounding does.
    slack = np.float32(1e-3)
    start = int(np.ceil(low + slack)) if low > 0 else 0
    return start, int(np.floor(high - slack)) + 1 if high < width else width


@numba.njit(cache=True, fastmath=True, nogil=True)
def _read_fields(
    fields: np.ndarray, to_cells: np.ndarray, start: int, y: int, here: np.ndarray
) -> None:
    """Interpolate (6, C, C) fields at the px of a row from `start` on, into (6, n)."""
    one, stride = np.uint32(1), np.uint32(fields.shape[1])
    # Of a head that hardly rolls, a px within the slack may round to the last cell itself.
    last = np.uint32(fields.shape[1] - 2)
    right_u, right_v = to_cells[0, 0], to_cells[1, 0]
    row, first = np.float32(y), np.float32(start)
    first_u = to_cells[0, 1] * row + to_cells[0, 2] + right_u * first
    first_v = to_cells[1, 1] * row + to_cells[1, 2] + right_v * first
    planes = fields.reshape(6, -1)
    p, q, r, g, b = planes[0], planes[1], planes[2], planes[3], planes[4]
    s, out_s = planes[5], here[5]
    out_p, out_q, out_r, out_g, out_b = here[0], here[1], here[2], here[3], here[4]
    for x in range(here.shape[1]):
        u = first_u + right_u * np.float32(np.int32(x))
        v = first_v + right_v * np.float32(np.int32(x))
        i, j = min(np.uint32(np.int32(u)), last), min(np.uint32(np.int32(v)), last)
        du, dv = u - np.float32(i), v - np.float32(j)
        k = np.uint32(j * stride + i)
        m = np.uint32(k + stride)
        w11 = du * dv
        w10, w01 = dv - w11, du - w11
        w00 = np.float32(1) - du - w10
        after, below = np.uint32(k + one), np.uint32(m + one)
        out_p[x] = w00 * p[k] + w01 * p[after] + w10 * p[m] + w11 * p[below]
        out_q[x] = w00 * q[k] + w01 * q[after] + w10 * q[m] + w11 * q[below]
        out_r[x] = w00 * r[k] + w01 * r[after] + w10 * r[m] + w11 * r[below]
        out_g[x] = w00 * g[k] + w01 * g[after] + w10 * g[m] + w11 * g[below]
        out_b[x] = w00 * b[k] + w01 * b[after] + w10 * b[m] + w11 * b[below]
        out_s[x] = w00 * s[k] + w01 * s[after] + w10 * s[m] + w11 * s[below]


@numba.njit(cache=True, fastmath=True, nogil=True)
def _find_places(
    bend_x: np.ndarray,
    bend_y: np.ndarray,
    start: int,
    y: int,
    shape: tuple[int, int],
    at: np.ndarray,
    across: np.ndarray,
    down: np.ndarray,
) -> None:
    """Number of the px to the upper left of where each is taken from, and the way from it."""
    stride = np.int32(shape[1])
    right, lower = np.float32(shape[1] - 2), np.float32(shape[0] - 2)
    row, first = np.float32(y), np.float32(start)
    for x in range(len(at)):
        u = min(max(first + np.float32(np.int32(x)) + bend_x[x], np.float32(0)), right)
        v = min(max(row + bend_y[x], np.float32(0)), lower)
        i, j = np.int32(u), np.int32(v)
        across[x], down[x] = u - np.float32(i), v - np.float32(j)
        at[x] = np.uint32(j * stride + i)


@numba.njit(cache=True, nogil=True)
def _take(picture: np.ndarray, at: np.ndarray, taken: np.ndarray) -> None:
    """The px at some places, right of them, below them, and below on the right, into (4, n)."""
    flat, stride = picture.ravel(), np.uint32(picture.shape[1])
    for x in range(len(at)):
        n = at[x]
        m = np.uint32(n + stride)
        taken[0, x], taken[1, x] = flat[n], flat[np.uint32(n + np.uint32(1))]
        taken[2, x], taken[3, x] = flat[m], flat[np.uint32(m + np.uint32(1))]


@numba.njit(cache=True, fastmath=True, nogil=True)
def _mix(
    taken: np.ndarray, bits: int, across: np.ndarray, down: np.ndarray, found: np.ndarray
) -> None:
    """One colour between four px, those `bits` of each."""
    shift, colour = np.uint32(bits), np.uint32(255)
    upper_left, upper_right, lower_left, lower_right = taken[0], taken[1], taken[2], taken[3]
    for x in range(len(found)):
        a = np.float32(np.int32((upper_left[x] >> shift) & colour))
        b = np.float32(np.int32((upper_right[x] >> shift) & colour))
        c = np.float32(np.int32((lower_left[x] >> shift) & colour))
        d = np.float32(np.int32((lower_right[x] >> shift) & colour))
        upper, lower = a + across[x] * (b - a), c + across[x] * (d - c)
        found[x] = upper + down[x] * (lower - upper)


@numba.njit(cache=True, fastmath=True, nogil=True)
def _brighten(
    found: np.ndarray, here: np.ndarray, count: int, skin: np.ndarray, shown: np.ndarray
) -> None:
    """Colours times their gains, paler where that makes skin lighter.

    Args:
        found: (3, n) float32 RGB.
        here: (6, n) float32, the fields at these px.
        count: how many px there are.
        skin: (3,) float32 RGB.
        shown: (3, n) uint8 to write into.
    """
    zero, one, half, most = np.float32(0), np.float32(1), np.float32(0.5), np.float32(255)
    of_r, of_g, of_b = np.float32(LIGHT[0]), np.float32(LIGHT[1]), np.float32(LIGHT[2])
    skin_light = max(of_r * skin[0] + of_g * skin[1] + of_b * skin[2], one)
    skin_r, skin_b = skin[0] / skin_light, skin[2] / skin_light
    red_as_green, blue_as_green = of_r / of_g, of_b / of_g
    found_r, found_g, found_b = found[0], found[1], found[2]
    gain_r, gain_g, gain_b, times = here[2], here[3], here[4], here[5]
    shown_r, shown_g, shown_b = shown[0], shown[1], shown[2]
    for x in range(count):
        r, g, b = found_r[x], found_g[x], found_b[x]
        to_r, to_g, to_b = r * gain_r[x], g * gain_g[x], b * gain_b[x]
        light = of_r * r + of_g * g + of_b * b
        lit = of_r * to_r + of_g * to_g + of_b * to_b
        share = one / max(light, one)
        # Never beyond the colour of the skin; of the same brightness.
        paler = max(min(times[x] * (lit - light), lit), zero)
        less_r = paler * max(r * share - skin_r, zero)
        more_b = paler * max(skin_b - b * share, zero)
        to_r -= less_r
        to_b += more_b
        to_g += red_as_green * less_r - blue_as_green * more_b
        shown_r[x] = np.uint8(np.int32(min(max(to_r + half, zero), most)))
        shown_g[x] = np.uint8(np.int32(min(max(to_g + half, zero), most)))
        shown_b[x] = np.uint8(np.int32(min(max(to_b + half, zero), most)))
