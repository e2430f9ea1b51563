"""What can be measured of a face in a picture before it is animated."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from openvasa.face.canonical import fit_head
from openvasa.face.compression import measure_blocks
from openvasa.face.dynamics import lip_gap
from openvasa.face.find import face_height
from openvasa.face.landmarker import TrackedFace, track_jittered
from openvasa.face.occluders import Covers, measure_covers
from openvasa.face.topology import (
    CHIN,
    FACE_OVAL,
    FOREHEAD_TOP,
    LEFT_EYE,
    LEFT_LID_PAIRS,
    LIPS,
    OUTER_LIPS,
    RIGHT_EYE,
    RIGHT_LID_PAIRS,
    RIGID,
)

SHARPNESS_HEIGHT = 192
"""Height in px to which a face is brought before its sharpness is measured."""


@dataclass(frozen=True)
class FaceMeasures:
    """Numbers that tell how well a face will animate.

    Attributes:
        height: of the face, px.
        yaw: degrees, positive to the picture's right.
        eyes_inside, mouth_inside, forehead_inside, chin_inside: whether all their points lie in
            the picture.
        outline_inside: share of the face's outline in the picture, 0–1.
        room_below: from the chin to the lower edge of the picture, face heights.
        sharpness: fine detail against coarse detail of the face, 0–1.
        blocks: steps at the edges of JPEG's blocks over steps elsewhere; 1 without blocks.
        light: luminance that a tenth of the face exceeds, 0–255.
        clipped: share of the face at the end of the range of luminance, 0–1.
        eye_opening: height over width of the more open eye.
        mouth_opening: gap between the lips, canonical units.
        mouth_doubt: how much the tracked lips change with how the tracker is shown the face: the
            square of their spread over the spread of the rigid points, face heights.
        covers: what is in front of the face.
    """

    height: float
    yaw: float
    eyes_inside: bool
    mouth_inside: bool
    forehead_inside: bool
    chin_inside: bool
    outline_inside: float
    room_below: float
    sharpness: float
    blocks: float
    light: float
    clipped: float
    eye_opening: float
    mouth_opening: float
    mouth_doubt: float
    covers: Covers


def measure_face(picture: np.ndarray, face: TrackedFace) -> FaceMeasures:
    """Measure a tracked face.

    Args:
        picture: (H, W, 3) uint8 RGB.
        face: px of the picture.
    """
    points = face.landmarks[:, :2]
    height = face_height(face)
    head = fit_head(face.landmarks)
    last = np.array(picture.shape[1::-1]) - 1
    inside = np.all((points >= 0) & (points <= last), axis=1)
    grey, oval = _cut_face(picture, points, SHARPNESS_HEIGHT / height)
    luminance = grey[oval] if oval.any() else grey.ravel()
    return FaceMeasures(
        height=height,
        yaw=float(head.euler_degrees[0]),
        eyes_inside=bool(inside[RIGHT_EYE].all() and inside[LEFT_EYE].all()),
        mouth_inside=bool(inside[OUTER_LIPS].all()),
        forehead_inside=bool(inside[FOREHEAD_TOP]),
        chin_inside=bool(inside[CHIN]),
        outline_inside=float(inside[FACE_OVAL].mean()),
        room_below=float((picture.shape[0] - points[CHIN, 1]) / height),
        sharpness=_sharpness(grey, oval),
        blocks=measure_blocks(picture, points),
        light=float(np.percentile(luminance, 90)),
        clipped=float(np.mean(luminance > 250)),
        eye_opening=max(
            _opening(points, RIGHT_LID_PAIRS, RIGHT_EYE), _opening(points, LEFT_LID_PAIRS, LEFT_EYE)
        ),
        mouth_opening=float(lip_gap(head.invert(face.landmarks))),
        mouth_doubt=_mouth_doubt(picture, face),
        covers=measure_covers(picture, face.landmarks, head),
    )


def _cut_face(
    picture: np.ndarray, points: np.ndarray, scale: float
) -> tuple[np.ndarray, np.ndarray]:
    """Grey px of the face's box at a scale, float32, and the mask of its oval in the picture."""
    low = np.maximum(np.floor(points.min(axis=0)).astype(int), 0)
    high = np.minimum(np.ceil(points.max(axis=0)).astype(int) + 1, picture.shape[1::-1])
    box = cv2.cvtColor(picture[low[1] : high[1], low[0] : high[0]], cv2.COLOR_RGB2GRAY)
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    grey = cv2.resize(box.astype(np.float32), None, fx=scale, fy=scale, interpolation=way)
    oval = np.zeros(grey.shape, np.uint8)
    cv2.fillPoly(oval, [np.round((points[FACE_OVAL] - low) * scale).astype(np.int32)], 1)
    return grey, oval > 0


def _sharpness(grey: np.ndarray, oval: np.ndarray) -> float:
    """Mean amplitude of detail finer than 1 px over that finer than 4 px (Gaussian sigma)."""
    fine = np.abs(grey - cv2.GaussianBlur(grey, (0, 0), 1.0))
    coarse = np.abs(grey - cv2.GaussianBlur(grey, (0, 0), 4.0))
    mask = oval if oval.any() else np.ones_like(oval)
    return float(fine[mask].mean() / max(coarse[mask].mean(), 1e-3))


def _opening(points: np.ndarray, pairs: np.ndarray, eye: np.ndarray) -> float:
    lids = np.linalg.norm(points[pairs[:, 0]] - points[pairs[:, 1]], axis=1)
    return float(lids.max() / np.linalg.norm(points[eye[0]] - points[eye[8]]))


def _mouth_doubt(picture: np.ndarray, face: TrackedFace) -> float:
    # A tracker that sees no lips puts them where the rest of its crop makes them likely.
    spread = track_jittered(picture, face).std(axis=0).sum(axis=1)
    return float(spread[LIPS].mean() ** 2 / spread[RIGID].mean() / face_height(face))
