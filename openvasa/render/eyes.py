"""The eye layer: eyeballs that stay rigid in the head while lids and gaze move over them.

The mesh warp moves the skin and would drag the iris along with the lids. This layer lifts the
eyeball out of the portrait once (white of the eye with the iris taken out, iris completed where a
lid hid it, highlight, and what the lid margin lays over the eye: lashes and shadow) and puts it
together again in every frame. The iris circle is found with the integro-differential operator of
Daugman (PAMI 15(11), 1993). The lid margin is modelled as a ratio image (after Liu et al.,
"Expressive expression mapping with ratio images", SIGGRAPH 2001) that travels with the lids.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numba
import numpy as np

from openvasa.face.canonical import HeadTransform
from openvasa.face.dynamics import dynamics_code
from openvasa.face.latent import FaceLatent, FrameGeometry
from openvasa.face.topology import (
    LEFT_EYE,
    LEFT_IRIS,
    RIGHT_EYE,
    RIGHT_IRIS,
)

MIN_OPENING = 2.5
"""Lid opening in px below which the portrait shows too little of an eye to lift it."""

ZOOM = 2
"""Texels per px of the crop: the bilinear sampling at paint time then keeps the eye sharp."""

ANGLES = 96
RADII = 24
POLAR_REACH = 1.3
"""Polar grid of the iris: angles, radii, and its outer edge in iris radii."""

COVER_FROM, COVER_TO = 1.0, 1.14
"""Iris radii between which the iris fades into the white of the eye."""

WHITE_FROM, WHITE_TO = 1.1, 1.3
"""Iris radii between which the portrait's own pixels start to count as white of the eye."""

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
"""Grid of the lid margin: rows `MARGIN_STEP` px of depth apart, from `MARGIN_OUT` px outside."""

CLOSE_FROM, CLOSE_TO = 0.34, 0.12
"""Opening over the portrait's own, between which the lids are drawn together: trackers leave a
slit open in a real blink."""

LID_FROM, LID_TO = 0.7, 0.3
"""Opening over the portrait's own, between which lid skin takes over from the stretched warp."""

FULL_CLOSING = 0.45, 0.9
"""Closing over a mean eye's opening, between which a larger eye starts to close by its own size."""

UPPER_LID_SHARE = 0.85
"""Part of the way to the closed eye that the upper lid goes."""

PER_KNOT = 4
LID_COLUMNS = 8 * PER_KNOT + 1
"""Columns of the lid skin from the outer to the inner corner, so many from one tracked point of the
lid to the next."""

SKIN_FROM = 0.4
"""Part of the way from the lid's margin to its fold from which the stretched warp may show: below,
it is lashes drawn long."""

LASH_DARK, OUTLINE_DARK, LASHES_END = 0.75, 0.45, 1.2
"""Brightness over the skin's that tells lashes above the lid's margin, the same of painted outlines
and dense lashes, and how far they may go, in the way from the margin to the fold."""

SKIN_BEYOND, SKIN_TO = 0.6, 1.8
"""Between these is the skin that lids are covered with, in the same way: beyond most lashes, and
below the brow."""

SKIN_FADE = 0.25
"""Part of that way beyond lashes over which the skin laid there gives way to the warp."""

LASH_WIDTH = 0.026
"""Half width of the lash line of closed lids, in widths of the eye."""

CORNER_SHADE = 0.4
"""How much darker the unseen white of the eye gets towards the corners, where lids shade it."""

UPPER_SHADE, LOWER_SHADE = 0.6, 0.85
"""What the lids leave of the light at their margin, where the portrait cannot tell."""

MIN_CONTRAST = 8.0
"""Grey levels between iris and white, below which no iris is taken to be there."""

HANDOVER = 0.2, 1.3
"""Px of the portrait that iris or lids move, over which the eyeball takes over from the warp, whose
pixels are the portrait's own as long as nothing moves inside the eye."""

FREED = 0.8, 3.5
"""Px of the same, over which the lid margin goes from the portrait's own look to one that no longer
holds any of the iris that lay beside it there."""


@dataclass(frozen=True)
class EyePoints:
    """Tracked points of one eye.

    Attributes:
        loop: (16,) lid margin: outer corner, upper lid, inner corner, lower lid.
        fold: (9,) the upper lid's fold from the outer to the inner corner, above `loop[:9]`.
        iris: (5,) centre and limbus.
    """

    loop: np.ndarray
    fold: np.ndarray
    iris: np.ndarray


RIGHT = EyePoints(RIGHT_EYE, np.array([33, 247, 30, 29, 27, 28, 56, 190, 133]), RIGHT_IRIS)
LEFT = EyePoints(LEFT_EYE, np.array([263, 467, 260, 259, 257, 258, 286, 414, 362]), LEFT_IRIS)


@dataclass(frozen=True)
class Eye:
    """One eyeball of the portrait; textures cover a box around the eye at `ZOOM` texels per px.

    Attributes:
        points: which tracked points are this eye's.
        origin: (2,) float32 px of the crop under texel (0, 0).
        contour: (16, 2) float32 px, the lid margin in the portrait.
        tracked_iris: (2,) float32 px, the tracked iris centre in the portrait.
        iris: (3,) float32 px, centre and radius of the iris circle seen in the portrait.
        opening: px, mean distance of the lids in the portrait.
        head_scale: px per canonical unit in the portrait.
        sclera: (H, W, 3) float32, the eyeball without iris.
        iris_rgba: (H, W, 4) float32, iris without highlight, and its cover in 0–1.
        highlight: (H, W, 3) float32, light added by the reflection on the cornea.
        margin: (MARGIN_ROWS, MARGIN_COLUMNS + 1, 7) float32 by depth inside the lid margin and
            position along it: ratio (RGB) that lids and lashes multiply the eyeball by, how far
            the eyeball covers what the warp brought there (0–1), and the ratio (RGB) exactly as
            the portrait shows it, traces of its iris included.
        lid_skin: (LID_COLUMNS, 3) float32 RGB, skin of the upper lid along its length.
        lash: (3,) float32 RGB, colour of the line along closed lids.
        lash_reach: (9,) float32, how far lashes go above the upper lid's margin in the portrait, in
            the way from there to the fold.
        outline_reach: (9,) float32, the same of painted outlines and dense lashes.
    """

    points: EyePoints
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
    lid_skin: np.ndarray
    lash: np.ndarray
    lash_reach: np.ndarray
    outline_reach: np.ndarray


@dataclass(frozen=True)
class EyeAppearance:
    """What the portrait's eyes look like.

    Attributes:
        eyes: the eyes open enough to be lifted (none, one or two).
        head: the portrait's own head transform.
    """

    eyes: tuple[Eye, ...]
    head: HeadTransform


@numba.njit(cache=True, fastmath=True, nogil=True)
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


@numba.njit(cache=True, fastmath=True, nogil=True)
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
    """0 at `low`, 1 at `high` (which may be the smaller), smooth between."""
    t = np.clip((np.asarray(x, np.float32) - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def _lower_lid(lids: np.ndarray) -> np.ndarray:
    """(9, 2) points of the lower lid below the upper lid's `lids[:9]`, corners included."""
    return lids[(16 - np.arange(9)) % 16]


def _down(lids: np.ndarray) -> np.ndarray:
    """(2,) unit vector across the opening, from the upper lid to the lower."""
    along = lids[8] - lids[0]
    across = np.array([-along[1], along[0]]) / (np.linalg.norm(along) + 1e-9)
    # The outer corner lies left of the inner one in one eye, right of it in the other.
    return across if _turns_clockwise(lids) else -across


def _turns_clockwise(lids: np.ndarray) -> bool:
    """Whether the eye's loop of points runs clockwise in the picture: its outer corner is left."""
    return bool(lids[0, 0] < lids[8, 0])


def _opening(lids: np.ndarray) -> float:
    """Mean distance of the lids of a (16, 2) loop in px; < 0 where they cross."""
    return float(((_lower_lid(lids) - lids[:9])[1:8] @ _down(lids)).mean())


def _crossing(lids: np.ndarray) -> np.ndarray:
    """(9, 2) how far, and which way, the upper lid's points have to go back to the lower lid."""
    down = _down(lids)
    return np.minimum((_lower_lid(lids) - lids[:9]) @ down, 0)[:, None] * down


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


def _find_iris(
    luma: np.ndarray, depth: np.ndarray, guess: np.ndarray, sizes: np.ndarray
) -> tuple[np.ndarray, float]:
    """Iris circle near the tracked one, where dark gives way to bright outwards on both sides.

    Args:
        luma: (H, W) float32 brightness.
        depth: (H, W) float32 px inside the lid margin.
        guess: (3,) tracked centre and radius in px of `luma`.
        sizes: radii to try, in tracked radii.

    Returns:
        (3,) float32 centre and radius, and the contrast of the weaker side (grey levels).
    """
    # The upper and lower limbus mostly lies under lids and lashes: trust the sides.
    angle = np.concatenate([np.linspace(-1.0, 1.0, 15), np.pi + np.linspace(-1.0, 1.0, 15)])
    steps = np.linspace(-0.4, 0.4, 9)
    shift_x, shift_y, size = (a.ravel() for a in np.meshgrid(steps, steps, sizes))
    centre_x = guess[0] + shift_x * guess[2]
    centre_y = guess[1] + shift_y * guess[2]
    smooth = cv2.GaussianBlur(luma, (0, 0), max(0.08 * guess[2], 0.5))

    def ring(image: np.ndarray, factor: float) -> np.ndarray:
        radius = (size * guess[2] * factor)[:, None]
        x = centre_x[:, None] + radius * np.cos(angle)
        return _sample(image, x, centre_y[:, None] + radius * np.sin(angle)).reshape(-1, 2, 15)

    weight = np.clip(ring(depth, 1.08) / 1.5, 0, 1)
    step = np.clip(ring(smooth, 1.12) - ring(smooth, 0.88), -20, 60)
    sides = (step * weight).sum(axis=2) / (weight.sum(axis=2) + 2.0)
    contrast = sides.min(axis=1)
    score = 0.7 * contrast + 0.3 * sides.mean(axis=1)
    score -= 50 * (shift_x**2 + shift_y**2) + 10 * (size - 1.1) ** 2
    best = int(np.argmax(score))
    found = np.array([centre_x[best], centre_y[best], size[best] * guess[2]], np.float32)
    return found, float(contrast[best])


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
    """Fill the hidden sectors of a (RADII, ANGLES, 3) iris from seen ones of the same radius.

    First choice is the sector's mirror image below or above, then its neighbours on the ring.
    """
    own = seen[..., None]
    flipped = np.roll(values[:, ::-1], 1, axis=1)
    flipped_seen = np.roll(seen[:, ::-1], 1, axis=1)[..., None]
    borrowed = (1 - own) * flipped_seen
    values = (own * values + borrowed * flipped) / (own + borrowed + 1e-6)
    seen = (own + borrowed)[..., 0]
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
    if area > 0.12 * disc:
        return np.zeros_like(luma)
    wide = np.tile(bright.astype(np.float32), (1, 3))
    return cv2.GaussianBlur(cv2.dilate(wide, np.ones((5, 9))), (0, 0), 1.0)[:, ANGLES : 2 * ANGLES]


def _along_margin(sums: np.ndarray, spread: float) -> np.ndarray:
    """Blur a (MARGIN_ROWS, MARGIN_COLUMNS, C) grid, mostly along the closed lid margin."""
    wide = np.tile(sums, (1, 3, 1))
    layers = [
        cv2.GaussianBlur(wide[..., k], (0, 0), spread, sigmaY=0.6) for k in range(sums.shape[2])
    ]
    return np.dstack(layers)[:, MARGIN_COLUMNS : 2 * MARGIN_COLUMNS]


def _lift_margin(view: _EyeView, eyeball: np.ndarray, from_iris: np.ndarray) -> np.ndarray:
    """What the lids lay over the eyeball, as `Eye.margin`.

    Args:
        view: the eye in the portrait.
        eyeball: (H, W, 3) the eye as it would look without lids.
        from_iris: (H, W) distance from the centre of the iris, in iris radii.
    """
    row = np.round((view.depth + MARGIN_OUT) / MARGIN_STEP).astype(int)
    near = (row >= 0) & (row < MARGIN_ROWS)
    column = (view.along[near] * COLUMNS_PER_SEGMENT).astype(int) % MARGIN_COLUMNS
    cell = row[near] * MARGIN_COLUMNS + column
    both = np.column_stack([view.source[near] + 6, eyeball[near] + 6])
    # Over a dark iris a shadow hardly tells from the iris itself: ask the white beside it.
    trust = 0.02 + _smoothstep(from_iris[near], 1.15, 1.4)[:, None]
    band, ones = view.band[near][:, None], np.ones_like(trust)
    sums = np.zeros((MARGIN_ROWS * MARGIN_COLUMNS, 14), np.float32)
    np.add.at(sums, cell, np.hstack([both * trust, both, band, ones]))
    sums = sums.reshape(MARGIN_ROWS, MARGIN_COLUMNS, 14)
    fine, broad = _along_margin(sums, 1.5), _along_margin(sums, 6.0)
    known = fine + 0.01 * broad + 1e-4
    brighter = known[..., 6:9].sum(axis=2) / known[..., 9:12].sum(axis=2)
    depth = np.arange(MARGIN_ROWS)[:, None] * MARGIN_STEP - MARGIN_OUT
    below_upper_lid = np.arange(MARGIN_COLUMNS) < MARGIN_COLUMNS // 2
    shade = np.where(below_upper_lid, UPPER_SHADE, LOWER_SHADE)
    shade = shade + (1 - shade) * _smoothstep(depth / (known[..., 12] / known[..., 13]), 0, 1.6)
    trusted = fine[..., :6] + 0.1 * broad[..., :6] + 1e-3
    trusted[..., :3] += 0.06 * shade[..., None] * known[..., 9:12]
    trusted[..., 3:] += 0.06 * known[..., 9:12]
    ratio = np.clip(trusted[..., :3] / trusted[..., 3:], 0.08, 1.2)
    covered = _smoothstep(depth, -1.1, 0.8) * (1 - _smoothstep(brighter, 1.2, 1.5))
    own_ratio = np.clip(known[..., 6:9] / known[..., 9:12], 0.05, 1.6)
    margin = np.dstack([ratio, covered, own_ratio]).astype(np.float32)
    return np.concatenate([margin, margin[:, :1]], axis=1)


@dataclass(frozen=True)
class _EyeView:
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
    """

    source: np.ndarray
    origin: np.ndarray
    depth: np.ndarray
    along: np.ndarray
    band: np.ndarray
    opening: float
    corners: np.ndarray
    tracked: np.ndarray

    @property
    def luma(self) -> np.ndarray:
        return self.source.mean(axis=2)


def _view_eye(face: FaceLatent, part: EyePoints) -> _EyeView:
    points = face.landmarks[:, :2]
    contour, iris = points[part.loop], points[part.iris]
    width = float(np.linalg.norm(contour[0] - contour[8]))
    low = np.floor(contour.min(axis=0) - 0.4 * width).astype(int)
    size = np.ceil(contour.max(axis=0) + 0.4 * width).astype(int) - low + 1
    origin = low.astype(np.float32)
    grid_x, grid_y = _texel_grid(size[1] * ZOOM, size[0] * ZOOM)
    source = cv2.remap(
        face.image,
        grid_x / ZOOM + origin[0],
        grid_y / ZOOM + origin[1],
        cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    ).astype(np.float32)
    depth, along = _distance_map(
        (contour - origin).astype(np.float64), source.shape[0], source.shape[1], 1 / ZOOM
    )
    opening = _opening(contour)
    # The upper lid carries lashes and throws a shadow, so its margin reaches deeper.
    upper = _smoothstep(np.minimum(along, np.abs(8 - along)) * (along < 8), 0, 1.5)
    band = np.clip(opening * (0.13 + 0.15 * upper), 1.2, 5.0)
    radius = np.linalg.norm(iris[1:] - iris[0], axis=1).mean()
    tracked = np.append(iris[0] - origin, radius) * ZOOM
    return _EyeView(source, origin, depth, along, band, opening, contour[[0, 8]], tracked)


def _texel_grid(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return x, y


def _find_irises(views: list[_EyeView]) -> list[np.ndarray] | None:
    """(3,) iris circle of each view, in texels; None where no iris stands out.

    Both irises of a face are the same size, so the one that shows better decides for both.
    """
    found = [_find_iris(v.luma, v.depth, v.tracked, np.linspace(0.8, 1.5, 15)) for v in views]
    circle, contrast = max(found, key=lambda f: f[1])
    if contrast < MIN_CONTRAST:
        return None
    best = next(v for v, f in zip(views, found, strict=True) if f[0] is circle)
    size = circle[2] / best.tracked[2]
    near = size * np.linspace(0.94, 1.06, 5)
    return [_find_iris(v.luma, v.depth, v.tracked, near)[0] for v in views]


def _lift_iris(
    view: _EyeView, circle: np.ndarray, visible: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The whole iris without its highlight, and the highlight alone, both (H, W, 3) float32."""
    grid_x, grid_y = _texel_grid(*visible.shape)
    clear = _smoothstep(view.depth / view.band, 0.6, 1.8)
    polar_x, polar_y = _polar_grid(circle)
    polar = _sample(view.source, polar_x, polar_y)
    spot = _highlight_mask(polar, _sample(visible, polar_x, polar_y))
    whole = _complete_polar(polar, _sample(clear, polar_x, polar_y) * (1 - spot))
    completed = _from_polar(whole, circle, grid_x, grid_y)
    reach = np.hypot(grid_x - circle[0], grid_y - circle[1]) < POLAR_REACH * circle[2]
    spot = _from_polar(spot, circle, grid_x, grid_y) * reach
    keep = (clear * (1 - spot))[..., None]
    iris = keep * view.source + (1 - keep) * completed
    highlight = np.maximum(view.source - iris, 0) * (spot * visible)[..., None]
    return iris, highlight


def _corner_distance(view: _EyeView) -> np.ndarray:
    """(H, W) float32 distance to the nearer corner of the eye, in halves of the eye's width."""
    grid_x, grid_y = _texel_grid(*view.depth.shape)
    a, b = (view.corners - view.origin) * ZOOM
    half = np.linalg.norm(b - a) / 2
    near_a = np.hypot(grid_x - a[0], grid_y - a[1])
    return np.minimum(near_a, np.hypot(grid_x - b[0], grid_y - b[1])) / half


def _lift_sclera(view: _EyeView, white: np.ndarray, visible: np.ndarray) -> np.ndarray:
    """(H, W, 3) float32 white of the eye, continued below the iris and the lids.

    Args:
        view: the eye in the portrait.
        white: (H, W) where it shows the white of the eye, 0–1.
        visible: (H, W) where it shows the eyeball, 0–1.
    """
    luma = view.luma
    if (white > 0.5).sum() > 2 * ZOOM**2:
        bright = np.median(luma[white > 0.5])
        # Lashes and painted outlines inside the opening are no sample of the white of the eye.
        sample = white * _smoothstep(luma, 0.45 * bright, 0.8 * bright)
    else:
        sample = visible * _smoothstep(luma, *np.percentile(luma[view.depth > 0], [70, 95]))
    filled = cv2.GaussianBlur(_fill(view.source, sample.astype(np.float32)), (0, 0), ZOOM)
    filled *= 1 - CORNER_SHADE * _smoothstep(_corner_distance(view), 0.5, 0.0)[..., None]
    return white[..., None] * view.source + (1 - white[..., None]) * filled


def _lash_colour(view: _EyeView) -> np.ndarray:
    """(3,) float32 RGB of the darkest part of the upper lid margin."""
    rim = (np.abs(view.depth) < 1.5) & (view.along > 1) & (view.along < 7)
    luma = view.luma[rim]
    return view.source[rim][luma <= np.percentile(luma, 30)].mean(axis=0)


def _above_lid(face: FaceLatent, part: EyePoints, reach: np.ndarray) -> np.ndarray:
    """(K, LID_COLUMNS, 3) float32 colours above the upper lid's margin.

    Args:
        face: the portrait.
        part: the eye's points.
        reach: (K, LID_COLUMNS) how far above, in the way from the margin to the fold.
    """
    points = face.landmarks[:, :2]
    columns, knots = np.linspace(0, 8, LID_COLUMNS), np.arange(9)
    lid, fold = (
        np.column_stack([np.interp(columns, knots, points[index][:, k]) for k in (0, 1)])
        for index in (part.loop[:9], part.fold)
    )
    spots = lid + reach[..., None] * (fold - lid)
    return _sample(face.image, spots[..., 0], spots[..., 1]).astype(np.float32)


def _dark_reach(face: FaceLatent, part: EyePoints, brightness: float) -> np.ndarray:
    """(LID_COLUMNS,) float32 how far it is darker than `brightness` times the skin above the upper
    lid's margin, in the way from there to the fold."""
    reach = np.linspace(0, SKIN_TO, 33)
    luma = _above_lid(face, part, np.tile(reach[:, None], LID_COLUMNS)).mean(axis=2)
    skin = np.percentile(luma[reach >= SKIN_BEYOND], 70, axis=0)
    dark = (luma < brightness * skin) & (reach[:, None] <= LASHES_END)
    # A dark run that starts farther up is the crease, which closed lids keep.
    lashes = dark[reach <= SKIN_FROM].any(axis=0)
    started = np.logical_or.accumulate(dark, axis=0)
    ended = np.logical_or.accumulate(started & ~dark, axis=0)
    ends = np.where(lashes, reach[(~ended).sum(axis=0) - 1], 0)
    return _even_along_lid(ends.astype(np.float32), 3)


def _even_along_lid(values: np.ndarray, spread: float) -> np.ndarray:
    """Blur (LID_COLUMNS, ...) values; the corners, which show no lid, take their neighbours'."""
    filled = values.copy()
    filled[:PER_KNOT], filled[-PER_KNOT:] = values[PER_KNOT], values[-PER_KNOT - 1]
    return cv2.GaussianBlur(filled[None], (0, 0), spread, borderType=cv2.BORDER_REPLICATE)[0]


def _lid_skin(face: FaceLatent, part: EyePoints, outline_reach: np.ndarray) -> np.ndarray:
    """(LID_COLUMNS, 3) float32 skin of the upper lid, seen beyond its outline around the fold."""
    first = np.maximum(outline_reach + 0.1, SKIN_BEYOND)
    seen = _above_lid(face, part, first + np.linspace(0, 0.9, 10)[:, None])
    order = seen.mean(axis=2).argsort(axis=0)
    # Neither the dark crease nor a glint on it is the colour of the skin: the middle is.
    middle = np.take_along_axis(seen, order[4:8, :, None], axis=0).mean(axis=0)
    return _even_along_lid(middle, 2.5)


def _lift_eye(face: FaceLatent, part: EyePoints, view: _EyeView, circle: np.ndarray) -> Eye:
    grid_x, grid_y = _texel_grid(*view.depth.shape)
    from_iris = np.hypot(grid_x - circle[0], grid_y - circle[1]) / circle[2]
    cover = _smoothstep(from_iris, COVER_TO, COVER_FROM)
    visible = _smoothstep(view.depth / view.band, 0.5, 1.2)
    iris, highlight = _lift_iris(view, circle, visible)
    sclera = _lift_sclera(view, visible * _smoothstep(from_iris, WHITE_FROM, WHITE_TO), visible)
    eyeball = sclera + cover[..., None] * (iris - sclera) + highlight
    points = face.landmarks[:, :2]
    outline_reach = _dark_reach(face, part, OUTLINE_DARK)
    return Eye(
        points=part,
        origin=view.origin,
        contour=points[part.loop].astype(np.float32),
        tracked_iris=points[part.iris[0]].astype(np.float32),
        iris=(circle / ZOOM + np.append(view.origin, 0)).astype(np.float32),
        opening=view.opening,
        head_scale=face.head.scale,
        sclera=np.ascontiguousarray(sclera, np.float32),
        iris_rgba=np.dstack([iris, cover]).astype(np.float32),
        highlight=np.ascontiguousarray(highlight, np.float32),
        margin=_lift_margin(view, eyeball, from_iris),
        lid_skin=_lid_skin(face, part, outline_reach),
        lash=_lash_colour(view).astype(np.float32),
        lash_reach=_dark_reach(face, part, LASH_DARK)[::PER_KNOT],
        outline_reach=outline_reach[::PER_KNOT],
    )


def prepare_eyes(face: FaceLatent) -> EyeAppearance:
    """Lift both eyeballs out of the portrait.

    An eye open less than `MIN_OPENING` px is left out, and so are both where no iris stands out
    from the white (blank eyes of a statue, a few strokes of a pen): these stay with the warp.

    Args:
        face: the portrait.
    """
    views = [(part, _view_eye(face, part)) for part in (RIGHT, LEFT)]
    views = [(part, view) for part, view in views if view.opening >= MIN_OPENING]
    circles = _find_irises([view for _, view in views]) if views else None
    if circles is None:
        return EyeAppearance((), face.head)
    lifted = [
        _lift_eye(face, part, view, circle)
        for (part, view), circle in zip(views, circles, strict=True)
    ]
    return EyeAppearance(tuple(lifted), face.head)


def _gap(shape: np.ndarray, part: EyePoints) -> float:
    """Mean distance of the lids of one eye in a (478, 3) shape."""
    return _opening(shape[part.loop, :2])


def shut_large_eyes(geometry: FrameGeometry, neutral: np.ndarray) -> FrameGeometry:
    """Geometry whose eyes, where larger than people's, shut when the motion shuts people's eyes.

    Motion moves lids by lengths. What closes a mean eye leaves a cartoon's half open, so that the
    lids of an eye that is larger go on by its size over the mean as the closing nears a full one.

    Args:
        geometry: one moment.
        neutral: (478, 3) the portrait's canonical resting shape.
    """
    mean_shape = dynamics_code().mean_shape
    landmarks = geometry.landmarks.copy()
    for part in (RIGHT, LEFT):
        own, mean = _gap(neutral, part), _gap(mean_shape, part)
        now = _gap(geometry.canonical, part)
        closed = own - now
        share = float(_smoothstep(closed / mean, *FULL_CLOSING))
        if own <= mean or share == 0 or now <= 0:
            continue
        wanted = max(own - closed * (1 + share * (own / mean - 1)), 0.0)
        lids = landmarks[part.loop, :2]
        step = (1 - wanted / now) * (_lower_lid(lids) - lids[:9])[1:8]
        landmarks[part.loop[1:8], :2] += UPPER_LID_SHARE * step
        landmarks[part.fold[1:8], :2] += 0.5 * UPPER_LID_SHARE * step
        landmarks[part.loop[:8:-1], :2] -= (1 - UPPER_LID_SHARE) * step
    return replace(geometry, canonical=geometry.head.invert(landmarks), landmarks=landmarks)


def uncross_lids(geometry: FrameGeometry) -> FrameGeometry:
    """Geometry whose upper lids stop at the lower ones.

    A blink of widely open eyes, carried over to narrow ones, moves the lids past each other, where
    the mesh warp would fold. The fold above the lid gives way by half as much.
    """
    landmarks = geometry.landmarks.copy()
    for part in (RIGHT, LEFT):
        lids = landmarks[part.loop, :2]
        excess = _crossing(lids)
        landmarks[part.loop[1:8], :2] += excess[1:8]
        landmarks[part.fold[1:8], :2] += 0.5 * excess[1:8]
    return replace(geometry, canonical=geometry.head.invert(landmarks), landmarks=landmarks)


@numba.njit(cache=True, fastmath=True, nogil=True)
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


@numba.njit(cache=True, fastmath=True, nogil=True)
def _paint(
    frame, lids, to_eye, to_iris, to_spot, sclera, iris_rgba, highlight, margin, scale, fade, freed
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
    rim = np.empty(7, np.float32)
    for y in range(top, bottom):
        for x in range(left, right):
            depth, segment, along = _margin_distance(lids, x, y)
            if depth < -MARGIN_OUT:
                continue
            column = (segment + along) * COLUMNS_PER_SEGMENT - 0.5
            if column < 0:
                column += MARGIN_COLUMNS
            _texel(margin, column, (depth / scale + MARGIN_OUT) / MARGIN_STEP, rim)
            alpha = fade * rim[3]
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
                ratio = rim[k + 4] + freed * (rim[k] - rim[k + 4])
                value = min(max(value * ratio, 0.0), 255.0)
                old = frame[y, x, k]
                frame[y, x, k] = np.uint8(old + alpha * (value - old) + 0.5)


@numba.njit(cache=True, fastmath=True, nogil=True)
def _paint_lid(frame, lid, whole, ends, skin, lash, weight, line, clockwise):
    """Lay skin over the stretched upper lid and a line of lashes along its margin.

    `lid` is (9, 2) px of the margin, `whole` and `ends` (9,) px above it up to which skin covers
    the warp wholly and at all, `line` the half width of the lash line in px.
    """
    tallest = ends.max()
    left = max(int(lid[:, 0].min()), 0)
    right = min(int(lid[:, 0].max()) + 2, frame.shape[1])
    top = max(int(lid[:, 1].min() - tallest), 0)
    bottom = min(int(lid[:, 1].max() + 4 * line) + 2, frame.shape[0])
    for y in range(top, bottom):
        for x in range(left, right):
            best, at, above = 1e18, 0.0, 0.0
            for i in range(8):
                ex, ey = lid[i + 1, 0] - lid[i, 0], lid[i + 1, 1] - lid[i, 1]
                px, py = x - lid[i, 0], y - lid[i, 1]
                t = min(max((px * ex + py * ey) / (ex * ex + ey * ey + 1e-9), 0.0), 1.0)
                dx, dy = px - t * ex, py - t * ey
                d = dx * dx + dy * dy
                if d < best:
                    best, at = d, i + t
                    above = (py * ex - px * ey) * (-1.0 if clockwise else 1.0)
            distance = np.sqrt(best) if above > 0 else -np.sqrt(best)
            i = min(int(at), 7)
            full = whole[i] + (at - i) * (whole[i + 1] - whole[i])
            end = ends[i] + (at - i) * (ends[i + 1] - ends[i])
            # Taper towards the corners, where lid and fold meet.
            corner = min(min(at, 8 - at) / 1.2, 1.0)
            up = min(max((end - distance) / (end - full + 1e-3), 0.0), 1.0)
            under = min(max(distance + 1.0, 0.0), 1.0)
            cover = weight * corner * up * up * (3 - 2 * up) * under
            # Lashes of a closed eye hang below the line.
            spread = distance / (line if distance > 0 else 1.7 * line)
            dark = weight * (0.3 + 0.7 * corner) * np.exp(-spread * spread) * 0.8
            # The lid curves away from the light towards its margin.
            round_off = 1 - 0.12 * np.exp(-distance / (2.5 * line)) if distance > 0 else 0.88
            if cover + dark < 0.004:
                continue
            column = at / 8 * (skin.shape[0] - 1)
            j = min(int(column), skin.shape[0] - 2)
            for k in range(3):
                tone = skin[j, k] + (column - j) * (skin[j + 1, k] - skin[j, k])
                value = frame[y, x, k] + cover * (tone * round_off - frame[y, x, k])
                value += dark * (min(lash[k], value) - value)
                frame[y, x, k] = np.uint8(value + 0.5)


def _linear_part(portrait: HeadTransform, frame: HeadTransform) -> np.ndarray:
    """(2, 2) how the head's motion moves the plane of the face, portrait px to frame px."""
    own = portrait.scale * portrait.rotation[:2, :2]
    return frame.scale * frame.rotation[:2, :2] @ np.linalg.inv(own)


def _inverse_affine(linear: np.ndarray, source: np.ndarray, target: np.ndarray, origin: np.ndarray):
    """(2, 3) affine from frame px to texels, undoing `target + linear @ (source px - source)`."""
    inverse = np.linalg.inv(linear)
    return np.column_stack([inverse, source - origin - inverse @ target]) * ZOOM


def _draw_together(lids: np.ndarray, closing: float) -> np.ndarray:
    """The (16, 2) lid margin with the upper lid brought `closing` (0–1) of the way down."""
    drawn = lids.copy()
    drawn[:9] += _crossing(lids)
    gap = (_lower_lid(drawn) - drawn[:9]) @ _down(lids)
    drawn[:9] += closing * gap[:, None] * _down(lids)
    return drawn


def _paint_eye(frame: np.ndarray, geometry: FrameGeometry, eye: Eye, head: HeadTransform) -> None:
    points = geometry.landmarks[:, :2].astype(np.float64)
    zoom_by = geometry.head.scale / eye.head_scale
    tracked = points[eye.points.loop]
    opening = _opening(tracked) / (eye.opening * zoom_by)
    closing = float(_smoothstep(opening, CLOSE_FROM, CLOSE_TO))
    lids = _draw_together(tracked, closing)
    lid_weight = float(_smoothstep(opening, LID_FROM, LID_TO))
    if closing < 1:
        _paint_eyeball(frame, geometry, eye, head, lids, opening, 1 - closing**3)
    if lid_weight > 0:
        whole, ends = _skin_reach(eye, lids, points[eye.points.fold], zoom_by)
        _paint_lid(
            frame,
            lids[:9],
            whole,
            ends,
            eye.lid_skin,
            eye.lash,
            lid_weight,
            max(LASH_WIDTH * float(np.linalg.norm(lids[8] - lids[0])), 0.7),
            _turns_clockwise(lids),
        )


def _skin_reach(
    eye: Eye, lids: np.ndarray, fold: np.ndarray, zoom_by: float
) -> tuple[np.ndarray, np.ndarray]:
    """(9,) px above the upper lid's margin up to which lid skin covers the warp wholly, and at all.

    Args:
        eye: the eye.
        lids: (16, 2) px, the lid margin in the frame.
        fold: (9, 2) px, the upper lid's fold in the frame.
        zoom_by: the head's size in the frame over that in the portrait.
    """
    height = np.maximum((lids[:9] - fold) @ _down(lids), 0)
    # Below the fold the warp stretches what the portrait shows, above it hardly.
    above = np.minimum(height, eye.opening * zoom_by)
    whole, ends = (
        np.minimum(reach, 1) * height + np.maximum(reach - 1, 0) * above
        for reach in (
            np.maximum(eye.outline_reach, SKIN_FROM),
            np.maximum(eye.lash_reach + SKIN_FADE, 1.0),
        )
    )
    return whole, ends


def _paint_eyeball(
    frame: np.ndarray,
    geometry: FrameGeometry,
    eye: Eye,
    head: HeadTransform,
    lids: np.ndarray,
    opening: float,
    fade: float,
) -> None:
    points = geometry.landmarks[:, :2].astype(np.float64)
    zoom_by = geometry.head.scale / eye.head_scale
    linear = _linear_part(head, geometry.head)
    own_middle = eye.contour[[0, 8]].astype(np.float64).mean(axis=0)
    middle = lids[[0, 8]].mean(axis=0)

    def at_rest(source: np.ndarray) -> np.ndarray:
        return middle + linear @ (source - own_middle)

    shift = points[eye.points.iris[0]] - at_rest(eye.tracked_iris)
    travel = max(np.linalg.norm(shift) / zoom_by, abs(opening - 1) * eye.opening)
    iris = eye.iris[:2].astype(np.float64)
    turned = _foreshortening(eye, geometry, shift) @ linear
    _paint(
        frame,
        lids,
        _inverse_affine(linear, own_middle, middle, eye.origin),
        _inverse_affine(turned, iris, at_rest(iris) + shift, eye.origin),
        _inverse_affine(linear, iris, at_rest(iris) + HIGHLIGHT_FOLLOW * shift, eye.origin),
        eye.sclera,
        eye.iris_rgba,
        eye.highlight,
        eye.margin,
        zoom_by,
        fade * float(_smoothstep(travel, *HANDOVER)),
        float(_smoothstep(travel, *FREED)),
    )


def _foreshortening(eye: Eye, geometry: FrameGeometry, shift: np.ndarray) -> np.ndarray:
    """(2, 2) how much narrower a turned eyeball shows its iris, against the portrait."""
    zoom_by = geometry.head.scale / eye.head_scale
    reach = EYEBALL_IN_IRIS_RADII * eye.iris[2] * zoom_by
    length = float(np.linalg.norm(shift))
    if length < 1e-3:
        return np.eye(2)
    direction = shift / length
    cosine = np.sqrt(1 - min(length / reach, 0.7) ** 2)
    return np.eye(2) + (cosine - 1) * np.outer(direction, direction)


def paint_eyes(frame: np.ndarray, geometry: FrameGeometry, eyes: EyeAppearance) -> None:
    """Paint the eyeballs inside the lids of a warped portrait, in place.

    Args:
        frame: (512, 512, 3) uint8 RGB, the portrait warped to `geometry`.
        geometry: where the tracked points are in this frame.
        eyes: what `prepare_eyes` lifted out of the same portrait.
    """
    for eye in eyes.eyes:
        _paint_eye(frame, geometry, eye, eyes.head)
