"""The mouth layer: teeth, tongue and cavity seen between the lips.

The upper arch is fixed to the skull, the lower arch and the tongue to the jaw, whose rotation is
read off the chin; lips only decide how much of them is seen. Under weak perspective the line of
sight through every pixel is met analytically with each arch, a parabola in depth, and the arch's
front view is looked up there: no polygons, and teeth keep their size whatever the lips do.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numba
import numpy as np

from openvasa.face.canonical import HeadTransform
from openvasa.face.latent import FaceLatent, FrameGeometry
from openvasa.face.topology import INNER_LIPS, LIPS
from openvasa.render.teeth import (
    LOWER_BEND,
    LOWER_LEAN,
    UPPER_BEND,
    UPPER_LEAN,
    ArchView,
    draw_arch,
)

MEAN_MOUTH_WIDTH = 4.4
"""Distance of the inner mouth corners at rest, canonical units, for teeth of average size."""

LIP_THICKNESS = 0.35
"""Depth from the visible inner edge of the lips to the incisors, canonical units."""

INCISAL_DISPLAY = 0.14
"""How far the upper incisors reach below the resting lip line, canonical units."""

OVERBITE = 0.12
OVERJET = 0.2
"""How far the lower incisors stay above and behind the upper ones' edge in the closed mouth."""

TEXELS_PER_PX = 1.5

TONGUE_DEPTH = 1.0
"""Distance of the tongue's front behind the lower incisors, canonical units."""

JAW_POINTS = np.array([152, 148, 377, 176, 400, 149, 378, 150, 379])
HINGE_POINTS = np.array([234, 454])
SKIN_POINTS = np.array([50, 280, 205, 425, 187, 411, 36, 266, 101, 330])
MAX_JAW_ANGLE = 0.6

CONTOUR_SAMPLES = 96


@dataclass(frozen=True)
class MouthAppearance:
    """What lies behind one portrait's lips.

    Attributes:
        upper, lower: (H, W, 4) float32, front view of the arches, RGB in 0–255 times alpha, alpha
            in 0–1.
        upper_place, lower_place: (3,) float64 left, top (of the first texel's centre, arch
            coordinates) and texels per unit.
        upper_origin, lower_origin: (3,) float64 canonical point at the mid-point of the incisal
            edge, mouth closed.
        cavity, tongue: (3,) float32 RGB.
        rest: (9, 3) float32 canonical chin points of the closed mouth.
        hinge: (3,) float64 canonical point on the jaw's axis.
        seam: 0–1, how much of a contact line the closed lips need: 0 where the portrait's own
            lips touch and bring theirs.
    """

    upper: np.ndarray
    lower: np.ndarray
    upper_place: np.ndarray
    lower_place: np.ndarray
    upper_origin: np.ndarray
    lower_origin: np.ndarray
    cavity: np.ndarray
    tongue: np.ndarray
    rest: np.ndarray
    hinge: np.ndarray
    seam: float


@dataclass(frozen=True)
class _Opening:
    """The gap between the lips in the picture, over a box of pixels.

    Attributes:
        left, top: px of the box's first pixel.
        coverage: (h, w) float32 in 0–1, share of the pixel between the lips.
        light: (h, w) float32 in 0–1, light that reaches a tooth there.
        gap: (h, w) float32 height of the opening in canonical units.
        seam: (h, w) float32 in 0–1, weight of the contact line.
    """

    left: int
    top: int
    coverage: np.ndarray
    light: np.ndarray
    gap: np.ndarray
    seam: np.ndarray


def jaw_angle(mouth_rest: np.ndarray, hinge: np.ndarray, canonical: np.ndarray) -> float:
    """Rotation of the jaw in rad against the closed mouth, from the chin's fall.

    Args:
        mouth_rest: (9, 3) chin points of the closed mouth.
        hinge: (3,) point on the axis, which runs along x.
        canonical: (478, 3) shape of the moment.
    """
    lever = hinge[2] - mouth_rest[:, 2]
    fall = canonical[JAW_POINTS, 1] - mouth_rest[:, 1]
    angle = float(lever @ fall / (lever @ lever))
    # The chin's skin also rises (pout, smile); the jaw cannot close further than the teeth.
    soft = 0.012
    opened = soft * np.logaddexp(0.0, angle / soft) - soft * np.log(2)
    return float(np.clip(opened, 0.0, MAX_JAW_ANGLE))


def _catmull_rom(points: np.ndarray, samples: int) -> np.ndarray:
    """(samples, 2) points of the smooth curve through (N, 2) points."""
    padded = np.vstack([2 * points[0] - points[1], points, 2 * points[-1] - points[-2]])
    at = np.linspace(0, len(points) - 1 - 1e-6, samples)
    i = at.astype(int)
    t = (at - i)[:, None]
    a, b, c, d = (padded[i + k] for k in range(4))
    return b + 0.5 * t * (
        c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a))
    )


@numba.njit(cache=True)
def _smooth(low: float, high: float, value: float) -> float:
    t = min(max((value - low) / (high - low), 0.0), 1.0)
    return t * t * (3 - 2 * t)


@numba.njit(cache=True)
def _fill_opening(
    coverage, light, gap_map, seam, left, top, centre, along, start, step, upper, lower, scale
):
    height, width = coverage.shape
    last = len(upper) - 1
    for row in range(height):
        for column in range(width):
            x, y = left + column - centre[0], top + row - centre[1]
            at = (x * along[0] + y * along[1] - start) / step
            if at <= 0 or at >= last:
                continue
            i = int(at)
            f = at - i
            h = -x * along[1] + y * along[0]
            slope_u, slope_l = (upper[i + 1] - upper[i]) / step, (lower[i + 1] - lower[i]) / step
            edge_u = upper[i] + f * (upper[i + 1] - upper[i])
            edge_l = lower[i] + f * (lower[i + 1] - lower[i])
            below = (h - edge_u) / np.sqrt(1 + slope_u * slope_u)
            above = (edge_l - h) / np.sqrt(1 + slope_l * slope_l)
            gap_px = max(edge_l - edge_u, 0.0)
            inside = min(max(below + 0.7, 0.0) / 1.2, 1.0) * min(max(above + 0.7, 0.0) / 1.2, 1.0)
            coverage[row, column] = inside * _smooth(0.4, 1.6, gap_px)
            gap = gap_px / scale
            gap_map[row, column] = gap
            d_u, d_l = max(below, 0.0) / scale, max(above, 0.0) / scale
            lit = (1 - 0.62 * np.exp(-d_u / 0.11)) * (1 - 0.25 * np.exp(-d_l / 0.06))
            light[row, column] = lit * (0.22 + 0.78 * _smooth(0.06, 0.6, gap))
            middle = (h - 0.5 * (edge_u + edge_l)) / (0.045 * scale + 0.5 * gap_px)
            ends = min(at, last - at) * step / scale
            seam[row, column] = np.exp(-middle * middle) * _smooth(0.0, 0.3, ends)


def _opening(landmarks: np.ndarray, scale: float) -> _Opening | None:
    """Find the opening of the lips; None where it lies outside the picture.

    Args:
        landmarks: (478, 3) px.
        scale: px per canonical unit.
    """
    lips = landmarks[INNER_LIPS, :2].astype(np.float64)
    centre = (lips[0] + lips[10]) / 2
    along = lips[10] - lips[0]
    along /= max(float(np.hypot(*along)), 1e-6)
    across = np.array([-along[1], along[0]])
    start, end = ((lips[i] - centre) @ along for i in (0, 10))
    grid = np.linspace(start, end, CONTOUR_SAMPLES)
    edges = []
    for points in (lips[:11], np.vstack([lips[10:], lips[:1]])[::-1]):
        curve = _catmull_rom(points, CONTOUR_SAMPLES) - centre
        s = np.maximum.accumulate(curve @ along)
        edges.append(np.interp(grid, s, curve @ across))
    upper, lower = edges[0], np.maximum(edges[0], edges[1])
    pad = 3
    lo = np.maximum(np.floor(lips.min(axis=0)) - pad, 0).astype(int)
    hi = np.minimum(np.ceil(lips.max(axis=0)) + pad + 1, 512).astype(int)
    if (hi <= lo).any():
        return None
    maps = [np.zeros((hi[1] - lo[1], hi[0] - lo[0]), np.float32) for _ in range(4)]
    step = max((end - start) / (CONTOUR_SAMPLES - 1), 1e-6)
    _fill_opening(
        *maps, int(lo[0]), int(lo[1]), centre, along, start, step, upper, lower, float(scale)
    )
    return _Opening(int(lo[0]), int(lo[1]), *maps)


def _sight(head: HeadTransform, origin: np.ndarray, hinge: np.ndarray, angle: float) -> np.ndarray:
    """(3, 4) float64 lines of sight in arch coordinates: point = m[:, :2]·px + m[:, 2] + t·m[:, 3].

    Args:
        head: head transform of the moment.
        origin: (3,) canonical point of the arch's origin, mouth closed.
        hinge, angle: the jaw's axis and rotation; angle 0 for the upper arch.
    """
    c, s = np.cos(angle), np.sin(angle)
    jaw = np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    back = jaw.T @ head.rotation.T
    constant = jaw.T @ (-head.rotation.T @ head.translation / head.scale - hinge) + hinge - origin
    return np.column_stack([back[:, :2] / head.scale, constant, back[:, 2]])


@numba.njit(cache=True)
def _meet_arch(sight, x, y, bend, lean):
    """Arch coordinates (x, y) where the line of sight through a pixel meets the arch's front."""
    ox = sight[0, 0] * x + sight[0, 1] * y + sight[0, 2]
    oy = sight[1, 0] * x + sight[1, 1] * y + sight[1, 2]
    oz = sight[2, 0] * x + sight[2, 1] * y + sight[2, 2]
    dx, dy, dz = sight[0, 3], sight[1, 3], sight[2, 3]
    a = bend * dx * dx
    b = 2 * bend * ox * dx + lean * dy - dz
    c = bend * ox * ox + lean * oy - oz
    root = b * b - 4 * a * c
    if root < 0 or b >= 0:
        return np.inf, 0.0
    t = 2 * c / (-b + np.sqrt(root))
    return ox + t * dx, oy + t * dy


@numba.njit(cache=True)
def _look_up(view, place, x, y, out):
    u = (x - place[0]) * place[2]
    v = (y - place[1]) * place[2]
    height, width = view.shape[:2]
    if not (0 <= u < width - 1) or v >= height - 1:
        return False
    # Past the gum the view goes on unchanged towards the root.
    v = max(v, 0.0)
    i, j = int(v), int(u)
    f, g = v - i, u - j
    for k in range(4):
        upper = view[i, j, k] + g * (view[i, j + 1, k] - view[i, j, k])
        lower = view[i + 1, j, k] + g * (view[i + 1, j + 1, k] - view[i + 1, j, k])
        out[k] = upper + f * (lower - upper)
    return out[3] > 0


@numba.njit(cache=True)
def _paint(
    frame, left, top, coverage, light, gap_map, seam_map, seam, cavity, tongue, tongue_depth,
    upper, upper_place, upper_sight, lower, lower_place, lower_sight,
    upper_bend, upper_lean, lower_bend, lower_lean,
):  # fmt: skip
    height, width = coverage.shape
    texel = np.empty(4, np.float32)
    colour = np.empty(3, np.float32)
    for row in range(height):
        for column in range(width):
            alpha = coverage[row, column]
            line = seam * seam_map[row, column]
            if alpha <= 0.003 and line <= 0.01:
                continue
            x, y = left + column, top + row
            lit = light[row, column]
            gap = gap_map[row, column]
            ox = lower_sight[0, 0] * x + lower_sight[0, 1] * y + lower_sight[0, 2]
            oy = lower_sight[1, 0] * x + lower_sight[1, 1] * y + lower_sight[1, 2]
            oz = lower_sight[2, 0] * x + lower_sight[2, 1] * y + lower_sight[2, 2]
            t = (tongue_depth - oz) / lower_sight[2, 3]
            tx, ty = ox + t * lower_sight[0, 3], oy + t * lower_sight[1, 3]
            mound = _smooth(-0.25, 0.55, ty - 0.22 * tx * tx) * _smooth(1.9, 1.0, abs(tx))
            mound *= (1 - 0.2 * np.exp(-(tx * tx) / 0.02)) * _smooth(0.25, 1.4, gap)
            for k in range(3):
                colour[k] = cavity[k] + mound * (0.35 + 0.65 * lit) * (tongue[k] - cavity[k])
            ax, ay = _meet_arch(lower_sight, x, y, lower_bend, lower_lean)
            if _look_up(lower, lower_place, ax, -ay, texel):
                for k in range(3):
                    shaded = texel[k] * lit + cavity[k] * texel[3] * 0.5 * (1 - lit)
                    colour[k] = colour[k] * (1 - texel[3]) + shaded
            ax, ay = _meet_arch(upper_sight, x, y, upper_bend, upper_lean)
            if _look_up(upper, upper_place, ax, ay, texel):
                for k in range(3):
                    shaded = texel[k] * lit + cavity[k] * texel[3] * 0.5 * (1 - lit)
                    colour[k] = colour[k] * (1 - texel[3]) + shaded
            for k in range(3):
                under = frame[y, x, k] + line * (1 - alpha) * (cavity[k] * 1.5 - frame[y, x, k])
                value = under + alpha * (colour[k] - under)
                frame[y, x, k] = np.uint8(min(max(value + 0.5, 0.0), 255.0))


def paint_mouth(frame: np.ndarray, geometry: FrameGeometry, mouth: MouthAppearance) -> None:
    """Paint the mouth's interior between the lips of a warped frame.

    Args:
        frame: (512, 512, 3) uint8 RGB, changed in place.
        geometry: the moment's geometry.
        mouth: what lies behind the lips.
    """
    opening = _opening(geometry.landmarks, geometry.head.scale)
    if opening is None:
        return
    angle = jaw_angle(mouth.rest, mouth.hinge, geometry.canonical)
    _paint(
        frame, opening.left, opening.top, opening.coverage, opening.light, opening.gap,
        opening.seam, mouth.seam, mouth.cavity, mouth.tongue, TONGUE_DEPTH,
        mouth.upper, mouth.upper_place,
        _sight(geometry.head, mouth.upper_origin, mouth.hinge, 0.0),
        mouth.lower, mouth.lower_place,
        _sight(geometry.head, mouth.lower_origin, mouth.hinge, angle),
        UPPER_BEND, UPPER_LEAN, LOWER_BEND, LOWER_LEAN,
    )  # fmt: skip


def _luminance(rgb: np.ndarray) -> np.ndarray:
    return rgb @ np.float32([0.299, 0.587, 0.114])


def _colour_at(image: np.ndarray, points: np.ndarray, radius: int) -> np.ndarray:
    """(N, 3) float32 mean colour of the image around (N, 2) px."""
    blurred = cv2.blur(image, (2 * radius + 1, 2 * radius + 1))
    at = np.clip(np.round(points).astype(int), 0, image.shape[0] - 1)
    return blurred[at[:, 1], at[:, 0]].astype(np.float32)


@dataclass(frozen=True)
class _Palette:
    enamel: np.ndarray
    gum: np.ndarray
    cavity: np.ndarray
    tongue: np.ndarray


def _palette(face: FaceLatent) -> _Palette:
    """Colours of the interior in the portrait's own light.

    Enamel has nearly the light's own colour, so it takes its brightness and a third of its tint
    from the skin; the soft tissues take the lips' hue. A grey or drawn portrait thus stays so.
    """
    scale = face.head.scale
    marks = face.landmarks[:, :2]
    skin = np.median(_colour_at(face.image, marks[SKIN_POINTS], max(int(0.15 * scale), 1)), axis=0)
    bright = float(np.percentile(_luminance(_colour_at(face.image, marks[:468], 1)), 95))
    lips = np.setdiff1d(LIPS, INNER_LIPS)
    lip = np.median(_colour_at(face.image, marks[lips], 1), axis=0)
    low, high = marks[LIPS].min(axis=0).astype(int), marks[LIPS].max(axis=0).astype(int)
    low, high = np.maximum(low, 0), np.minimum(high + 1, 512)
    around = _luminance(face.image[low[1] : high[1], low[0] : high[0]].astype(np.float32))
    darkest = float(np.percentile(around, 2))

    skin_light, lip_light = float(_luminance(skin)), max(float(_luminance(lip)), 1.0)
    enamel_light = 0.93 * min(0.6 * skin_light + 0.4 * bright, 225.0)
    enamel = enamel_light * (1 + 0.35 * (skin / max(skin_light, 1.0) - 1))
    lip_tint = lip / lip_light
    cavity_light = np.clip(0.6 * darkest, 8.0, 0.25 * lip_light)
    cavity = cavity_light * np.clip(1 + 1.4 * (lip_tint - 1), 0.3, 2.2)
    tongue = 0.62 * lip_light * np.clip(1 + 1.0 * (lip_tint - 1), 0.4, 2.0)
    gum = 0.8 * (0.6 * lip + 0.4 * skin)
    return _Palette(*(np.float32(c) for c in (enamel, gum, cavity, tongue)))


def _coloured(view: ArchView, palette: _Palette, shade: float) -> np.ndarray:
    """(H, W, 4) float32 arch view in the portrait's colours, premultiplied by alpha."""
    # Where enamel and gum darken towards the cheeks they keep a little of the cavity's colour.
    rgb = shade * (view.tooth[..., None] * palette.enamel + view.gum[..., None] * palette.gum)
    return np.dstack([rgb, view.solid]).astype(np.float32)


def prepare_mouth(face: FaceLatent) -> MouthAppearance:
    """Build what lies behind a portrait's lips, once per portrait."""
    neutral = face.neutral.astype(np.float64)
    corners = neutral[[78, 308]]
    width = float(np.linalg.norm(corners[1] - corners[0]))
    size = float(np.clip(0.5 + 0.5 * width / MEAN_MOUTH_WIDTH, 0.85, 1.12))
    lip_line = neutral[[13, 14]].mean(axis=0)
    upper_origin = lip_line + [0, INCISAL_DISPLAY * size, LIP_THICKNESS]
    lower_origin = upper_origin + [0, -OVERBITE * size, OVERJET * size]
    density = TEXELS_PER_PX * face.head.scale
    palette = _palette(face)
    upper, lower = draw_arch(True, density * size), draw_arch(False, density * size)

    def place(view: ArchView) -> np.ndarray:
        return np.array([view.left * size, view.top * size, view.density / size])

    own_gap = float(face.canonical[14, 1] - face.canonical[13, 1])
    return MouthAppearance(
        upper=_coloured(upper, palette, 1.0),
        lower=_coloured(lower, palette, 0.85),
        upper_place=place(upper),
        lower_place=place(lower),
        upper_origin=upper_origin,
        lower_origin=lower_origin,
        cavity=palette.cavity,
        tongue=palette.tongue,
        rest=face.neutral[JAW_POINTS],
        hinge=neutral[HINGE_POINTS].mean(axis=0),
        seam=float(np.clip((own_gap - 0.12) / 0.2, 0, 1)),
    )
