"""The refined regions: square crops of a frame that ride on the skull, and what is in them.

A region is anchored at a point of the resting head and turns and scales with it in the picture, so
that jaw, lips and lids move inside the crop and nothing else does. The left eye is seen mirrored:
one network knows one eye.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numba
import numpy as np

from openvasa.face.canonical import HeadTransform
from openvasa.face.latent import FaceLatent, FrameGeometry
from openvasa.face.topology import (
    CHIN,
    INNER_LIPS,
    LEFT_EYE,
    LEFT_IRIS,
    OUTER_LIPS,
    RIGHT_EYE,
    RIGHT_IRIS,
    canonical_mesh,
)
from openvasa.maths import smoothstep
from openvasa.render.rasterize import UNCOVERED, rasterize

DISPLACEMENT_UNIT = 16.0
"""Px of the crop by which a displacement of 1 moves."""

FIRST_MOVE, FULL_MOVE = 0.4, 1.6
"""Px of the crop that a region's points move, over which its refinement sets in: a portrait at
rest is shown as it is."""

FIELD_STEP = 4
"""Px of the crop that one cell of a refinement's fields covers."""

FEATHER = 10
"""Px over which a refinement fades out towards the border of its crop."""

_MARGIN_BITS = 3


@dataclass(frozen=True)
class Region:
    """One refined part of the face.

    Attributes:
        name: "mouth", "right eye" or "left eye".
        network: which network refines it.
        side: px of the crop.
        extent: canonical units that the crop covers.
        anchor: points whose resting mean is the crop's centre, before `offset`.
        offset: canonical units, x right and y down.
        mirrored: the crop is seen in a mirror.
        inner, outer: loops of points outlined in the geometry maps.
        watched: points whose movement tells whether anything changes here.
    """

    name: str
    network: str
    side: int
    extent: float
    anchor: tuple[int, ...]
    offset: tuple[float, float]
    mirrored: bool
    inner: np.ndarray
    outer: np.ndarray
    watched: np.ndarray


MOUTH = Region(
    name="mouth",
    network="mouth",
    side=128,
    extent=10.0,
    anchor=(13, 14, 78, 308),
    offset=(0.0, 1.0),
    mirrored=False,
    inner=INNER_LIPS,
    outer=OUTER_LIPS,
    watched=np.concatenate([INNER_LIPS, OUTER_LIPS, [CHIN, 50, 280, 205, 425]]),
)
RIGHT = Region(
    name="right eye",
    network="eye",
    side=64,
    extent=5.0,
    anchor=(33, 133),
    offset=(0.0, -0.5),
    mirrored=False,
    inner=RIGHT_EYE,
    outer=RIGHT_IRIS[1:],
    watched=np.concatenate([RIGHT_EYE, RIGHT_IRIS, [105, 66]]),
)
LEFT = Region(
    name="left eye",
    network="eye",
    side=64,
    extent=5.0,
    anchor=(263, 362),
    offset=(0.0, -0.5),
    mirrored=True,
    inner=LEFT_EYE,
    outer=LEFT_IRIS[1:],
    watched=np.concatenate([LEFT_EYE, LEFT_IRIS, [334, 296]]),
)
REGIONS = (MOUTH, RIGHT, LEFT)

GEOMETRY_CHANNELS = 4
"""Displacement x and y, inside of the inner loop, inside of the outer loop."""


def anchor_of(region: Region, neutral: np.ndarray) -> np.ndarray:
    """(3,) canonical point at the crop's centre, from the (478, 3) resting shape."""
    return neutral[list(region.anchor)].mean(axis=0) + np.array([*region.offset, 0.0])


def crop_affine(region: Region, head: HeadTransform, anchor: np.ndarray) -> np.ndarray:
    """(2, 3) float64 affine from px of the frame to px of the region's crop."""
    axis = head.rotation[:2, 0]
    axis = axis / np.linalg.norm(axis)
    zoom = region.side / (region.extent * head.scale)
    linear = zoom * np.array([[axis[0], axis[1]], [-axis[1], axis[0]]])
    if region.mirrored:
        linear[0] *= -1
    at = head.apply(anchor[None])[0, :2].astype(np.float64)
    middle = (region.side - 1) / 2
    return np.column_stack([linear, middle - linear @ at])


def cut(image: np.ndarray, affine: np.ndarray, side: int) -> np.ndarray:
    """(side, side, ...) crop of an image by an affine from its px to px of the crop."""
    return cv2.warpAffine(
        image,
        affine,
        (side, side),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )


def cut_finely(image: np.ndarray, affine: np.ndarray, side: int, stated: float) -> np.ndarray:
    """`cut` of an image whose px are finer than the crop's: their mean, as a coarser one has it.

    Args:
        image, affine, side: as for `cut`.
        stated: px of the image that one stated px is long.
    """
    times = max(round(stated), 1)
    if times == 1:
        return cut(image, affine, side)
    finer = affine * times
    # Centres of fine px lie around those of the crop's.
    finer[:, 2] += (times - 1) / 2
    return cv2.resize(cut(image, finer, side * times), (side, side), interpolation=cv2.INTER_AREA)


def _apply(affine: np.ndarray, points: np.ndarray) -> np.ndarray:
    return points @ affine[:, :2].T + affine[:, 2]


def _fill_loop(loop: np.ndarray, side: int) -> np.ndarray:
    """(side, side) uint8: the inside of a closed (N, 2) loop in px, anti-aliased."""
    picture = np.zeros((side, side), np.uint8)
    fixed = np.rint(loop * (1 << _MARGIN_BITS)).astype(np.int32)
    cv2.fillPoly(picture, [fixed[None]], 255, cv2.LINE_AA, _MARGIN_BITS)
    return picture


def geometry_maps(
    region: Region,
    landmarks: np.ndarray,
    source_landmarks: np.ndarray,
    affine: np.ndarray,
    source_affine: np.ndarray,
) -> np.ndarray:
    """What the geometry tells about a region, at half the crop's resolution.

    Args:
        region: the region.
        landmarks, source_landmarks: (478, 3) px of the frame and of the portrait.
        affine, source_affine: to px of the crop, from the frame and from the portrait.

    Returns:
        (GEOMETRY_CHANNELS, side / 2, side / 2) float32: where the skin came from, in
        `DISPLACEMENT_UNIT`s (0 off the face), and the two loops filled, in 0–1.
    """
    half = region.side // 2
    flat, source_flat = (
        _apply(a, points[:, :2])
        for a, points in ((affine, landmarks), (source_affine, source_landmarks))
    )
    # Centres of half-resolution px lie between full-resolution ones.
    at, source = (flat - 0.5) / 2, (source_flat - 0.5) / 2
    depth, maps = np.empty((half, half), np.float32), np.empty((4, half, half), np.float32)
    corners = np.column_stack([at, landmarks[:, 2]])[:468].astype(np.float32)
    triangles, window = canonical_mesh()[2], (0, 0, half, half)
    rasterize(corners, source[:468].astype(np.float32), triangles, depth, maps[0], maps[1], window)
    _measure_displacement(maps[0], maps[1], 2 / DISPLACEMENT_UNIT)
    for loop, into in ((region.inner, maps[2]), (region.outer, maps[3])):
        np.divide(_fill_loop(at[loop], half), np.float32(255), out=into)
    return maps


@numba.njit(cache=True, fastmath=True)
def _measure_displacement(from_x: np.ndarray, from_y: np.ndarray, unit: float) -> None:
    """Turn a map, in place, from where px came into how far they came; 0 where it is not known."""
    scale = np.float32(unit)
    for y in range(from_x.shape[0]):
        for x in range(from_x.shape[1]):
            seen = from_x[y, x] != UNCOVERED
            from_x[y, x] = (from_x[y, x] - np.float32(x)) * scale if seen else np.float32(0)
            from_y[y, x] = (from_y[y, x] - np.float32(y)) * scale if seen else np.float32(0)


def movement(
    region: Region,
    landmarks: np.ndarray,
    source_landmarks: np.ndarray,
    affine: np.ndarray,
    source_affine: np.ndarray,
) -> float:
    """0–1: how far the region has left the portrait's own state, 0 at rest."""
    now = _apply(affine, landmarks[region.watched, :2])
    then = _apply(source_affine, source_landmarks[region.watched, :2])
    most = float(np.linalg.norm(now - then, axis=1).max())
    return float(smoothstep(FIRST_MOVE, FULL_MOVE, most))


def source_view(region: Region, face: FaceLatent) -> tuple[np.ndarray, np.ndarray]:
    """The portrait's own crop of a region, (side, side, 3) uint8, and its affine."""
    affine = crop_affine(region, face.head, anchor_of(region, face.neutral))
    return cut_finely(face.image, affine, region.side, face.stated), affine


def frame_affine(region: Region, geometry: FrameGeometry, neutral: np.ndarray) -> np.ndarray:
    """(2, 3) affine from px of a frame to px of the region's crop."""
    return crop_affine(region, geometry.head, anchor_of(region, neutral))
