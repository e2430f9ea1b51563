"""Find faces and track their 478 landmarks and 52 blendshapes.

The three networks are those of Google's face landmarker bundle (Apache-2.0): BlazeFace
(Bazarevsky et al., arXiv:1907.05047), the attention mesh (Grishchenko et al., arXiv:2006.10962)
and the blendshape regressor. How a crop is cut around a face follows the bundle's model cards.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from openvasa.assets import THIRD_PARTY
from openvasa.backend import Network, compile_network

DETECTOR_SIDE = 128
MESH_SIDE = 256
CROP_MARGIN = 1.5
"""Side of the mesh network's crop over the longer side of the face's box."""
MIN_PRESENCE = 0.5
"""Landmarks of a crop that less probably holds a face are worth nothing."""

BLENDSHAPE_NAMES = (
    ["_neutral", "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft"]
    + ["browOuterUpRight", "cheekPuff", "cheekSquintLeft", "cheekSquintRight", "eyeBlinkLeft"]
    + ["eyeBlinkRight", "eyeLookDownLeft", "eyeLookDownRight", "eyeLookInLeft"]
    + ["eyeLookInRight", "eyeLookOutLeft", "eyeLookOutRight", "eyeLookUpLeft"]
    + ["eyeLookUpRight", "eyeSquintLeft", "eyeSquintRight", "eyeWideLeft", "eyeWideRight"]
    + ["jawForward", "jawLeft", "jawOpen", "jawRight", "mouthClose", "mouthDimpleLeft"]
    + ["mouthDimpleRight", "mouthFrownLeft", "mouthFrownRight", "mouthFunnel", "mouthLeft"]
    + ["mouthLowerDownLeft", "mouthLowerDownRight", "mouthPressLeft", "mouthPressRight"]
    + ["mouthPucker", "mouthRight", "mouthRollLower", "mouthRollUpper", "mouthShrugLower"]
    + ["mouthShrugUpper", "mouthSmileLeft", "mouthSmileRight", "mouthStretchLeft"]
    + ["mouthStretchRight", "mouthUpperUpLeft", "mouthUpperUpRight", "noseSneerLeft"]
    + ["noseSneerRight"]
)
"""The 52 outputs of the blendshape network, in its order (ARKit names; ARKit's tongueOut is not
among them, `_neutral` is Google's)."""

BLENDSHAPE_POINTS = np.array(
    [0, 1, 4, 5, 6, 7, 8, 10, 13, 14, 17, 21, 33, 37, 39, 40, 46, 52, 53, 54, 55, 58, 61, 63, 65]
    + [66, 67, 70, 78, 80, 81, 82, 84, 87, 88, 91, 93, 95, 103, 105, 107, 109, 127, 132, 133]
    + [136, 144, 145, 146, 148, 149, 150, 152, 153, 154, 155, 157, 158, 159, 160, 161, 162, 163]
    + [168, 172, 173, 176, 178, 181, 185, 191, 195, 197, 234, 246, 249, 251, 263, 267, 269, 270]
    + [276, 282, 283, 284, 285, 288, 291, 293, 295, 296, 297, 300, 308, 310, 311, 312]
    + [314, 317, 318, 321, 323, 324, 332, 334, 336, 338, 356, 361, 362, 365, 373, 374, 375, 377]
    + [378, 379, 380, 381, 382, 384, 385, 386, 387, 388, 389, 390, 397, 398, 400, 402, 405, 409]
    + [415, 454, 466, 468, 469, 470, 471, 472, 473, 474, 475, 476, 477]
)


@dataclass(frozen=True)
class Detection:
    """One detected face, in pixels of the picture.

    Attributes:
        box: (4,) float32 left, top, right, bottom.
        keypoints: (6, 2) float32 right eye, left eye, nose tip, mouth, right ear, left ear.
        score: confidence in 0–1.
    """

    box: np.ndarray
    keypoints: np.ndarray
    score: float

    @property
    def height(self) -> float:
        """Height of the box in px."""
        return float(self.box[3] - self.box[1])


@dataclass(frozen=True)
class TrackedFace:
    """Landmarks of one face in one picture.

    Attributes:
        landmarks: (478, 3) float32 px of the picture; z has the same scale, away from the camera.
        presence: probability in 0–1 that the crop held a face.
    """

    landmarks: np.ndarray
    presence: float


@lru_cache(maxsize=4)
def _network(name: str, threads: int) -> Network:
    batch = 1 if name == "face_landmarks_detector" else None
    return compile_network(THIRD_PARTY / f"{name}.tflite", threads=threads, batch=batch)


def _anchors() -> np.ndarray:
    """(896, 2) float32 anchor centres of BlazeFace's short-range model, in 0–1."""
    layers = []
    for cells, count in ((16, 2), (8, 6)):
        centres = (np.arange(cells, dtype=np.float32) + 0.5) / cells
        grid = np.stack(np.meshgrid(centres, centres), axis=-1).reshape(-1, 1, 2)
        layers.append(np.repeat(grid, count, axis=1).reshape(-1, 2))
    return np.concatenate(layers)


def _merge_overlapping(detections: list[Detection], overlap: float = 0.3) -> list[Detection]:
    """Weighted non-maximum suppression: overlapping detections become their weighted mean."""
    left = sorted(detections, key=lambda d: -d.score)
    kept = []
    while left:
        best = left[0]
        group = [d for d in left if _iou(best.box, d.box) >= overlap]
        weights = np.array([d.score for d in group], np.float32)
        weights /= weights.sum()
        box = sum(w * d.box for w, d in zip(weights, group, strict=True))
        keypoints = sum(w * d.keypoints for w, d in zip(weights, group, strict=True))
        kept.append(Detection(np.asarray(box), np.asarray(keypoints), best.score))
        left = [d for d in left if not any(d is g for g in group)]
    return kept


def _iou(a: np.ndarray, b: np.ndarray) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    areas = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1])
    return float(shared / (areas - shared))


def detect_faces(image: np.ndarray, *, min_score: float = 0.5, threads: int = 2) -> list[Detection]:
    """Detect faces that fill at least about a tenth of the picture's longer side.

    Args:
        image: (H, W, 3) uint8 RGB.
        min_score: detections below this confidence are dropped.
        threads: CPU threads.

    Returns:
        Detections, the most confident first, overlapping ones merged.
    """
    height, width = image.shape[:2]
    side = max(height, width)
    scale = DETECTOR_SIDE / side
    offset = np.array([(side - width) / 2, (side - height) / 2], np.float32)
    matrix = np.array([[scale, 0, offset[0] * scale], [0, scale, offset[1] * scale]], np.float32)
    interpolation = cv2.INTER_LINEAR
    if scale < 0.5:
        reduced = cv2.resize(image, None, fx=2 * scale, fy=2 * scale, interpolation=cv2.INTER_AREA)
        matrix[:, :2] *= width / reduced.shape[1]
        square = cv2.warpAffine(reduced, matrix, (DETECTOR_SIDE,) * 2, flags=interpolation)
    else:
        square = cv2.warpAffine(image, matrix, (DETECTOR_SIDE,) * 2, flags=interpolation)
    tensor = (square.astype(np.float32) / 127.5 - 1)[None]
    regressors, logits = _network("face_detector", threads)(tensor)
    scores = 1 / (1 + np.exp(-np.clip(logits.reshape(-1), -50, 50)))
    picked = np.flatnonzero(scores >= min_score)
    values = regressors.reshape(-1, 8, 2)[picked] / DETECTOR_SIDE
    anchors = _anchors()[picked]
    detections = []
    for value, anchor, score in zip(values, anchors, scores[picked], strict=True):
        centre, extent, keypoints = value[0] + anchor, value[1], value[2:] + anchor
        box = np.concatenate([centre - extent / 2, centre + extent / 2]) * side
        detections.append(
            Detection(box - np.tile(offset, 2), keypoints * side - offset, float(score))
        )
    return _merge_overlapping(detections)


def _crop_matrix(centre: np.ndarray, side: float, angle: float) -> np.ndarray:
    """(2, 3) float32 affine from picture px to the mesh network's crop px."""
    scale = MESH_SIDE / side
    cos, sin = np.cos(angle) * scale, np.sin(angle) * scale
    linear = np.array([[cos, sin], [-sin, cos]])
    return np.column_stack([linear, MESH_SIDE / 2 - linear @ centre]).astype(np.float32)


def _matrix_from_detection(detection: Detection) -> np.ndarray:
    right_eye, left_eye = detection.keypoints[:2]
    angle = float(np.arctan2(*(left_eye - right_eye)[::-1]))
    centre = (detection.box[:2] + detection.box[2:]) / 2
    side = float(np.max(detection.box[2:] - detection.box[:2])) * CROP_MARGIN
    return _crop_matrix(centre, side, angle)


def _matrix_from_landmarks(landmarks: np.ndarray) -> np.ndarray:
    points = landmarks[:, :2]
    angle = float(np.arctan2(*(points[263] - points[33])[::-1]))
    rotation = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    upright = points @ rotation.T
    low, high = upright.min(axis=0), upright.max(axis=0)
    centre = rotation.T @ ((low + high) / 2)
    return _crop_matrix(centre, float(np.max(high - low)) * CROP_MARGIN, angle)


def _track_in_crop(image: np.ndarray, matrix: np.ndarray, threads: int) -> TrackedFace:
    crop = cv2.warpAffine(
        image, matrix, (MESH_SIDE, MESH_SIDE), flags=cv2.INTER_LINEAR, borderValue=(0, 0, 0)
    )
    tensor = (crop.astype(np.float32) / 255)[None]
    points, presence, _ = _network("face_landmarks_detector", threads)(tensor)
    points = points.reshape(-1, 3)
    inverse = cv2.invertAffineTransform(matrix)
    xy = points[:, :2] @ inverse[:, :2].T + inverse[:, 2]
    z = points[:, 2:] * np.linalg.norm(inverse[0, :2])
    probability = 1 / (1 + np.exp(-np.clip(float(presence.reshape(-1)[0]), -50, 50)))
    return TrackedFace(np.hstack([xy, z]).astype(np.float32), float(probability))


def track_detection(
    image: np.ndarray, detection: Detection, *, rounds: int = 3, threads: int = 2
) -> TrackedFace:
    """Landmarks of a detected face in a still picture.

    The crop is cut again around each round's landmarks, so that the result no longer depends
    on the detector's rougher box.
    """
    tracked = _track_in_crop(image, _matrix_from_detection(detection), threads)
    for _ in range(rounds - 1):
        tracked = _track_in_crop(image, _matrix_from_landmarks(tracked.landmarks), threads)
    return tracked


def track_next(image: np.ndarray, previous: np.ndarray, *, threads: int = 2) -> TrackedFace:
    """Landmarks in the next frame of a video, from where the face was in the last one.

    Args:
        image: (H, W, 3) uint8 RGB.
        previous: (478, 3) landmarks of the last frame, px.
        threads: CPU threads.
    """
    return _track_in_crop(image, _matrix_from_landmarks(previous), threads)


def track_jittered(image: np.ndarray, face: TrackedFace, *, threads: int = 2) -> np.ndarray:
    """Landmarks of one face from crops that differ in angle, size and place.

    Args:
        image: (H, W, 3) uint8 RGB.
        face: upright, px of the image.
        threads: CPU threads.

    Returns:
        (18, 478, 2) float32 px of the image.
    """
    low, high = face.landmarks[:, :2].min(axis=0), face.landmarks[:, :2].max(axis=0)
    centre, side = (low + high) / 2, float(np.max(high - low))
    tracked = [
        _track_in_crop(
            image, _crop_matrix(centre + [0, drop * side], wide * side, np.radians(angle)), threads
        )
        for angle in (-15, 0, 15)
        for wide in (1.3, 1.6, 1.9)
        for drop in (0, 0.12)
    ]
    return np.stack([one.landmarks[:, :2] for one in tracked])


def follow_face(
    image: np.ndarray, previous: np.ndarray | None, *, threads: int = 2
) -> TrackedFace | None:
    """The face of the last frame or, where it is lost, the largest one in the picture.

    Args:
        image: (H, W, 3) uint8 RGB.
        previous: (478, 3) landmarks of the last frame, px; None where it had no face.
        threads: CPU threads.

    Returns:
        A face, perhaps with a presence below `MIN_PRESENCE`; None where none is detected.
    """
    if previous is not None:
        tracked = track_next(image, previous, threads=threads)
        if tracked.presence >= MIN_PRESENCE:
            return tracked
    found = detect_faces(image, threads=threads)
    largest = max(found, key=lambda d: d.height, default=None)
    return track_detection(image, largest, threads=threads) if largest else None


def find_blendshapes(action: str) -> list[int]:
    """Numbers of the blendshapes of an action, those of both sides where it names none."""
    names = (action, f"{action}Left", f"{action}Right")
    return [index for index, name in enumerate(BLENDSHAPE_NAMES) if name in names]


def blendshape_scores(landmarks: np.ndarray, *, threads: int = 2) -> np.ndarray:
    """(52,) float32 in 0–1, in the order of `BLENDSHAPE_NAMES`, from (478, 3) landmarks in px."""
    points = landmarks[BLENDSHAPE_POINTS, :2].astype(np.float32)[None]
    return _network("face_blendshapes", threads)(points)[0].reshape(-1)
