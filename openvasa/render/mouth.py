"""The mouth layer: teeth, tongue and cavity seen between the lips.

The upper arch is fixed to the skull, the lower arch and the tongue to the jaw, whose rotation is
read off the chin; lips only decide how much of them is seen. Under weak perspective the line of
sight through every pixel is met analytically with each arch, a parabola in depth, and the arch's
front view is looked up there: no polygons, and teeth keep their size whatever the lips do.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import cv2
import numba
import numpy as np

from openvasa.face.canonical import HeadTransform
from openvasa.face.latent import CROP_SIDE, FaceLatent, FrameGeometry
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

INCISAL_DISPLAY = 0.1
"""How far the upper incisors reach below the resting lip line, canonical units."""

LOWER_DROP = 0.3
OVERJET = 0.2
"""How far the lower incisors stay below and behind the upper ones' edge while the jaw rests."""

TEXELS_PER_PX = 1.5

TONGUE_DEPTH = 1.0
"""Distance of the tongue's front behind the lower incisors, canonical units."""

TONGUE_TOP, TONGUE_FULL = -1.8, -0.3
"""Canonical units below the lower incisors' edge between which the tongue comes out of the dark."""

TONGUE_GAP = 0.2, 1.0
"""Opening of the lips, canonical units, over which light falls on it."""

TIP_DEPTH = 0.3
"""Distance of the raised tip of the tongue behind the upper incisors, canonical units."""

TIP_HIDDEN, TIP_FALL = 0.15, 0.22
"""How far a tip at the ridge reaches up behind the upper incisors, canonical units, and how its
outline falls away to the sides, units per unit squared."""

TIP_WIDTH = 0.75, 1.25
"""Canonical units from the midline over which the tip ends."""

TIP_OVERLAP, TIP_COVER = 0.22, 0.1
"""How far a tip between the teeth covers the lower and the upper incisors, canonical units."""

JAW_POINTS = np.array([152, 148, 377, 176, 400, 149, 378, 150, 379])
HINGE_POINTS = np.array([234, 454])
SKIN_POINTS = np.array([50, 280, 205, 425, 187, 411, 36, 266, 101, 330])
MAX_JAW_ANGLE = 0.6

CHIN_LAG = 1.0
"""Fall of the jaw over the fall of the tracked chin, whose skin stays behind."""

CONTOUR_SAMPLES = 96

ENAMEL_LIGHT = 1.15
"""Brightness of the upper incisors over that of the skin."""

LOWER_SHADE = 0.8
"""Brightness of the lower teeth over the upper: they stand back and see less of the light."""

CAVITY_LIGHT, TONGUE_LIGHT = 0.38, 0.9
"""Brightness of the mouth's walls and of the tongue over that of the lips."""

CONTACT_LIGHT = 0.28
"""Brightness of the line where closed lips touch (at most), before the lips' own is mixed in."""

FULL_LIGHT_GAP = 1.2
"""Opening of the lips, canonical units, from which on teeth get all the light; in the shade they
take the walls' colour."""

CORNER_SHADE, CORNER_FROM, CORNER_TO = 0.6, 0.8, 2.4
"""How much darker the last teeth are, and the canonical units from the midline over which."""

MIN_OWN_GAP = 0.2
MIN_OWN_AREA = 0.1
MAX_OVERLAP = 0.25
"""Opening (canonical units) and area of tooth (units squared) a portrait must show for its own
teeth to be used, and the most by which the tracked edges of open lips can be off."""


@dataclass(frozen=True)
class OwnOpening:
    """How the portrait's own mouth is open; all 0 where its lips touch. Canonical units.

    Attributes:
        gap: height of the opening.
        overlap: (CONTOUR_SAMPLES,) float64, how far its interior reaches past the tracked edge of
            the upper lip, from the right to the left corner.
        rise: how far it stays above the tracked edge of the lower lip.
        seam: 0–1, how much of a contact line the closed lips need: lips that touch in the
            portrait bring theirs.
    """

    gap: float = 0.0
    overlap: np.ndarray = field(default_factory=lambda: np.zeros(CONTOUR_SAMPLES))
    rise: float = 0.0
    seam: float = 0.0


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
        contact: (3,) float32 RGB, the line where closed lips touch.
        veil: (3,) float32 RGB, what stands between the lips while they open no wider than in the
            portrait.
        own: how the portrait's own mouth is open.
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
    contact: np.ndarray
    veil: np.ndarray
    own: OwnOpening


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
    angle = CHIN_LAG * float(lever @ fall / (lever @ lever))
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
    return b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))


@numba.njit(cache=True, nogil=True)
def _smooth(low: float, high: float, value: float) -> float:
    t = min(max((value - low) / (high - low), 0.0), 1.0)
    return t * t * (3 - 2 * t)


@numba.njit(cache=True, fastmath=True, nogil=True)
def _fill_opening(maps, left, top, centre, along, start, step, upper, lower, scale, own, overlaps):
    coverage, light, gap_map, seam = maps
    own_gap, rise = own
    height, width = coverage.shape
    last = len(upper) - 1
    # Teeth that the portrait shows are lit as it shows them.
    bright_gap = FULL_LIGHT_GAP
    if own_gap > 0:
        bright_gap = min(max(own_gap / scale, 0.25), FULL_LIGHT_GAP)
    steep_u, steep_l = np.empty(last), np.empty(last)
    for i in range(last):
        steep_u[i] = 1 / np.sqrt(1 + ((upper[i + 1] - upper[i]) / step) ** 2)
        steep_l[i] = 1 / np.sqrt(1 + ((lower[i + 1] - lower[i]) / step) ** 2)
    for row in range(height):
        for column in range(width):
            x, y = left + column - centre[0], top + row - centre[1]
            at = (x * along[0] + y * along[1] - start) / step
            if at <= 0 or at >= last:
                continue
            i = int(at)
            h = -x * along[1] + y * along[0]
            edge_u = upper[i] + (at - i) * (upper[i + 1] - upper[i])
            edge_l = lower[i] + (at - i) * (lower[i + 1] - lower[i])
            overlap = overlaps[i] + (at - i) * (overlaps[i + 1] - overlaps[i])
            if h < edge_u - overlap - 4 or h > edge_l + 4:
                continue
            gap_px = edge_l - edge_u
            if own_gap > 0:
                open_share = _smooth(0.0, own_gap, gap_px)
                edge_u -= overlap * open_share
                edge_l = max(edge_l - rise * open_share, edge_u)
                gap_px = edge_l - edge_u
            below, above = (h - edge_u) * steep_u[i], (edge_l - h) * steep_l[i]
            inside = min(max(below + 0.7, 0.0) / 1.2, 1.0) * min(max(above + 0.7, 0.0) / 1.2, 1.0)
            coverage[row, column] = inside * _smooth(0.4, 1.6, gap_px)
            gap = gap_px / scale
            gap_map[row, column] = gap
            d_u, d_l = max(below, 0.0) / scale, max(above, 0.0) / scale
            lit = (1 - 0.5 * np.exp(-d_u / 0.11)) * (1 - 0.25 * np.exp(-d_l / 0.1))
            light[row, column] = lit * (0.15 + 0.85 * _smooth(0.04, bright_gap, gap))
            middle = (h - 0.5 * (edge_u + edge_l)) / (0.06 * scale + 0.5 * gap_px)
            near_end = min(at, last - at) * step / scale
            seam[row, column] = np.exp(-middle * middle) * _smooth(0.0, 0.3, near_end)


def _opening(landmarks: np.ndarray, scale: float, own: OwnOpening) -> _Opening | None:
    """Find the opening of the lips; None where it lies outside the picture.

    Args:
        landmarks: (478, 3) px.
        scale: px per canonical unit.
        own: the portrait's own opening.
    """
    lips = landmarks[INNER_LIPS, :2].astype(np.float64)
    centre = (lips[0] + lips[10]) / 2
    along = lips[10] - lips[0]
    along /= max(float(np.hypot(*along)), 1e-6)
    down = np.array([-along[1], along[0]])
    curves = [
        _catmull_rom(points, CONTOUR_SAMPLES) - centre
        for points in (lips[:11], np.vstack([lips[10:], lips[:1]])[::-1])
    ]
    places = []
    for curve in curves:
        # Where a turned head hides a corner the edge folds back: its silhouette is the corner.
        s, half = curve @ along, CONTOUR_SAMPLES // 2
        s[:half] = np.minimum.accumulate(s[half - 1 :: -1])[::-1]
        places.append(np.maximum.accumulate(s))
    start, end = min(s[0] for s in places), max(s[-1] for s in places)
    grid = np.linspace(start, end, CONTOUR_SAMPLES)
    edges = [np.interp(grid, s, curve @ down) for s, curve in zip(places, curves, strict=True)]
    upper, lower = edges[0], np.maximum(edges[0], edges[1])
    overlap = own.overlap * scale
    pad = 3 + overlap.max()
    low = np.maximum(np.floor(lips.min(axis=0) - pad), 0).astype(int)
    high = np.minimum(np.ceil(lips.max(axis=0)) + 4, CROP_SIDE).astype(int)
    if (high <= low).any():
        return None
    maps = np.zeros((4, high[1] - low[1], high[0] - low[0]), np.float32)
    step = max(float(end - start) / (CONTOUR_SAMPLES - 1), 1e-6)
    left, top = int(low[0]), int(low[1])
    in_px = (own.gap * scale, own.rise * scale)
    _fill_opening(
        maps, left, top, centre, along, start, step, upper, lower, float(scale), in_px, overlap
    )
    return _Opening(left, top, *maps)


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


@numba.njit(cache=True, nogil=True)
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


@numba.njit(cache=True, nogil=True)
def _meet_plane(sight, x, y, depth):
    """Arch coordinates (x, y) where the line of sight through a pixel is `depth` behind."""
    ox = sight[0, 0] * x + sight[0, 1] * y + sight[0, 2]
    oy = sight[1, 0] * x + sight[1, 1] * y + sight[1, 2]
    oz = sight[2, 0] * x + sight[2, 1] * y + sight[2, 2]
    t = (depth - oz) / sight[2, 3]
    return ox + t * sight[0, 3], oy + t * sight[1, 3]


@numba.njit(cache=True, nogil=True)
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


@numba.njit(cache=True, nogil=True)
def _tip(above, over_lower, x, rise, reach):
    """Share (0–1) and light of the tongue's tip behind the lower teeth and in front of them.

    Args:
        above, over_lower: how far the pixel lies below the upper and the lower incisors' edge.
        x: from the midline.
        rise, reach: where the tip is, 0–1.
    """
    within = 1 - _smooth(TIP_WIDTH[0], TIP_WIDTH[1], abs(x))
    clearance = above - over_lower
    low = clearance - TIP_OVERLAP
    outline = low - rise * (low + TIP_HIDDEN) + TIP_FALL * x * x
    below = above - outline
    behind = within * _smooth(0.0, 0.3, rise) * _smooth(-0.08, 0.12, below)
    # The tip catches light, its underside and the string beneath it do not.
    light = 1.2 - 0.3 * _smooth(0.1, 0.9, below) - 0.06 * np.exp(-(x * x) / 0.03)
    light -= 0.2 * _smooth(0.4 * TIP_WIDTH[0], TIP_WIDTH[1], abs(x))
    # Flattened between the teeth, it is as wide as they leave it.
    top, bottom = TIP_FALL * x * x - TIP_COVER, reach * TIP_OVERLAP - 0.12 * x * x
    ahead = within * _smooth(0.2, 0.6, reach)
    ahead *= _smooth(-0.06, 0.06, above - top) * (1 - _smooth(-0.06, 0.06, over_lower - bottom))
    wet = 0.12 * np.exp(-(((over_lower + 0.05) / 0.1) ** 2))
    ahead_light = 1.08 + wet - 0.3 * _smooth(bottom - 0.2, bottom, over_lower)
    ahead_light -= 0.25 * (1 - _smooth(0.0, 0.15, above - top))
    return behind, light, ahead, ahead_light


@numba.njit(cache=True, fastmath=True, nogil=True)
def _paint(frame, left, top, maps, own, tongue_tip, tones, upper, lower):
    coverage, light, gap_map, seam_map = maps
    veiled, seam = own
    rise, reach = tongue_tip
    cavity, tongue, veil, contact = tones
    upper_view, upper_place, upper_sight, upper_bend, upper_lean = upper
    lower_view, lower_place, lower_sight, lower_bend, lower_lean = lower
    height, width = coverage.shape
    texel = np.empty(4, np.float32)
    colour = np.empty(3, np.float32)
    for row in range(height):
        for column in range(width):
            x, y = left + column, top + row
            alpha = coverage[row, column]
            line = 0.6 * seam * seam_map[row, column]
            if alpha <= 0.003 and line <= 0.01:
                continue
            lit = light[row, column]
            gap = gap_map[row, column]
            tx, ty = _meet_plane(lower_sight, x, y, TONGUE_DEPTH)
            mound = _smooth(TONGUE_TOP, TONGUE_FULL, ty - 0.3 * tx * tx) * (
                1 - _smooth(0.8, 1.9, abs(tx))
            )
            mound *= (1 - 0.08 * np.exp(-(tx * tx) / 0.03)) * _smooth(
                TONGUE_GAP[0], TONGUE_GAP[1], gap
            )
            # A raised tip draws the tongue's sides after it, up and inwards.
            mound *= (0.35 + 0.65 * lit) * (1 - 0.7 * rise)
            for k in range(3):
                deep = cavity[k] + veiled * (veil[k] - cavity[k])
                colour[k] = deep + mound * (tongue[k] - deep)
            behind = ahead = tip_light = ahead_light = 0.0
            if rise + reach > 0.02:
                ux, uy = _meet_plane(upper_sight, x, y, TIP_DEPTH)
                ly = _meet_plane(lower_sight, x, y, TIP_DEPTH)[1]
                behind, tip_light, ahead, ahead_light = _tip(uy, ly, ux, rise, reach)
                for k in range(3):
                    tip = cavity[k] + (0.2 + 0.8 * lit) * (tip_light * tongue[k] - cavity[k])
                    colour[k] += behind * (tip - colour[k])
            ax, ay = _meet_arch(lower_sight, x, y, lower_bend, lower_lean)
            if _look_up(lower_view, lower_place, ax, -ay, texel):
                for k in range(3):
                    shaded = texel[k] * lit + cavity[k] * texel[3] * (1 - lit)
                    colour[k] = colour[k] * (1 - texel[3]) + shaded
            ax, ay = _meet_arch(upper_sight, x, y, upper_bend, upper_lean)
            if _look_up(upper_view, upper_place, ax, ay, texel):
                for k in range(3):
                    shaded = texel[k] * lit + cavity[k] * texel[3] * (1 - lit)
                    colour[k] = colour[k] * (1 - texel[3]) + shaded
            if ahead > 0:
                for k in range(3):
                    tip = cavity[k] + (0.2 + 0.8 * lit) * (ahead_light * tongue[k] - cavity[k])
                    colour[k] += ahead * (tip - colour[k])
            for k in range(3):
                under = frame[y, x, k] + line * (1 - alpha) * (contact[k] - frame[y, x, k])
                value = under + alpha * (colour[k] - under)
                frame[y, x, k] = np.uint8(min(max(value + 0.5, 0.0), 255.0))


def paint_mouth(frame: np.ndarray, geometry: FrameGeometry, mouth: MouthAppearance) -> None:
    """Paint the mouth's interior between the lips of a warped frame.

    Args:
        frame: (512, 512, 3) uint8 RGB, changed in place.
        geometry: the moment's geometry.
        mouth: what lies behind the lips.
    """
    opening = _opening(geometry.landmarks, geometry.head.scale, mouth.own)
    if opening is None:
        return
    gap = float(opening.gap.max())
    veiled = 1 - float(_smooth(mouth.own.gap, 2.5 * mouth.own.gap + 0.1, gap))
    angle = jaw_angle(mouth.rest, mouth.hinge, geometry.canonical)
    upper_sight = _sight(geometry.head, mouth.upper_origin, mouth.hinge, 0.0)
    lower_sight = _sight(geometry.head, mouth.lower_origin, mouth.hinge, angle)
    _paint(
        frame,
        opening.left,
        opening.top,
        (opening.coverage, opening.light, opening.gap, opening.seam),
        (veiled, mouth.own.seam),
        _clipped(geometry.tongue),
        (mouth.cavity, mouth.tongue, mouth.veil, mouth.contact),
        (mouth.upper, mouth.upper_place, upper_sight, UPPER_BEND, UPPER_LEAN),
        (mouth.lower, mouth.lower_place, lower_sight, LOWER_BEND, LOWER_LEAN),
    )


def _clipped(tongue: tuple[float, float]) -> tuple[float, float]:
    """Rise and reach within 0–1, which interpolation in time may leave."""
    rise, reach = (min(max(float(share), 0.0), 1.0) for share in tongue)
    return rise, reach


def _luminance(rgb: np.ndarray) -> np.ndarray:
    return rgb @ np.array([0.299, 0.587, 0.114], np.float32)


def _colour_at(image: np.ndarray, points: np.ndarray, radius: int) -> np.ndarray:
    """(N, 3) float32 mean colour of the image around (N, 2) px."""
    blurred = cv2.blur(image, (2 * radius + 1, 2 * radius + 1))
    at = np.clip(np.round(points).astype(int), 0, image.shape[0] - 1)
    return blurred[at[:, 1], at[:, 0]].astype(np.float32)


@dataclass(frozen=True)
class _Palette:
    enamel: np.ndarray
    lip: np.ndarray
    gum: np.ndarray
    cavity: np.ndarray
    tongue: np.ndarray
    contact: np.ndarray


def _palette(face: FaceLatent) -> _Palette:
    """Colours of the interior in the portrait's own light.

    Enamel has nearly the light's own colour, so it takes its brightness and half of its tint
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
    enamel_light = min(ENAMEL_LIGHT * (0.6 * skin_light + 0.4 * bright), 235.0)
    enamel = enamel_light * (1 + 0.5 * (skin / max(skin_light, 1.0) - 1))
    lip_tint = lip / lip_light
    deep_tint = np.clip(1 + 1.4 * (lip_tint - 1), 0.3, 2.2)
    cavity = CAVITY_LIGHT * lip_light * deep_tint
    line = np.clip(0.45 * darkest, 6.0, CONTACT_LIGHT * lip_light) * deep_tint
    contact = line + 0.25 * (lip - line)
    tongue = TONGUE_LIGHT * lip_light * np.clip(1 + 1.0 * (lip_tint - 1), 0.4, 2.0)
    gum = 0.8 * (0.6 * lip + 0.4 * skin)
    colours = (np.asarray(c, np.float32) for c in (enamel, lip, gum, cavity, tongue, contact))
    return _Palette(*colours)


@dataclass(frozen=True)
class _Arch:
    """One arch in place: where it hangs, how it bends, and its front view in arch coordinates."""

    origin: np.ndarray
    bend: float
    lean: float
    down: float
    view: ArchView
    size: float

    @property
    def place(self) -> np.ndarray:
        return np.array(
            [self.view.left * self.size, self.view.top * self.size, self.view.density / self.size]
        )

    def texels(self) -> tuple[np.ndarray, np.ndarray]:
        """x (W,) and y (H,) of the view's texels in arch coordinates, canonical units."""
        rows, columns = self.view.solid.shape
        left, top, density = self.place
        return left + np.arange(columns) / density, top + np.arange(rows) / density

    def points(self) -> np.ndarray:
        """(H, W, 3) canonical points of the texels, mouth closed."""
        x, y = self.texels()
        y = y * self.down
        grid = np.stack(np.broadcast_arrays(x, y[:, None], 0.0), axis=-1)
        grid[..., 2] = self.bend * grid[..., 0] ** 2 + self.lean * grid[..., 1]
        return grid + self.origin


@dataclass(frozen=True)
class _Interior:
    """What the portrait itself shows between its lips, in px of the crop.

    Attributes:
        left, top: px of the box's first pixel.
        rgb: (h, w, 3) float32, teeth freed of the lips' shadow.
        tooth: (h, w) float32 in 0–1, certainty that the pixel shows a tooth.
        has_teeth: enough of them to go by.
        colour: (3,) float32 RGB, median of the opening.
        opening: the opening's measures.
    """

    left: int
    top: int
    rgb: np.ndarray
    tooth: np.ndarray
    has_teeth: bool
    colour: np.ndarray
    opening: OwnOpening

    def teeth_at(self, points: np.ndarray, head: HeadTransform) -> tuple[np.ndarray, np.ndarray]:
        """Colour (H, W, 3) and certainty (H, W) at (H, W, 3) canonical points."""
        px = head.apply(points.reshape(-1, 3)).reshape(points.shape)
        x, y = px[..., 0] - self.left, px[..., 1] - self.top
        rgb = cv2.remap(self.rgb, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return rgb, cv2.remap(self.tooth, x, y, cv2.INTER_LINEAR)


def _ramp(low: float, high: float, value: np.ndarray) -> np.ndarray:
    t = np.clip((value - low) / (high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def _redness(rgb: np.ndarray) -> np.ndarray:
    return (rgb[..., 0] - (rgb[..., 1] + rgb[..., 2]) / 2) / (_luminance(rgb) + 8)


def _measure(
    face: FaceLatent,
    own: OwnOpening,
    coverage: np.ndarray,
    tooth: np.ndarray,
    dark: np.ndarray,
    left: int,
) -> OwnOpening:
    """Find how far the true edges of open lips lie from the tracked ones.

    Args:
        face: the portrait.
        own: measures to complete.
        coverage, tooth: (h, w) float32, the tracked opening and the teeth.
        dark: (h, w) bool, cavity.
        left: px of the crop where the maps begin.
    """
    scale = face.head.scale
    rows = np.arange(len(coverage))[:, None]
    inside = coverage > 0.5
    open_columns = np.flatnonzero(inside.sum(axis=0) > 2)
    first, last = inside.argmax(axis=0), np.where(inside, rows, -1).max(axis=0)
    lip_height = float(np.linalg.norm(face.canonical[13, :2] - face.canonical[0, :2]))
    most = min(MAX_OVERLAP, 0.4 * lip_height)
    reach = max(round(most * scale), 1)
    other = (dark | (tooth > 0.35)) & (rows < first) & (rows >= first - reach)
    past = np.where(other.any(axis=0), first - other.argmax(axis=0) + 0.5, 0)
    lowest = np.where(inside & (dark | (tooth > 0.5)), rows, -1).max(axis=0)
    seen = open_columns[(tooth * inside).max(axis=0)[open_columns] > 0.6]
    rise = float(np.median((last - lowest)[seen])) / scale if len(seen) else 0.0
    corners = face.landmarks[[78, 308], 0]
    at = left + open_columns
    grid = np.linspace(corners[0], corners[1], CONTOUR_SAMPLES)
    along = np.interp(grid, at, past[open_columns], left=0, right=0)
    widened = cv2.dilate(along[None].astype(np.float32), np.ones((1, 7), np.uint8))
    smooth = cv2.GaussianBlur(widened, (0, 0), 9.0)[0].astype(np.float64)
    return replace(
        own,
        overlap=np.clip(smooth / scale, 0, most),
        rise=float(np.clip(rise, 0, min(0.16, 0.5 * own.gap))),
    )


def _own_interior(face: FaceLatent, lip: np.ndarray) -> _Interior | None:
    """Look between the portrait's own lips; None where they touch.

    Teeth are less red than the lips and brighter than the cavity. Where lips have no red of their
    own (drawings, stone, grey photos), brightness alone does not tell them apart: no teeth then.

    Args:
        face: the portrait.
        lip: (3,) RGB of its lips.
    """
    scale = face.head.scale
    gap = float(face.canonical[14, 1] - face.canonical[13, 1])
    opening = _opening(face.landmarks, scale, OwnOpening())
    if gap < MIN_OWN_GAP or opening is None:
        return None
    h, w = opening.coverage.shape
    pad = max(round(MAX_OVERLAP * scale), 1)
    left, top = opening.left, max(opening.top - pad, 0)
    coverage = np.pad(opening.coverage, ((opening.top - top, 0), (0, 0)))
    rgb = face.image[top : opening.top + h, left : left + w].astype(np.float32)
    light, red = _luminance(rgb), _redness(rgb)
    inside = coverage > 0.7
    if not inside.any():
        return None
    lip_red, tooth_red = float(_redness(lip)), float(np.percentile(red[inside], 10))
    # Grey lips are no redder than teeth; the contrast then stays too low for any to be seen.
    contrast = max(lip_red - tooth_red, 1e-3)
    tooth_light = float(np.percentile(light[inside & (red <= tooth_red + contrast / 2)], 85))
    tooth = 1 - _ramp(tooth_red + 0.4 * contrast, tooth_red + 0.8 * contrast, red)
    tooth *= _ramp(0.4, 0.6, light / tooth_light)
    upwards = np.zeros((2 * pad + 1, 3), np.uint8)
    upwards[pad:] = 1
    tooth = cv2.GaussianBlur(tooth * cv2.dilate(coverage, upwards), (3, 3), 0)
    seen = tooth * coverage
    lip_light = float(_luminance(lip))
    has_teeth = (
        contrast > 0.25 * lip_red > 0.02
        and tooth_light > 0.6 * lip_light
        and float(seen.sum()) > MIN_OWN_AREA * scale**2
    )
    colour = np.median(rgb[inside], axis=0)
    measures = OwnOpening(gap=gap, seam=float(_ramp(0.12, 0.32, np.array(gap))))
    measures = _measure(face, measures, coverage, tooth * has_teeth, light < 0.62 * lip_light, left)
    shifted = _opening(face.landmarks, scale, measures)
    shade = np.ones_like(coverage)
    if shifted is not None:
        y, x = shifted.top - top, shifted.left - left
        part = shifted.light[max(-y, 0) :, max(-x, 0) :]
        y, x = max(y, 0), max(x, 0)
        part = part[: shade.shape[0] - y, : shade.shape[1] - x]
        shade[y : y + part.shape[0], x : x + part.shape[1]] = part
    lit = rgb / np.maximum(shade, 0.75)[..., None]
    if has_teeth:
        brightest = np.percentile(_luminance(lit[inside & (tooth > 0.6)]), 80)
        lit *= np.minimum(brightest / np.maximum(_luminance(lit), 1), 1)[..., None]
    return _Interior(left, top, lit, tooth, has_teeth, colour, measures)


def _incisal_edge(arch: _Arch, weight: np.ndarray) -> float | None:
    """y in arch coordinates where the own teeth end at the middle of the arch; None if unseen."""
    x, y = arch.texels()
    seen = (weight > 0.5) & (np.abs(x) < 1.0)
    columns = np.flatnonzero(seen.sum(axis=0) > 0.08 * arch.place[2])
    if len(columns) == 0:
        return None
    first = seen[:, columns].argmax(axis=0)
    # The first run of tooth from the root: below a dark gap the other arch begins.
    rows = np.arange(len(y))[:, None]
    after = (rows >= first) & ~seen[:, columns]
    ends = np.where(after.any(axis=0), after.argmax(axis=0), len(y) - 1)
    return float(np.percentile(y[ends], 70))


def _coloured(
    arch: _Arch, enamel: np.ndarray, palette: _Palette, own: tuple[np.ndarray, np.ndarray] | None
) -> np.ndarray:
    """(H, W, 4) float32 arch view in the portrait's colours, premultiplied by alpha.

    Args:
        own: colour (H, W, 3) and weight (H, W) of the portrait's own teeth.
    """
    view = arch.view
    solid = view.solid
    # Towards the cheeks light comes by way of the red of the mouth.
    corner = CORNER_SHADE * _ramp(CORNER_FROM, CORNER_TO, np.abs(arch.texels()[0]))[:, None]
    dim = palette.cavity + 0.25 * (palette.lip - palette.cavity)
    enamel, gum = (colour + corner * (dim - colour) for colour in (enamel, palette.gum))
    rgb = view.tooth[..., None] * enamel
    if own is None:
        rgb += view.gum[..., None] * gum
    else:
        colour, weight = own
        weight = cv2.GaussianBlur(weight, (0, 0), 1.0) * np.minimum(weight * 1.5, 1)
        # What the lips hid goes on in each column as the seen part of it.
        total = weight.sum(axis=0)
        spread = cv2.GaussianBlur(total[None], (0, 0), 3.0)[0]
        summed = (colour * weight[..., None]).sum(axis=0)
        column = cv2.GaussianBlur(summed[None], (0, 0), 3.0)[0]
        column /= np.maximum(spread, 1e-3)[:, None]
        known = cv2.GaussianBlur(_ramp(1.0, 4.0, total)[None], (0, 0), 6.0)[0][:, None]
        tooth = _ramp(0.2, 0.6, view.tooth)[..., None]
        rgb += known * tooth * (column * np.maximum(view.tooth, 0.85)[..., None] - rgb)
        rgb += weight[..., None] * (colour - rgb)
        rgb += ((1 - weight) * view.gum)[..., None] * gum
        solid = np.maximum(solid, weight)
    return np.dstack([rgb, solid]).astype(np.float32)


def _upper_arch(
    arch: _Arch, face: FaceLatent, interior: _Interior | None
) -> tuple[_Arch, tuple[np.ndarray, np.ndarray] | None]:
    """Hang the upper arch where the portrait shows it, and look up the teeth it shows."""
    if interior is None:
        return arch, None
    if not interior.has_teeth:
        # The lips are open and hide the teeth: they end above the upper lip's edge.
        edge = float(face.canonical[13, 1]) - float(interior.opening.overlap.max())
        hidden = edge - arch.origin[1]
        return replace(arch, origin=arch.origin + [0, min(hidden, 0.0), 0]), None
    edge = _incisal_edge(arch, interior.teeth_at(arch.points(), face.head)[1])
    if edge is not None:
        arch = replace(arch, origin=arch.origin + [0, edge, 0])
    colour, weight = interior.teeth_at(arch.points(), face.head)
    x, y = arch.texels()
    # Rims are mixed with the lips' colour; towards the corners too little is seen to go by.
    weight = _ramp(0.5, 0.95, weight) * (1 - _ramp(1.4, 1.8, np.abs(x)))
    return arch, (colour, weight * (1 - _ramp(0.02, 0.08, y))[:, None])


def prepare_mouth(face: FaceLatent) -> MouthAppearance:
    """Build what lies behind a portrait's lips, once per portrait."""
    neutral = face.neutral.astype(np.float64)
    width = float(np.linalg.norm(neutral[308] - neutral[78]))
    size = float(np.clip(0.5 + 0.5 * width / MEAN_MOUTH_WIDTH, 0.85, 1.12))
    origin = neutral[[13, 14]].mean(axis=0) + [0, INCISAL_DISPLAY * size, LIP_THICKNESS]
    density = TEXELS_PER_PX * face.head.scale * size
    palette = _palette(face)
    interior = _own_interior(face, palette.lip)
    upper = _Arch(origin, UPPER_BEND, UPPER_LEAN, 1.0, draw_arch(True, density), size)
    upper, own_teeth = _upper_arch(upper, face, interior)
    enamel = palette.enamel
    if own_teeth is not None and (own_teeth[1] > 0.7).any():
        sure = own_teeth[1] > 0.7
        drawn = max(float(np.median(upper.view.tooth[sure])), 0.5)
        enamel = np.median(own_teeth[0][sure], axis=0) / drawn
    hinge = neutral[HINGE_POINTS].mean(axis=0)
    rest = face.neutral[JAW_POINTS]
    origin = origin + [0, LOWER_DROP * size, OVERJET * size]
    if interior is not None:
        # A lower lip that hides its teeth in the portrait goes on hiding them.
        fall = jaw_angle(rest, hinge, face.canonical) * (hinge[2] - origin[2])
        origin[1] = max(origin[1], face.canonical[14, 1] - interior.opening.rise - fall)
    lower = _Arch(origin, LOWER_BEND, LOWER_LEAN, -1.0, draw_arch(False, density), size)
    if interior is not None and not interior.has_teeth:
        veil = interior.colour.astype(np.float32)
    else:
        veil = palette.cavity
    return MouthAppearance(
        upper=_coloured(upper, enamel, palette, own_teeth),
        lower=_coloured(lower, LOWER_SHADE * enamel, palette, None),
        upper_place=upper.place,
        lower_place=lower.place,
        upper_origin=upper.origin,
        lower_origin=lower.origin,
        cavity=palette.cavity,
        tongue=palette.tongue,
        rest=rest,
        hinge=hinge,
        contact=palette.contact,
        veil=veil,
        own=OwnOpening() if interior is None else interior.opening,
    )


def close_lips(face: FaceLatent) -> np.ndarray:
    """The portrait with lip colour in place of what shows between its lips.

    The tracked edges of open lips are a few px off, so that a warp of the portrait itself would
    carry rims of its teeth along with the lips; warp this picture instead.

    Returns:
        (512, 512, 3) uint8 RGB; the portrait itself where its lips touch.
    """
    interior = _own_interior(face, _palette(face).lip)
    if interior is None:
        return face.image
    opening = _opening(face.landmarks, face.head.scale, interior.opening)
    if opening is None:
        return face.image
    hole = np.zeros(face.image.shape[:2], np.uint8)
    h, w = opening.coverage.shape
    part = np.uint8(opening.coverage > 0.02) * 255
    hole[opening.top : opening.top + h, opening.left : opening.left + w] = part
    # Upwards only: the lower lip's edge is sharp, the upper one's lies in its own shadow.
    hole = cv2.dilate(hole, np.ones((4, 3), np.uint8), anchor=(1, 1))
    filled = cv2.inpaint(face.image, hole, 4, cv2.INPAINT_TELEA)
    # What little of the rim is left outside the hole is spread over it.
    soft = cv2.GaussianBlur(filled, (0, 0), 1.5).astype(np.float32)
    rim = cv2.dilate(hole, np.ones((3, 3), np.uint8)).astype(np.float32) / 255
    weight = cv2.GaussianBlur(rim, (0, 0), 1.0)[..., None]
    return (filled + weight * (soft - filled) + 0.5).astype(np.uint8)
