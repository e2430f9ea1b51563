"""Portrait → face latent: find the face, crop, track, fit, matte, complete the background."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from openvasa.errors import InputError
from openvasa.face.canonical import fit_head
from openvasa.face.dynamics import dynamics_code, separate_expression
from openvasa.face.landmarker import (
    MIN_PRESENCE,
    Detection,
    TrackedFace,
    blendshape_scores,
    detect_faces,
    track_detection,
    track_next,
)
from openvasa.face.latent import CROP_SIDE, FaceLatent
from openvasa.face.matte import person_matte
from openvasa.face.picture import load_picture
from openvasa.face.plate import background_plate
from openvasa.face.topology import CHIN, FACE_OVAL, FOREHEAD_TOP, LEFT_SIDE, RIGHT_SIDE

MIN_FACE_HEIGHT = 40
"""Shorter faces, in px of the picture, hold too little to animate at 512 × 512."""
MAX_YAW = 55.0
"""Degrees; beyond it half of the face is out of sight."""
CROP_OVER_FACE = 2.05
"""Side of the crop over the face's height: head, hair and shoulders."""
TIGHTEST_CROP = 1.4
RIVAL_SHARE = 0.6
"""A second face this tall, against the tallest, makes the choice the user's."""


def find_faces(picture: np.ndarray) -> list[TrackedFace]:
    """Every face of a picture, from left to right, each tracked.

    Faces too small for the detector on the whole picture are looked for in overlapping tiles.
    """
    detections = detect_faces(picture)
    faces = _track_all(picture, detections)
    if not faces:
        faces = _track_all(picture, _detect_in_tiles(picture))
    return sorted(faces, key=lambda f: float(f.landmarks[:, 0].mean()))


def _track_all(picture: np.ndarray, detections: list[Detection]) -> list[TrackedFace]:
    faces: list[TrackedFace] = []
    for detection in detections:
        tracked = track_detection(picture, detection)
        centre = tracked.landmarks[:, :2].mean(axis=0)
        apart = all(
            np.linalg.norm(f.landmarks[:, :2].mean(axis=0) - centre) > face_height(tracked) / 2
            for f in faces
        )
        if tracked.presence >= MIN_PRESENCE and apart:
            faces.append(tracked)
    return faces


def _detect_in_tiles(picture: np.ndarray) -> list[Detection]:
    height, width = picture.shape[:2]
    detections = []
    for share in (0.5, 0.25, 0.125):
        side = round(max(height, width) * share)
        steps = [range(0, max(extent - side // 2, 1), side // 2) for extent in (height, width)]
        for top in steps[0]:
            for left in steps[1]:
                tile = picture[top : top + side, left : left + side]
                shift = np.array([left, top], np.float32)
                detections += [
                    Detection(d.box + np.tile(shift, 2), d.keypoints + shift, d.score)
                    for d in detect_faces(tile)
                ]
        if detections:
            break
    return sorted(detections, key=lambda d: -d.score)


def face_height(face: TrackedFace) -> float:
    """Height of a face from forehead to chin or its width if larger, px."""
    return float(_largest_extent(face.landmarks[:, :2]))


def _largest_extent(points: np.ndarray) -> np.floating:
    """(478, 2) px → height of the face from forehead to chin or its width if larger, px."""
    height = np.linalg.norm(points[FOREHEAD_TOP] - points[CHIN])
    return max(height, np.linalg.norm(points[RIGHT_SIDE] - points[LEFT_SIDE]))


def choose_face(faces: list[TrackedFace], number: int | None, name: str) -> TrackedFace:
    """Pick the face to animate.

    Args:
        faces: from left to right.
        number: 1 is the leftmost; None picks the largest where no other comes near its size.
        name: the picture's name, for errors.
    """
    if not faces:
        raise InputError(
            f"{name}: no face found; use a picture in which a face looks roughly at the camera"
        )
    if number is not None:
        if not 1 <= number <= len(faces):
            raise InputError(
                f"{name}: there is no face {number}; choose 1 to {len(faces)}, from the left"
            )
        return faces[number - 1]
    tallest = max(faces, key=face_height)
    rivals = [f for f in faces if face_height(f) >= RIVAL_SHARE * face_height(tallest)]
    if len(rivals) > 1:
        raise InputError(
            f"{name}: {len(faces)} faces; choose one by its number, "
            f"1 to {len(faces)} from the left",
            parameters=("face",),
        )
    return tallest


def crop_square(landmarks: np.ndarray, height: int, width: int) -> np.ndarray:
    """(3,) float32 left, top and side of the square to animate, px of the picture.

    The square holds head and shoulders and stays inside the picture where the picture is large
    enough.
    """
    points = landmarks[:, :2]
    face = _largest_extent(points)
    side = max(min(CROP_OVER_FACE * face, height, width), TIGHTEST_CROP * face)
    centre = points[FACE_OVAL].mean(axis=0)
    corner = centre - side / 2
    room = np.array([width, height]) - side
    corner = np.where(room >= 0, np.clip(corner, 0, np.maximum(room, 0)), corner)
    return np.array([*corner, side], np.float32)


def cut_square(picture: np.ndarray, crop: np.ndarray, side: int = CROP_SIDE) -> np.ndarray:
    """(side, side, 3) uint8: the crop square, its outside filled from the picture's edge."""
    left, top, extent = (float(v) for v in crop)
    scale = side / extent
    matrix = np.array([[scale, 0, -left * scale], [0, scale, -top * scale]], np.float32)
    if scale < 0.5:
        # Area averaging first: a single linear resample would alias fine texture.
        shrink = 2 * scale
        picture = cv2.resize(picture, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
        matrix[:, :2] /= shrink
    flags = cv2.INTER_LINEAR if scale < 1 else cv2.INTER_CUBIC
    return cv2.warpAffine(
        picture, matrix, (side, side), flags=flags, borderMode=cv2.BORDER_REPLICATE
    )


def encode_picture(picture: np.ndarray, *, face: int | None = None, name: str) -> FaceLatent:
    """Encode a picture into a face latent.

    Args:
        picture: (H, W, 3) uint8 RGB.
        face: which face, 1 is the leftmost; None for the largest.
        name: what to call the picture in errors.

    Raises:
        InputError: no face, several faces of like size and none chosen, face too small, profile.
    """
    chosen = choose_face(find_faces(picture), face, name)
    if face_height(chosen) < MIN_FACE_HEIGHT:
        raise InputError(
            f"{name}: the face is {face_height(chosen):.0f} px tall; "
            f"use a picture in which it is at least {MIN_FACE_HEIGHT} px"
        )
    crop = crop_square(chosen.landmarks, *picture.shape[:2])
    image = cut_square(picture, crop)
    scale = np.float32(CROP_SIDE / crop[2])
    guess = chosen.landmarks * scale - np.array([*(crop[:2] * scale), 0], np.float32)
    landmarks = track_next(image, guess).landmarks
    head = fit_head(landmarks)
    yaw = float(head.euler_degrees[0])
    if abs(yaw) > MAX_YAW:
        raise InputError(
            f"{name}: the face is turned {abs(yaw):.0f}° away; use one turned less than "
            f"{MAX_YAW:.0f}°"
        )
    canonical = head.invert(landmarks)
    neutral, dynamics = separate_expression(canonical, dynamics_code())
    matte = person_matte(image, landmarks)
    return FaceLatent(
        image=image,
        landmarks=landmarks,
        head=head,
        canonical=canonical,
        neutral=neutral,
        dynamics=dynamics,
        blendshapes=blendshape_scores(landmarks),
        matte=matte,
        background=background_plate(image, matte),
        picture=picture,
        crop=crop,
    )


def load_portrait(path: str | Path, *, face: int | None = None) -> FaceLatent:
    """Encode a portrait file, or read an avatar file (`.npz`) encoded before.

    Args:
        path: any image format Pillow reads, or an avatar written by `FaceLatent.save`.
        face: which face of several, 1 is the leftmost; None for the largest.

    Raises:
        InputError: the file is no usable portrait; the message says why.
    """
    path = Path(path)
    if path.suffix == ".npz":
        return FaceLatent.load(path)
    return encode_picture(load_picture(path), face=face, name=str(path))
