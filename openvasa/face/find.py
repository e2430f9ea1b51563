"""Picture → the faces in it, in reading order, and the one to animate."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from openvasa.errors import InputError
from openvasa.face.landmarker import (
    DETECTOR_SIDE,
    MIN_PRESENCE,
    Detection,
    TrackedFace,
    detect_faces,
    track_detection,
)
from openvasa.face.topology import CHIN, FOREHEAD_TOP, LEFT_SIDE, RIGHT_SIDE

NUMBER_COLOUR = (255, 210, 0)
RIVAL_SHARE = 0.6
"""A second face this tall, against the tallest, makes the choice the user's."""
SURE_SHARE = 0.2
"""The detector finds each of the test portraits where its face is so tall against the side of what
it is shown (each at six places; at 0.18 it finds 99 %, at 0.12 85 %)."""
READING_ORDER = "row by row from the top left"
"""How faces are numbered, in words."""
SURE_SCORE = 0.75
"""The detector gives upright faces more than this in 1413 of 1414 frames of filmed people."""
TILE_SHARES = (1.0, 0.5, 0.25, 0.125)
"""Sides of the tiles that are searched, against the picture's long side."""


def find_faces(picture: np.ndarray) -> list[TrackedFace]:
    """Every face of a picture, tracked, in reading order: row by row, each from left to right.

    The picture is searched whole, then in ever smaller overlapping tiles, until the tiles are so
    small that no face as tall as half the tallest one found can escape.

    Args:
        picture: (H, W, 3) uint8 RGB.
    """
    faces: list[TrackedFace] = []
    for share in TILE_SHARES:
        tile_side = share * max(picture.shape[:2])
        tallest = max(map(face_height, faces), default=0.0)
        if share < 1 and SURE_SHARE * tile_side * 2 < RIVAL_SHARE * tallest:
            break
        detections = detect_in_tiles(picture, round(tile_side))
        if share < 1:
            # Many small tiles show much that looks a little like a face.
            detections = [d for d in detections if d.score >= SURE_SCORE]
        _add_tracked(faces, picture, detections)
    return _in_reading_order(faces)


def _add_tracked(
    faces: list[TrackedFace], picture: np.ndarray, detections: list[Detection]
) -> None:
    """Track the detections that lie on no face yet and add what proves to be one."""
    for detection in detections:
        if any(_is_same(face, (detection.box[:2] + detection.box[2:]) / 2) for face in faces):
            continue
        tracked = track_detection(picture, detection)
        again = any(_is_same(face, centre_of(tracked)) for face in faces)
        if tracked.presence >= MIN_PRESENCE and not again:
            faces.append(tracked)


def _is_same(face: TrackedFace, centre: np.ndarray) -> bool:
    return bool(np.linalg.norm(centre_of(face) - centre) < face_height(face) / 2)


def detect_in_tiles(picture: np.ndarray, side: int) -> list[Detection]:
    """Detections in square tiles that overlap by half, the surest first.

    Args:
        picture: (H, W, 3) uint8 RGB.
        side: of a tile, px of the picture.
    """
    scale = min(1.0, 2 * DETECTOR_SIDE / side)
    if scale < 1:
        picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    detections = []
    for left, top, tile in _cut_tiles(picture, max(round(side * scale), 1)):
        shift = np.array([left, top], np.float32)
        detections += [
            Detection((d.box + np.tile(shift, 2)) / scale, (d.keypoints + shift) / scale, d.score)
            for d in detect_faces(tile)
        ]
    return sorted(detections, key=lambda d: -d.score)


def _cut_tiles(picture: np.ndarray, side: int) -> Iterator[tuple[int, int, np.ndarray]]:
    """Left, top and pixels of each tile."""
    starts = [_tile_starts(extent, side) for extent in picture.shape[:2]]
    for top in starts[0]:
        for left in starts[1]:
            yield left, top, picture[top : top + side, left : left + side]


def _tile_starts(extent: int, side: int) -> list[int]:
    """Where tiles begin along one side of the picture, the last one flush with its end."""
    if side >= extent:
        return [0]
    count = int(np.ceil((extent - side) / (side / 2))) + 1
    return [round(start) for start in np.linspace(0, extent - side, count)]


def centre_of(face: TrackedFace) -> np.ndarray:
    """(2,) mean of a face's points, px."""
    return face.landmarks[:, :2].mean(axis=0)


def face_height(face: TrackedFace) -> float:
    """Height of a face from forehead to chin or its width if larger, px."""
    return float(largest_extent(face.landmarks[:, :2]))


def largest_extent(points: np.ndarray) -> np.floating:
    """(478, 2) px → height of the face from forehead to chin or its width if larger, px."""
    height = np.linalg.norm(points[FOREHEAD_TOP] - points[CHIN])
    return max(height, np.linalg.norm(points[RIGHT_SIDE] - points[LEFT_SIDE]))


def _in_reading_order(faces: list[TrackedFace]) -> list[TrackedFace]:
    """Sort by rows; a face begins a new row where it lies a face height below the last row."""
    rows: list[list[TrackedFace]] = []
    for face in sorted(faces, key=lambda f: float(centre_of(f)[1])):
        if rows and _row_level(rows[-1]) + face_height(face) > centre_of(face)[1]:
            rows[-1].append(face)
        else:
            rows.append([face])
    return [face for row in rows for face in sorted(row, key=lambda f: float(centre_of(f)[0]))]


def _row_level(row: list[TrackedFace]) -> float:
    return float(np.mean([centre_of(face)[1] for face in row]))


def choose_face(faces: list[TrackedFace], number: int | None, name: str) -> TrackedFace:
    """Pick the face to animate.

    Args:
        faces: in reading order.
        number: 1 is the first; None picks the largest where no other comes near its size.
        name: the picture's name, for errors.

    Raises:
        InputError: no face, none of that number, or several of like size and no number.
    """
    if not faces:
        raise InputError(
            f"{name}: no face found; use a picture in which a face looks roughly at the camera"
        )
    if number is not None:
        if not 1 <= number <= len(faces):
            raise InputError(
                f"{name}: there is no face {number}; choose 1 to {len(faces)}, {READING_ORDER}",
                parameters=("faces",),
            )
        return faces[number - 1]
    tallest = max(faces, key=face_height)
    rivals = [f for f in faces if face_height(f) >= RIVAL_SHARE * face_height(tallest)]
    if len(rivals) > 1:
        raise InputError(
            f"{name}: {len(faces)} faces; choose one by its number, 1 to {len(faces)}, "
            f"{READING_ORDER}",
            parameters=("face", "faces"),
        )
    return tallest


def number_faces(picture: np.ndarray, faces: list[TrackedFace]) -> np.ndarray:
    """(H, W, 3) uint8 RGB: a picture with a numbered box around each face, in the order given."""
    drawn = picture.copy()
    for number, face in enumerate(faces, start=1):
        points = face.landmarks[:, :2]
        left, top = (int(v) for v in points.min(axis=0))
        right, bottom = (int(v) for v in points.max(axis=0))
        line = max(round(face_height(face) / 60), 1)
        cv2.rectangle(drawn, (left, top), (right, bottom), NUMBER_COLOUR, line)
        at = (left + 2 * line, bottom - 3 * line)
        size = face_height(face) / 90
        for colour, width in (((0, 0, 0), 5 * line), (NUMBER_COLOUR, 2 * line)):
            cv2.putText(drawn, str(number), at, cv2.FONT_HERSHEY_SIMPLEX, size, colour, width)
    return drawn
