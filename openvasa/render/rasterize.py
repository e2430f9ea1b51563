"""Z-buffered rasterisation of a moved mesh into a backward map: which source px each px shows."""

from __future__ import annotations

import numba
import numpy as np

UNCOVERED = np.float32(-1e4)
"""Map value of px that no triangle covers."""


@numba.njit(cache=True, fastmath=True, nogil=True)
def rasterize(
    corners: np.ndarray,
    sources: np.ndarray,
    triangles: np.ndarray,
    depth: np.ndarray,
    map_x: np.ndarray,
    map_y: np.ndarray,
    window: tuple[int, int, int, int],
) -> None:
    """Draw triangles into `depth`, `map_x` and `map_y` in place; the nearest wins.

    The planes hold the window alone: their first px is the window's left and top.

    Args:
        corners: (V, 3) float32 px of the frame; z away from the camera.
        sources: (V, 2) float32 px of the source picture.
        triangles: (T, 3) int32.
        depth: (h, w) float32.
        map_x: (h, w) float32 source column of each px, `UNCOVERED` where there is none.
        map_y: (h, w) float32 source row.
        window: left, top, right, bottom of the px of the frame to draw.
    """
    left, upper, right, lower = window
    depth[:] = np.float32(1e9)
    map_x[:] = UNCOVERED
    map_y[:] = UNCOVERED
    # Neighbouring triangles overlap by this much, so that rounding leaves no gaps between them.
    slack, flat = np.float32(1e-3), np.float32(1e-9)
    slopes, rises = np.empty(3, np.float32), np.empty(3, np.float32)
    for t in range(triangles.shape[0]):
        a, b, c = triangles[t, 0], triangles[t, 1], triangles[t, 2]
        ay, by, cy = corners[a, 1], corners[b, 1], corners[c, 1]
        first = max(upper, int(np.ceil(min(ay, by, cy) - slack)))
        last = min(lower - 1, int(np.floor(max(ay, by, cy) + slack)))
        if first > last:
            continue
        ax = corners[a, 0]
        bx, cx = corners[b, 0] - ax, corners[c, 0] - ax
        by, cy = by - ay, cy - ay
        area = bx * cy - by * cx
        if abs(area) < np.float32(1e-6):
            continue
        inverse = np.float32(1) / area
        # Barycentric weights of b and c: affine in (x, y) relative to a.
        bdx, bdy = cy * inverse, -cx * inverse
        cdx, cdy = -by * inverse, bx * inverse
        zb, zc = corners[b, 2] - corners[a, 2], corners[c, 2] - corners[a, 2]
        ub, uc = sources[b, 0] - sources[a, 0], sources[c, 0] - sources[a, 0]
        vb, vc = sources[b, 1] - sources[a, 1], sources[c, 1] - sources[a, 1]
        zx, zy = zb * bdx + zc * cdx, zb * bdy + zc * cdy
        ux, uy = ub * bdx + uc * cdx, ub * bdy + uc * cdy
        vx, vy = vb * bdx + vc * cdx, vb * bdy + vc * cdy
        slopes[0], slopes[1], slopes[2] = bdx, cdx, -bdx - cdx
        rises[0], rises[1], rises[2] = bdy, cdy, -bdy - cdy
        for y in range(first, last + 1):
            dy = np.float32(y) - ay
            low, high = np.float32(-1e9), np.float32(1e9)
            for edge in range(3):
                slope = slopes[edge]
                offset = rises[edge] * dy + np.float32(1 if edge == 2 else 0)
                if slope > flat:
                    low = max(low, -offset / slope)
                elif slope < -flat:
                    high = min(high, -offset / slope)
                elif offset < 0:
                    high = np.float32(-1e9)
            start = max(left, int(np.ceil(low + ax - slack)))
            stop = min(right - 1, int(np.floor(high + ax + slack))) + 1
            if start >= stop:
                continue
            dx = np.float32(start) - ax
            z0 = corners[a, 2] + zy * dy + zx * dx
            u0 = sources[a, 0] + uy * dy + ux * dx
            v0 = sources[a, 1] + vy * dy + vx * dx
            nearest = depth[y - upper, start - left : stop - left]
            row_x = map_x[y - upper, start - left : stop - left]
            row_y = map_y[y - upper, start - left : stop - left]
            # Every px is written, changed or not: the compiler makes vector instructions of that.
            for i in range(stop - start):
                step = np.float32(np.int32(i))
                z = z0 + zx * step
                near = z < nearest[i]
                nearest[i] = z if near else nearest[i]
                row_x[i] = u0 + ux * step if near else row_x[i]
                row_y[i] = v0 + vx * step if near else row_y[i]


@numba.njit(cache=True, nogil=True)
def moving_window(
    corners: np.ndarray,
    rest: np.ndarray,
    triangles: np.ndarray,
    still: float,
    size: tuple[int, int],
) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of the px that any moving triangle covers or has left.

    Args:
        corners: (V, 3) float32 px of the frame.
        rest: (V, 2) float32 px, where the points rest.
        triangles: (T, 3) int32.
        still: px by which a point may move and still count as resting.
        size: width and height of the frame.
    """
    left, top, right, bottom = np.inf, np.inf, -np.inf, -np.inf
    for t in range(triangles.shape[0]):
        moves = False
        for k in range(3):
            i = triangles[t, k]
            moves |= abs(corners[i, 0] - rest[i, 0]) > still
            moves |= abs(corners[i, 1] - rest[i, 1]) > still
        if not moves:
            continue
        for k in range(3):
            i = triangles[t, k]
            left = min(left, min(corners[i, 0], rest[i, 0]))
            right = max(right, max(corners[i, 0], rest[i, 0]))
            top = min(top, min(corners[i, 1], rest[i, 1]))
            bottom = max(bottom, max(corners[i, 1], rest[i, 1]))
    if left > right:
        return 0, 0, 0, 0
    width, height = size
    return (
        min(max(int(np.floor(left)) - 1, 0), width),
        min(max(int(np.floor(top)) - 1, 0), height),
        min(max(int(np.ceil(right)) + 2, 0), width),
        min(max(int(np.ceil(bottom)) + 2, 0), height),
    )
