"""Put an eyeball together inside the lids of a frame: it stays rigid while gaze and lids move."""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np

from openvasa.face.canonical import HeadTransform
from openvasa.face.latent import FrameGeometry
from openvasa.maths import smoothstep
from openvasa.render.eye.lift import Eye
from openvasa.render.eye.margin import (
    COLUMNS_PER_SEGMENT,
    MARGIN_COLUMNS,
    MARGIN_OUT,
    MARGIN_STEP,
)
from openvasa.render.eye.view import ZOOM, measure_depth

EYEBALL_IN_IRIS_RADII = 1.75
"""Distance of the limbus from the eyeball's centre (mean adult eye: 10.4 mm over 5.9 mm)."""

LARGEST_TURN = 0.7
"""Sine of the largest turn of an eyeball that its iris is foreshortened for."""

HIGHLIGHT_FOLLOW = 0.5
"""How far the corneal highlight goes along with the iris: the cornea's centre of curvature lies
about half-way between the eyeball's centre and the pupil."""

HANDOVER = 0.2, 1.3
"""Stated px that iris or lids move, over which the eyeball takes over from the warp, whose pixels
are the portrait's own as long as nothing moves inside the eye."""

FREED = 0.8, 3.5
"""Stated px of the same, over which the lid margin goes from the portrait's own look to one that no
longer holds any of the iris that lay beside it there."""


class EyeTextures(NamedTuple):
    """What an eyeball is put together from, as in `Eye`."""

    sclera: np.ndarray
    iris_rgba: np.ndarray
    highlight: np.ndarray
    margin: np.ndarray


class TexelAffines(NamedTuple):
    """(2, 3) float64 affines from px of the frame to texels, one for each layer."""

    sclera: np.ndarray
    iris: np.ndarray
    highlight: np.ndarray


class Showing(NamedTuple):
    """How an eyeball is shown in one frame.

    Attributes:
        margin_px: px of the frame that one stated px of the lid margin's grid is deep.
        outside: px of the frame outside the lids up to which the margin reaches.
        fade: 0–1, opacity of the eyeball over the warp.
        freed: 0–1, from the margin as the portrait shows it to the one without traces of its iris.
    """

    margin_px: float
    outside: float
    fade: float
    freed: float


def paint_eyeball(
    frame: np.ndarray,
    geometry: FrameGeometry,
    eye: Eye,
    head: HeadTransform,
    lids: np.ndarray,
    opening: float,
    fade: float,
) -> None:
    """Paint one eyeball in place.

    Args:
        frame: (S, S, 3) uint8 RGB.
        geometry: one moment.
        eye: the eyeball.
        head: the portrait's own head transform.
        lids: (16, 2) px of the frame, the lid margin as drawn.
        opening: of the tracked lids, over the portrait's own.
        fade: 0–1, opacity.
    """
    points = geometry.landmarks[:, :2].astype(np.float64)
    zoom_by = geometry.head.scale / eye.head_scale
    linear = _find_linear_part(head, geometry.head)
    resting_middle = eye.contour[[0, 8]].astype(np.float64).mean(axis=0)
    middle = lids[[0, 8]].mean(axis=0)

    def at_rest(source: np.ndarray) -> np.ndarray:
        return middle + linear @ (source - resting_middle)

    shift = points[eye.points.iris[0]] - at_rest(eye.tracked_iris)
    travel = max(np.linalg.norm(shift) / zoom_by, abs(opening - 1) * eye.opening) / eye.stated
    iris = eye.iris[:2].astype(np.float64)
    turned = _foreshorten(eye, geometry, shift) @ linear
    spot = at_rest(iris) + HIGHLIGHT_FOLLOW * shift
    affines = TexelAffines(
        sclera=_invert_affine(linear, resting_middle, middle, eye.origin),
        iris=_invert_affine(turned, iris, at_rest(iris) + shift, eye.origin),
        highlight=_invert_affine(linear, iris, spot, eye.origin),
    )
    showing = Showing(
        margin_px=float(zoom_by * eye.stated),
        outside=MARGIN_OUT * eye.stated,
        fade=fade * float(smoothstep(*HANDOVER, travel)),
        freed=float(smoothstep(*FREED, travel)),
    )
    textures = EyeTextures(eye.sclera, eye.iris_rgba, eye.highlight, eye.margin)
    _paint(frame, lids, affines, textures, showing)


def _find_linear_part(portrait: HeadTransform, frame: HeadTransform) -> np.ndarray:
    """(2, 2) how the head's motion moves the plane of the face, portrait px to frame px."""
    before = portrait.scale * portrait.rotation[:2, :2]
    return frame.scale * frame.rotation[:2, :2] @ np.linalg.inv(before)


def _invert_affine(
    linear: np.ndarray, source: np.ndarray, target: np.ndarray, origin: np.ndarray
) -> np.ndarray:
    """(2, 3) affine from frame px to texels, undoing `target + linear @ (source px - source)`."""
    inverse = np.linalg.inv(linear)
    return np.column_stack([inverse, source - origin - inverse @ target]) * ZOOM


def _foreshorten(eye: Eye, geometry: FrameGeometry, shift: np.ndarray) -> np.ndarray:
    """(2, 2) how much narrower a turned eyeball shows its iris, against the portrait."""
    zoom_by = geometry.head.scale / eye.head_scale
    reach = EYEBALL_IN_IRIS_RADII * eye.iris[2] * zoom_by
    length = float(np.linalg.norm(shift))
    if length < 1e-3:
        return np.eye(2)
    direction = shift / length
    cosine = np.sqrt(1 - min(length / reach, LARGEST_TURN) ** 2)
    return np.eye(2) + (cosine - 1) * np.outer(direction, direction)


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
def _texel_at(texture: np.ndarray, affine: np.ndarray, x: int, y: int, out: np.ndarray) -> None:
    """`_texel` at a px of the frame."""
    _texel(
        texture,
        affine[0, 0] * x + affine[0, 1] * y + affine[0, 2],
        affine[1, 0] * x + affine[1, 1] * y + affine[1, 2],
        out,
    )


@numba.njit(cache=True, fastmath=True, nogil=True)
def _paint(
    frame: np.ndarray,
    lids: np.ndarray,
    affines: TexelAffines,
    textures: EyeTextures,
    showing: Showing,
) -> None:
    """Compose sclera, iris, highlight and margin at every px inside the (16, 2) lids."""
    reach = showing.outside
    left = max(int(lids[:, 0].min() - reach), 0)
    right = min(int(lids[:, 0].max() + reach) + 2, frame.shape[1])
    top = max(int(lids[:, 1].min() - reach), 0)
    bottom = min(int(lids[:, 1].max() + reach) + 2, frame.shape[0])
    white = np.empty(3, np.float32)
    ring = np.empty(4, np.float32)
    light = np.empty(3, np.float32)
    rim = np.empty(7, np.float32)
    for y in range(top, bottom):
        for x in range(left, right):
            depth, segment, along = measure_depth(lids, x, y)
            if depth < -reach:
                continue
            column = (segment + along) * COLUMNS_PER_SEGMENT - 0.5
            if column < 0:
                column += MARGIN_COLUMNS
            row = (depth / showing.margin_px + MARGIN_OUT) / MARGIN_STEP
            _texel(textures.margin, column, row, rim)
            alpha = showing.fade * rim[3]
            if alpha < 0.004:
                continue
            _texel_at(textures.sclera, affines.sclera, x, y, white)
            _texel_at(textures.iris_rgba, affines.iris, x, y, ring)
            _texel_at(textures.highlight, affines.highlight, x, y, light)
            for k in range(3):
                value = white[k] + ring[3] * (ring[k] - white[k]) + light[k]
                ratio = rim[k + 4] + showing.freed * (rim[k] - rim[k + 4])
                value = min(max(value * ratio, 0.0), 255.0)
                old = frame[y, x, k]
                frame[y, x, k] = np.uint8(old + alpha * (value - old) + 0.5)
