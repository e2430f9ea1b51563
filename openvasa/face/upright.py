"""A picture that lies on its side, stands on its head or leans → one with its faces upright."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from openvasa.face.canonical import fit_head
from openvasa.face.find import SURE_SCORE, choose_face, detect_in_tiles, find_faces
from openvasa.face.landmarker import (
    MIN_PRESENCE,
    Detection,
    TrackedFace,
    track_detection,
    track_next,
)
from openvasa.face.outside import fill_outside

WORKING_SIDE = 1024
"""Long side, px, at which a picture is looked at from four sides."""
CHANCE_SCORE = 0.5
"""The detector's least score: what it gives to hardly a face."""
MOST_TILT = 25.0
"""Degrees; in 1414 frames of filmed people (708 clips) one head leans as far, 25.1°, so more comes
from the picture."""


@dataclass(frozen=True)
class UprightPicture:
    """A picture whose faces are upright but for a tilt of their own.

    Attributes:
        picture: (H, W, 3) uint8 RGB.
        faces: in reading order, px of `picture`.
        quarter_turns: as in `UprightPortrait`.
    """

    picture: np.ndarray
    faces: list[TrackedFace]
    quarter_turns: int


@dataclass(frozen=True)
class UprightPortrait:
    """A picture set upright, and the face in it that is to be animated.

    Attributes:
        picture: (H, W, 3) uint8 RGB.
        face: the chosen face, px of `picture`.
        quarter_turns: how often the picture was turned by 90° counterclockwise, 0 to 3.
        tilt: degrees by which it was then turned counterclockwise.
    """

    picture: np.ndarray
    face: TrackedFace
    quarter_turns: int = 0
    tilt: float = 0.0


def set_upright(picture: np.ndarray, *, face: int | None = None, name: str) -> UprightPortrait:
    """Turn a picture so that its faces are upright, and choose one.

    Args:
        picture: (H, W, 3) uint8 RGB.
        face: number of the face in reading order of the upright picture; None for the largest.
        name: what to call the picture in errors.

    Raises:
        InputError: as `choose_face`.
    """
    return choose_portrait(find_upright(picture), face=face, name=name)


def find_upright(picture: np.ndarray) -> UprightPicture:
    """Turn a (H, W, 3) uint8 RGB picture so that its faces are upright, and find them."""
    upright, turns = turn_upright(picture)
    return UprightPicture(upright, find_faces(upright), turns)


def choose_portrait(found: UprightPicture, *, face: int | None, name: str) -> UprightPortrait:
    """Choose a face of an upright picture; arguments and errors as of `set_upright`."""
    chosen = choose_face(found.faces, face, name)
    level, chosen, tilt = level_face(found.picture, chosen)
    return UprightPortrait(level, chosen, found.quarter_turns, tilt)


def turn_upright(picture: np.ndarray) -> tuple[np.ndarray, int]:
    """Undo the quarter turns of a picture's faces.

    The detector and the tracker find faces that lie on their side, and now and then one upside
    down in a wrong place. So the picture is searched in all four positions. In each the tracked
    face says where up is, and the squared score above chance is its vote: of 1414 frames of filmed
    people the vote fails for one.

    Args:
        picture: (H, W, 3) uint8 RGB.

    Returns:
        The upright picture and by how many quarter turns counterclockwise it was turned, 0 to 3; 0
        where no position shows a face.
    """
    small = _reduce(picture)
    for tile_share in (1.0, 0.5, 0.25):
        tile = round(max(small.shape[:2]) * tile_share)
        votes = np.zeros((4, 4))
        for turns in range(4):
            turned = np.ascontiguousarray(np.rot90(small, turns))
            votes[turns] = _vote(turned, turns, detect_in_tiles(turned, tile))
        needed = int(votes.sum(axis=0).argmax())
        # Where it is needed, the turned picture itself shows an upright face.
        if needed and votes[needed, needed] >= (SURE_SCORE - CHANCE_SCORE) ** 2:
            return np.ascontiguousarray(np.rot90(picture, needed)), needed
        if votes.any():
            break
    return picture, 0


def _reduce(picture: np.ndarray) -> np.ndarray:
    scale = WORKING_SIDE / max(picture.shape[:2])
    if scale >= 1:
        return picture
    return cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


def _vote(turned: np.ndarray, turns: int, detections: list[Detection]) -> np.ndarray:
    """(4,) votes for the number of quarter turns, from the surest face of one position."""
    votes = np.zeros(4)
    if detections:
        best = detections[0]
        tracked = track_detection(turned, best)
        if tracked.presence >= MIN_PRESENCE:
            needed = turns + round(roll_of(tracked) / 90)
            votes[needed % 4] = (best.score - CHANCE_SCORE) ** 2
    return votes


def roll_of(face: TrackedFace) -> float:
    """Degrees by which a face leans clockwise in the picture."""
    return float(fit_head(face.landmarks).euler_degrees[2])


def level_face(picture: np.ndarray, face: TrackedFace) -> tuple[np.ndarray, TrackedFace, float]:
    """Turn a picture whose chosen face leans farther than people lean; its corners are filled.

    Returns:
        The picture, the face in it, and the degrees by which they were turned counterclockwise, 0
        where the face leans as people do.
    """
    tilt = roll_of(face)
    if abs(tilt) <= MOST_TILT:
        return picture, face, 0.0
    height, width = picture.shape[:2]
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), tilt, 1.0)
    extent = np.abs(matrix[:, :2]) @ [width, height]
    size = (round(extent[0]), round(extent[1]))
    matrix[:, 2] += (np.array(size) - [width, height]) / 2
    inside = cv2.warpAffine(np.full((height, width), 255, np.uint8), matrix, size) == 255
    turned = cv2.warpAffine(picture, matrix, size, flags=cv2.INTER_LINEAR)
    turned = fill_outside(turned, inside)
    flat = face.landmarks[:, :2] @ matrix[:, :2].T + matrix[:, 2]
    guess = np.hstack([flat, face.landmarks[:, 2:]]).astype(np.float32)
    return turned, track_next(turned, guess), tilt
