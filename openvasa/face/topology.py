"""Which of the 478 tracked points is what: loops, pairs and triangles of the face mesh.

Point numbers are those of Google's face mesh (468 surface points, then 5 per iris). "Right" and
"left" are the subject's own, so the right eye lies on the left of the picture.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np

from openvasa.assets import THIRD_PARTY

POINTS = 478
SURFACE_POINTS = 468

FOREHEAD_TOP, CHIN = 10, 152
"""Highest and lowest point of the face's outline, on the midline."""

RIGHT_SIDE, LEFT_SIDE = 234, 454
"""Points of the face's outline before the ears, between which the face is widest."""

FACE_OVAL = np.array(
    [10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377]
    + [152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109]
)
"""Outline of the face, closed, clockwise in the picture from the top of the forehead."""

INNER_LIPS = np.array(
    [78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95]
)
"""Inner edge of the lips, closed: right corner, along the upper lip, left corner, lower lip."""

OUTER_LIPS = np.array(
    [61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291, 375, 321, 405, 314, 17, 84, 181, 91, 146]
)
"""Outer edge of the lips, closed, in the order of `INNER_LIPS`."""

INNER_LIP_PAIRS = np.array(
    [[191, 95], [80, 88], [81, 178], [82, 87], [13, 14], [312, 317], [311, 402], [310, 318]]
    + [[415, 324]]
)
"""(upper, lower) points of the inner lips that touch when the mouth closes."""

RIGHT_EYE = np.array([33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7])
"""Lid margin of the right eye, closed: outer corner, upper lid, inner corner, lower lid."""

LEFT_EYE = np.array(
    [263, 466, 388, 387, 386, 385, 384, 398, 362, 382, 381, 380, 374, 373, 390, 249]
)
"""Lid margin of the left eye, closed: outer corner, upper lid, inner corner, lower lid."""

RIGHT_LID_PAIRS = np.array([[246, 7], [161, 163], [160, 144], [159, 145], [158, 153], [157, 154]])
LEFT_LID_PAIRS = np.array([[466, 249], [388, 390], [387, 373], [386, 374], [385, 380], [384, 381]])

RIGHT_IRIS = np.arange(468, 473)
LEFT_IRIS = np.arange(473, 478)
"""Iris points: centre, then four on the limbus."""

RIGHT_BROW = np.array([70, 63, 105, 66, 107, 55, 65, 52, 53, 46])
LEFT_BROW = np.array([300, 293, 334, 296, 336, 285, 295, 282, 283, 276])

LIPS = np.unique(
    np.concatenate(
        [
            INNER_LIPS,
            OUTER_LIPS,
            [76, 184, 74, 73, 72, 11, 302, 303, 304, 408, 306, 307, 320, 404, 315, 16, 85, 180],
            [90, 77, 62, 183, 42, 41, 38, 12, 268, 271, 272, 407, 292, 325, 319, 403, 316, 15],
            [86, 179, 89, 96],
        ]
    )
)
"""Every point on the red of the lips."""

RIGID = np.array(
    [4, 5, 195, 197, 6, 168, 10, 33, 263, 133, 362, 54, 284, 67, 297, 117, 346, 119, 348, 121]
    + [350, 127, 356, 143, 372, 198, 420, 129, 358, 9, 8, 151]
)
"""Points that hardly move against the skull: what the head pose is measured on."""


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def _protobuf_fields(data: bytes) -> Iterator[tuple[int, Any]]:
    """Yield (field number, value) of one protobuf message; bytes, int or float values."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        if key & 7 == 0:
            value, at = _varint(data, at)
        elif key & 7 == 2:
            size, at = _varint(data, at)
            value, at = data[at : at + size], at + size
        else:
            value, at = struct.unpack("<f", data[at : at + 4])[0], at + 4
        yield key >> 3, value


@lru_cache(maxsize=1)
def canonical_mesh() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Google's mean head: the frame and size that every face is fitted to.

    Returns:
        vertices: (468, 3) float32, canonical space: x right in the picture, y down, z away from
            the camera, centimetre-like units.
        uv: (468, 2) float32 texture coordinates of the same mesh.
        triangles: (898, 3) int32.
    """
    metadata = (THIRD_PARTY / "geometry_pipeline_metadata_landmarks.binarypb").read_bytes()
    mesh = next(v for f, v in _protobuf_fields(metadata) if f == 1)
    buffers: dict[int, list] = {}
    for field, value in _protobuf_fields(mesh):
        buffers.setdefault(field, []).append(value)
    vertices = np.array(buffers[3], np.float32).reshape(-1, 5)
    triangles = np.array(buffers[4], np.int32).reshape(-1, 3)
    return vertices[:, :3] * np.array([1, -1, -1], np.float32), vertices[:, 3:], triangles


@lru_cache(maxsize=1)
def near_oval() -> np.ndarray:
    """(468,) float32: 1 on the face's oval and next to it, 0.5 one point farther in, else 0."""
    triangles = canonical_mesh()[2]
    inside = np.full(SURFACE_POINTS, 3)
    inside[FACE_OVAL] = 0
    for steps in (1, 2):
        touched = triangles[(inside[triangles] < steps).any(axis=1)]
        inside[touched] = np.minimum(inside[touched], steps)
    return np.array([1, 1, 0.5, 0], np.float32)[inside]


def mirror_pairs() -> np.ndarray:
    """(478,) int32: for each point the number of its mirror image across the face's midline."""
    vertices = canonical_mesh()[0]
    mirrored = vertices * np.array([-1, 1, 1], np.float32)
    distance = np.linalg.norm(vertices[:, None] - mirrored[None], axis=2)
    # The limbus points run right, top, left, bottom in the picture for both irises.
    irises = [473, 476, 475, 474, 477, 468, 471, 470, 469, 472]
    return np.concatenate([distance.argmin(axis=1), irises]).astype(np.int32)
