"""The eye layer: eyeballs that stay rigid in the head while lids and gaze move over them.

The mesh warp moves the skin and would drag the iris along with the lids. This layer lifts the
eyeball out of the portrait once (white of the eye with the iris taken out, iris completed where a
lid hid it, highlight, and what the lid margin lays over the eye: lashes and shadow) and puts it
together again in every frame. The iris circle is found with the integro-differential operator of
Daugman (PAMI 15(11), 1993). The lid margin is modelled as a ratio image (after Liu et al.,
"Expressive expression mapping with ratio images", SIGGRAPH 2001) that travels with the lids.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numba
import numpy as np

from openvasa.face.canonical import HeadTransform
from openvasa.face.latent import FaceLatent, FrameGeometry
from openvasa.face.topology import (
    LEFT_EYE,
    LEFT_IRIS,
    LEFT_LID_PAIRS,
    RIGHT_EYE,
    RIGHT_IRIS,
    RIGHT_LID_PAIRS,
)

MIN_OPENING = 2.5
"""Lid opening in px below which the portrait shows too little of an eye to lift it."""

ZOOM = 2
"""Texels per px of the crop: the bilinear sampling at paint time then keeps the eye sharp."""

ANGLES = 96
RADII = 24
POLAR_REACH = 1.3
"""Polar grid of the iris: angles, radii, and its outer edge in iris radii."""

IRIS_SOLID = 1.06
IRIS_END = 1.24
"""Iris radii between which the iris patch fades into the white of the eye."""

EYEBALL_IN_IRIS_RADII = 1.75
"""Distance of the limbus from the eyeball's centre (mean adult eye: 10.4 mm over 5.9 mm)."""

HIGHLIGHT_FOLLOW = 0.5
"""How far the corneal highlight goes along with the iris: the cornea's centre of curvature lies
about half-way between the eyeball's centre and the pupil."""

MARGIN_OUT = 1.5
MARGIN_STEP = 0.5
MARGIN_ROWS = 20
COLUMNS_PER_SEGMENT = 4
MARGIN_COLUMNS = 16 * COLUMNS_PER_SEGMENT
"""Grid of the lid margin: rows `MARGIN_STEP` px of depth apart, the first `MARGIN_OUT` px outside."""

FADE_FROM, FADE_TO = 0.28, 0.12
"""Opening over the portrait's own, between which a closing eye hands over to the lid skin."""


@dataclass(frozen=True)
class Eye:
    """One eyeball of the portrait; textures cover a box around the eye at `ZOOM` texels per px.

    Attributes:
        loop: (16,) int indices of the lid margin in the tracked points, outer corner first.
        lid_pairs: (6, 2) int (upper, lower) points of the lids.
        iris_index: tracked point at the centre of the iris.
        origin: (2,) float32 px of the crop under texel (0, 0).
        contour: (16, 2) float32 px, the lid margin in the portrait.
        tracked_iris: (2,) float32 px, the tracked iris centre in the portrait.
        iris: (3,) float32 px, centre and radius of the iris circle seen in the portrait.
        opening: px, mean distance of the lids in the portrait.
        head_scale: px per canonical unit in the portrait.
        sclera: (H, W, 3) float32, the eyeball without iris.
        iris_rgba: (H, W, 4) float32, iris without highlight, and its cover in 0–1.
        highlight: (H, W, 3) float32, light added by the reflection on the cornea.
        margin: (MARGIN_ROWS, MARGIN_COLUMNS + 1, 4) float32 by depth inside the lid margin and position
            along it: ratio (RGB) that lids and lashes multiply the eyeball by, and how far the
            eyeball covers what the warp brought there, in 0–1.
        lash: (3,) float32 RGB, colour of the line along closed lids.
    """

    loop: np.ndarray
    lid_pairs: np.ndarray
    iris_index: int
    origin: np.ndarray
    contour: np.ndarray
    tracked_iris: np.ndarray
    iris: np.ndarray
    opening: float
    head_scale: float
    sclera: np.ndarray
    iris_rgba: np.ndarray
    highlight: np.ndarray
    margin: np.ndarray
    lash: np.ndarray


@dataclass(frozen=True)
class EyeAppearance:
    """What the portrait's eyes look like.

    Attributes:
        eyes: the eyes open enough to be lifted (none, one or two).
        head: the portrait's own head transform.
    """

    eyes: tuple[Eye, ...]
    head: HeadTransform


@numba.njit(cache=True, fastmath=True)
def _margin_distance(contour: np.ndarray, x: float, y: float) -> tuple[float, int, float]:
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


@numba.njit(cache=True, fastmath=True)
def _distance_map(
    contour: np.ndarray, height: int, width: int, step: float
) -> tuple[np.ndarray, np.ndarray]:
    depth = np.empty((height, width), np.float32)
    along = np.empty((height, width), np.float32)
    for row in range(height):
        for column in range(width):
            d, segment, t = _margin_distance(contour, column * step, row * step)
            depth[row, column] = d
            along[row, column] = segment + t
    return depth, along


def _smoothstep(x: np.ndarray | float, low: float, high: float) -> np.ndarray:
    t = np.clip((np.asarray(x, np.float32) - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def _opening(points: np.ndarray, lid_pairs: np.ndarray) -> float:
    return float(np.linalg.norm(points[lid_pairs[:, 0]] - points[lid_pairs[:, 1]], axis=1).mean())


def _fill(values: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Extend (H, W, 3) values smoothly from where `weight` (H, W) is high to everywhere.

    Push-pull over an image pyramid (Gortler et al., "The Lumigraph", SIGGRAPH 1996).
    """
    height, width = weight.shape
    if min(height, width) < 3:
        total = (values * weight[..., None]).sum((0, 1)) / (weight.sum() + 1e-6)
        return np.broadcast_to(total, values.shape).astype(np.float32)
    half = ((width + 1) // 2, (height + 1) // 2)
    small_weight = cv2.resize(weight, half, interpolation=cv2.INTER_AREA)
    small = cv2.resize(values * weight[..., None], half, interpolation=cv2.INTER_AREA)
    small = small / (small_weight[..., None] + 1e-6)
    coarse = _fill(small, np.minimum(2 * small_weight, 1))
    wide = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return wide + weight[..., None] * (values - wide)


def _sample(image: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return cv2.remap(
        image,
        x.astype(np.float32),
        y.astype(np.float32),
        cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )


def _find_iris(luma: np.ndarray, depth: np.ndarray, guess: np.ndarray) -> np.ndarray:
    """(3,) iris circle near `guess` (x, y, radius), where dark gives way to bright outwards.

    Args:
        luma: (H, W) float32 brightness.
        depth: (H, W) float32 px inside the lid margin.
        guess: (3,) tracked circle in px of `luma`.
    """
    angle = np.arange(48) * (2 * np.pi / 48)
    # The upper and lower limbus mostly lies under lids and lashes: trust the sides.
    side = np.abs(np.cos(angle)) ** 0.5
    steps = np.linspace(-0.4, 0.4, 9)
    sizes = np.linspace(0.8, 1.5, 15)
    shift_x, shift_y, size = (a.ravel() for a in np.meshgrid(steps, steps, sizes))
    centre_x = guess[0] + shift_x * guess[2]
    centre_y = guess[1] + shift_y * guess[2]
    smooth = cv2.GaussianBlur(luma, (0, 0), max(0.08 * guess[2], 0.5))
    rings = []
    for factor in (0.88, 1.0, 1.12):
        radius = size * guess[2] * factor
        x = centre_x[:, None] + radius[:, None] * np.cos(angle)
        y = centre_y[:, None] + radius[:, None] * np.sin(angle)
        rings.append((_sample(smooth, x, y), _sample(depth, x, y)))
    weight = side * np.clip(rings[2][1] / 1.5, 0, 1)
    step = np.clip(rings[2][0] - rings[0][0], -20, 60)
    seen = weight.sum(axis=1)
    score = (step * weight).sum(axis=1) / (seen + 4.0)
    score -= 12 * (shift_x**2 + 1.5 * shift_y**2) + 6 * (size - 1) ** 2
    best = int(np.argmax(score))
    found = np.array([centre_x[best], centre_y[best], size[best] * guess[2]], np.float32)
    return found if score[best] > 2 else guess.astype(np.float32)


def _polar_grid(circle: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    angle = np.arange(ANGLES) * (2 * np.pi / ANGLES)
    radius = (np.arange(RADII) + 0.5) / RADII * POLAR_REACH * circle[2]
    x = circle[0] + radius[:, None] * np.cos(angle)
    y = circle[1] + radius[:, None] * np.sin(angle)
    return x, y


def _from_polar(polar: np.ndarray, circle: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Sample a (RADII, ANGLES, C) polar image at texels (x, y)."""
    dx, dy = x - circle[0], y - circle[1]
    angle = np.mod(np.arctan2(dy, dx), 2 * np.pi) * (ANGLES / (2 * np.pi))
    radius = np.hypot(dx, dy) / (POLAR_REACH * circle[2]) * RADII - 0.5
    wrapped = np.concatenate([polar, polar[:, :1]], axis=1)
    return _sample(wrapped, angle, np.clip(radius, 0, RADII - 1))


def _complete_polar(values: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Fill the hidden sectors of a (RADII, ANGLES, 3) iris from seen ones of the same radius."""
    tripled = np.tile(values, (1, 3, 1))
    weight = np.tile(seen, (1, 3))
    filled = np.zeros_like(tripled)
    known = np.zeros_like(weight)
    for across, around in ((0.5, 3.0), (0.6, 10.0), (0.8, 40.0), (4.0, 60.0)):
        soft = cv2.GaussianBlur(weight, (0, 0), around, sigmaY=across)
        mean = cv2.GaussianBlur(tripled * weight[..., None], (0, 0), around, sigmaY=across)
        share = (1 - known) * np.clip(soft / 0.1, 0, 1)
        filled += share[..., None] * mean / (soft[..., None] + 1e-6)
        known += share
    total = (values * seen[..., None]).sum((0, 1)) / (seen.sum() + 1e-6)
    filled += (1 - known)[..., None] * total
    middle = filled[:, ANGLES : 2 * ANGLES]
    return (seen[..., None] * values + (1 - seen[..., None]) * middle).astype(np.float32)


def _highlight_mask(polar: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """(RADII, ANGLES) float32 in 0–1: compact spots far brighter than their ring of the iris."""
    luma = polar.mean(axis=2)
    inner = np.arange(RADII) < RADII / POLAR_REACH * 0.92
    hidden = np.where(seen > 0.5, luma, np.nan)
    with np.errstate(all="ignore"):
        ring = np.array([np.nanmedian(r) if np.isfinite(r).any() else np.nan for r in hidden])
    known = np.isfinite(ring)
    if known.sum() < 3:
        return np.zeros_like(luma)
    ring = np.interp(np.arange(RADII), np.flatnonzero(known), ring[known])
    ring = np.minimum(ring, np.median(ring[inner]) * 1.5)
    bright = (luma > ring[:, None] + 30 + 0.2 * (255 - ring[:, None])) & inner[:, None]
    bright &= seen > 0.3
    area = ((np.arange(RADII) + 0.5) * bright.sum(axis=1)).sum()
    disc = ((np.arange(RADII) + 0.5) * inner).sum() * ANGLES
    if area > 0.25 * disc:
        return np.zeros_like(luma)
    wide = np.tile(bright.astype(np.float32), (1, 3))
    return cv2.GaussianBlur(cv2.dilate(wide, np.ones((5, 9))), (0, 0), 1.0)[:, ANGLES : 2 * ANGLES]


def _lift_margin(
    source: np.ndarray, eyeball: np.ndarray, depth: np.ndarray, along: np.ndarray
) -> np.ndarray:
    """What the lids lay over the eyeball, as `Eye.margin`.

    Args:
        source: (H, W, 3) the portrait.
        eyeball: (H, W, 3) the eye as it would look without lids.
        depth: (H, W) px inside the lid margin.
        along: (H, W) position along the lid margin, in segments.
    """
    row = np.round((depth + MARGIN_OUT) / MARGIN_STEP).astype(int)
    near = (row >= 0) & (row < MARGIN_ROWS)
    column = (along[near] * COLUMNS_PER_SEGMENT).astype(int) % MARGIN_COLUMNS
    cell = row[near] * MARGIN_COLUMNS + column
    sums = np.zeros((MARGIN_ROWS * MARGIN_COLUMNS, 7), np.float32)
    np.add.at(sums, cell, np.column_stack([source[near], eyeball[near], np.ones(len(cell))]))
    grid = sums.reshape(MARGIN_ROWS, MARGIN_COLUMNS, 7)
    wide = np.tile(grid, (1, 3, 1))
    wide = np.dstack([cv2.GaussianBlur(wide[..., k], (0, 0), 1.5, sigmaY=0.6) for k in range(7)])
    grid = wide[:, MARGIN_COLUMNS : 2 * MARGIN_COLUMNS]
    seen = grid[..., 6:]
    raw = (grid[..., :3] + 6 * seen + 1e-3) / (grid[..., 3:6] + 6 * seen + 1e-3)
    brighter = raw.mean(axis=2)
    ratio = np.clip(raw, 0.08, 1.1)
    rows = np.arange(MARGIN_ROWS)[:, None] * MARGIN_STEP - MARGIN_OUT
    covered = _smoothstep(rows, -1.2, 0.4) * (1 - _smoothstep(brighter, 1.1, 1.4))
    return np.dstack([ratio, covered]).astype(np.float32)


def _lift_eye(
    face: FaceLatent, loop: np.ndarray, iris: np.ndarray, lid_pairs: np.ndarray
) -> Eye | None:
    points = face.landmarks[:, :2]
    contour = points[loop]
    opening = _opening(points, lid_pairs)
    if opening < MIN_OPENING:
        return None
    guess = np.append(
        points[iris[0]], np.linalg.norm(points[iris[1:]] - points[iris[0]], axis=1).mean()
    )
    width = float(np.linalg.norm(contour[0] - contour[8]))
    low = np.floor(contour.min(axis=0) - 0.4 * width).astype(int)
    size = np.ceil(contour.max(axis=0) + 0.4 * width).astype(int) - low + 1
    grid_x, grid_y = np.meshgrid(
        np.arange(size[0] * ZOOM, dtype=np.float32), np.arange(size[1] * ZOOM, dtype=np.float32)
    )
    origin = low.astype(np.float32)
    source = cv2.remap(
        face.image,
        grid_x / ZOOM + origin[0],
        grid_y / ZOOM + origin[1],
        cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    ).astype(np.float32)
    depth, along = _distance_map(
        (contour - origin).astype(np.float64), *source.shape[:2], 1 / ZOOM
    )
    luma = source.mean(axis=2)

    texel_guess = np.append((guess[:2] - origin) * ZOOM, guess[2] * ZOOM)
    circle = _find_iris(luma, depth, texel_guess)
    from_iris = np.hypot(grid_x - circle[0], grid_y - circle[1]) / circle[2]
    # The upper lid carries lashes and throws a shadow, so its margin reaches deeper.
    upper = _smoothstep(np.minimum(along, np.abs(8 - along)) * (along < 8), 0, 1.5)
    band = np.clip(opening * (0.1 + 0.12 * upper), 1.0, 5.0)
    inside = _smoothstep(depth / band, 0.5, 1.2)

    polar_x, polar_y = _polar_grid(circle)
    polar = _sample(source, polar_x, polar_y)
    polar_seen = _sample(inside, polar_x, polar_y)
    spot = _highlight_mask(polar, polar_seen)
    without_spot = _complete_polar(polar, polar_seen * (1 - spot))
    plain_iris = _from_polar(without_spot, circle, grid_x, grid_y)
    spot_texels = _from_polar(spot, circle, grid_x, grid_y) * (from_iris < POLAR_REACH)
    keep = (inside * (1 - spot_texels))[..., None]
    iris_rgb = keep * source + (1 - keep) * plain_iris
    highlight = np.maximum(source - iris_rgb, 0) * (spot_texels * inside)[..., None]

    white = inside * _smoothstep(from_iris, IRIS_SOLID, IRIS_END)
    # Lashes and painted outlines inside the opening are no sample of the white of the eye.
    if white.sum() > 8 * ZOOM**2:
        bright = np.median(luma[white > 0.5]) if (white > 0.5).any() else luma.max()
        clean = white * _smoothstep(luma, 0.45 * bright, 0.8 * bright)
    else:
        clean = inside * _smoothstep(luma, *np.percentile(luma[depth > 0], [70, 95]))
    filled = _fill(source, clean.astype(np.float32))
    filled = cv2.GaussianBlur(filled, (0, 0), ZOOM)
    sclera = white[..., None] * source + (1 - white[..., None]) * filled
    cover = 1 - _smoothstep(from_iris, IRIS_SOLID, IRIS_END)

    eyeball = sclera + cover[..., None] * (iris_rgb - sclera) + highlight
    margin = _lift_margin(source, eyeball, depth, along)

    rim = (depth > -1.5) & (depth < 1.5) & (grid_y < (contour[[0, 8], 1].max() - origin[1]) * ZOOM)
    dark = luma[rim]
    lash = source[rim][dark <= np.percentile(dark, 30)].mean(axis=0)
    return Eye(
        loop=loop,
        lid_pairs=lid_pairs,
        iris_index=int(iris[0]),
        origin=origin,
        contour=contour.astype(np.float32),
        tracked_iris=points[iris[0]].astype(np.float32),
        iris=np.append(circle[:2] / ZOOM + origin, circle[2] / ZOOM).astype(np.float32),
        opening=opening,
        head_scale=face.head.scale,
        sclera=np.ascontiguousarray(sclera, np.float32),
        iris_rgba=np.dstack([iris_rgb, cover]).astype(np.float32),
        highlight=np.ascontiguousarray(highlight, np.float32),
        margin=np.concatenate([margin, margin[:, :1]], axis=1),
        lash=lash.astype(np.float32),
    )


def prepare_eyes(face: FaceLatent) -> EyeAppearance:
    """Lift both eyeballs out of the portrait; an eye open less than `MIN_OPENING` px is left out.

    Args:
        face: the portrait.
    """
    lifted = (
        _lift_eye(face, RIGHT_EYE, RIGHT_IRIS, RIGHT_LID_PAIRS),
        _lift_eye(face, LEFT_EYE, LEFT_IRIS, LEFT_LID_PAIRS),
    )
    return EyeAppearance(tuple(eye for eye in lifted if eye is not None), face.head)


@numba.njit(cache=True, fastmath=True)
def _texel(texture: np.ndarray, x: float, y: float, out: np.ndarray) -> None:
    """Bilinear sample of a (H, W, C) texture into out[:C], clamped at the border."""
    height, width, channels = texture.shape
    x = min(max(x, 0.0), width - 1.001)
    y = min(max(y, 0.0), height - 1.001)
    column, row = int(x), int(y)
    fx, fy = x - column, y - row
    a, b = (1 - fx) * (1 - fy), fx * (1 - fy)
    c, d = (1 - fx) * fy, fx * fy
    for k in range(channels):
        out[k] = (
            a * texture[row, column, k]
            + b * texture[row, column + 1, k]
            + c * texture[row + 1, column, k]
            + d * texture[row + 1, column + 1, k]
        )


@numba.njit(cache=True, fastmath=True)
def _paint(
    frame, lids, to_eye, to_iris, to_spot, sclera, iris_rgba, highlight, margin, scale, fade
):
    """Put one eyeball together inside the lids of the frame.

    `to_eye`, `to_iris`, `to_spot` are (2, 3) affines from px of the frame to texels; `lids` is the
    lid margin in px of the frame and `scale` the head's size there over that in the portrait.
    """
    left = max(int(lids[:, 0].min() - MARGIN_OUT), 0)
    right = min(int(lids[:, 0].max() + MARGIN_OUT) + 2, frame.shape[1])
    top = max(int(lids[:, 1].min() - MARGIN_OUT), 0)
    bottom = min(int(lids[:, 1].max() + MARGIN_OUT) + 2, frame.shape[0])
    white = np.empty(3, np.float32)
    ring = np.empty(4, np.float32)
    light = np.empty(3, np.float32)
    rim = np.empty(4, np.float32)
    for y in range(top, bottom):
        for x in range(left, right):
            depth, segment, along = _margin_distance(lids, x, y)
            if depth < -MARGIN_OUT:
                continue
            column = (segment + along) * COLUMNS_PER_SEGMENT - 0.5
            if column < 0:
                column += MARGIN_COLUMNS
            _texel(margin, column, (depth / scale + MARGIN_OUT) / MARGIN_STEP, rim)
            alpha = rim[3] * fade
            if alpha < 0.004:
                continue
            _texel(
                sclera,
                to_eye[0, 0] * x + to_eye[0, 1] * y + to_eye[0, 2],
                to_eye[1, 0] * x + to_eye[1, 1] * y + to_eye[1, 2],
                white,
            )
            _texel(
                iris_rgba,
                to_iris[0, 0] * x + to_iris[0, 1] * y + to_iris[0, 2],
                to_iris[1, 0] * x + to_iris[1, 1] * y + to_iris[1, 2],
                ring,
            )
            _texel(
                highlight,
                to_spot[0, 0] * x + to_spot[0, 1] * y + to_spot[0, 2],
                to_spot[1, 0] * x + to_spot[1, 1] * y + to_spot[1, 2],
                light,
            )
            for k in range(3):
                value = white[k] + ring[3] * (ring[k] - white[k]) + light[k]
                value = min(max(value * rim[k], 0.0), 255.0)
                old = frame[y, x, k]
                frame[y, x, k] = np.uint8(old + alpha * (value - old) + 0.5)


def _linear_part(portrait: HeadTransform, frame: HeadTransform) -> np.ndarray:
    """(2, 2) how the head's motion moves the plane of the face, portrait px to frame px."""
    own = portrait.scale * portrait.rotation[:2, :2]
    return frame.scale * frame.rotation[:2, :2] @ np.linalg.inv(own)


def _inverse_affine(linear: np.ndarray, source: np.ndarray, target: np.ndarray, origin: np.ndarray):
    """(2, 3) affine from frame px to texels, undoing `target + linear @ (source px - source)`."""
    inverse = np.linalg.inv(linear)
    return np.column_stack([inverse, source - origin - inverse @ target]) * ZOOM


def _paint_eye(frame: np.ndarray, geometry: FrameGeometry, eye: Eye, head: HeadTransform) -> None:
    points = geometry.landmarks[:, :2].astype(np.float64)
    lids = points[eye.loop]
    zoom_by = geometry.head.scale / eye.head_scale
    opening = _opening(points, eye.lid_pairs) / (eye.opening * zoom_by)
    fade = float(_smoothstep(opening, FADE_TO, FADE_FROM))
    if fade <= 0:
        return
    linear = _linear_part(head, geometry.head)
    corners = eye.contour[[0, 8]].astype(np.float64)
    own_middle, middle = corners.mean(axis=0), lids[[0, 8]].mean(axis=0)

    tracked_rest = middle + linear @ (eye.tracked_iris - own_middle)
    shift = points[eye.iris_index] - tracked_rest
    rest = middle + linear @ (eye.iris[:2] - own_middle)
    to_eye = _inverse_affine(linear, own_middle, middle, eye.origin)
    to_iris = _inverse_affine(linear, eye.iris[:2], rest + shift, eye.origin)
    to_spot = _inverse_affine(linear, eye.iris[:2], rest + HIGHLIGHT_FOLLOW * shift, eye.origin)
    _paint(
        frame,
        lids,
        to_eye,
        to_iris,
        to_spot,
        eye.sclera,
        eye.iris_rgba,
        eye.highlight,
        eye.margin,
        zoom_by,
        fade,
    )


def paint_eyes(frame: np.ndarray, geometry: FrameGeometry, eyes: EyeAppearance) -> None:
    """Paint the eyeballs inside the lids of a warped portrait, in place.

    Args:
        frame: (512, 512, 3) uint8 RGB, the portrait warped to `geometry`.
        geometry: where the tracked points are in this frame.
        eyes: what `prepare_eyes` lifted out of the same portrait.
    """
    for eye in eyes.eyes:
        _paint_eye(frame, geometry, eye, eyes.head)
