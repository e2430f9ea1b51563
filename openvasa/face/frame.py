"""The same portrait in another frame: a larger square, or the whole picture it was cut from.

`encode_picture` fits a portrait in a square of 512 px. What it finds holds at any size; the pixels
come from the picture itself, so that a frame is as sharp as the picture is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

import cv2
import numpy as np

from openvasa.errors import InputError
from openvasa.face.canonical import HeadTransform
from openvasa.face.encode import cut_crop
from openvasa.face.landmarker import detect_faces
from openvasa.face.latent import CROP_SIDE, FaceLatent
from openvasa.face.matte import enlarge_matte, person_matte
from openvasa.face.outside import inside_picture
from openvasa.face.plate import background_plate
from openvasa.face.topology import FACE_OVAL

SIZES = (128, 2048)
"""Smallest and largest side of a square, and shorter side of another shape, px."""
LONGEST_SIDE = 4096
"""Px of the longer side of a whole picture."""
ASPECTS = ("1:1", "4:5", "9:16", "5:4", "16:9")
"""Width to height that a frame of head and shoulders may have."""
ROOM_ABOVE = 0.3
"""Share of the room that a tall frame has beyond the square which goes above the head."""
SURROUNDINGS = 2.4
"""Side, over the crop's, of the square in which the person is looked for beyond the crop: as far as
head and body carry anything along."""
WIDEST = 5.0
"""Side, over the crop's, up to which the whole picture is looked at in its place, where the frame
shows more: a smaller head would leave the network too little."""
RIM = 0.05
"""Share of the square's side over which its matte gives way to the surroundings'."""
OTHER_HEAD = 0.8
"""Half axis of the ellipse that another person's head fills, over the size of the face's box."""

NATIVE = "native"
Size: TypeAlias = "int | str | None"
"""Px, `NATIVE` or None; `choose_frame` says what they mean."""


@dataclass(frozen=True)
class Frame:
    """A part of the picture, and the size it comes out with.

    Attributes:
        crop: (3,) float32 left, top and width, px of the picture.
        size: width and height of the frame, px.
    """

    crop: np.ndarray
    size: tuple[int, int]


def choose_frame(
    face: FaceLatent, *, size: Size = None, full_frame: bool = False, aspect: str | None = None
) -> Frame:
    """The frame that a user asks for.

    Args:
        face: the portrait, in its square.
        size: px of the frame's shorter side, of a whole picture's longer side; "native" for as many
            as the picture itself has there; None for 512, and for a whole picture its own size.
        full_frame: the whole picture.
        aspect: width to height of a frame of head and shoulders, one of `ASPECTS`; None for 1:1.

    Raises:
        InputError: the size or the aspect is none of these, or the two exclude each other.
    """
    if full_frame and aspect is not None:
        raise InputError(f"aspect {aspect}: a whole picture has its own; choose one of the two")
    if isinstance(size, str) and size != NATIVE:
        raise InputError(f"size {size}: give px or {NATIVE!r}")
    largest = LONGEST_SIDE if full_frame else SIZES[1]
    if isinstance(size, int) and not SIZES[0] <= size <= largest:
        raise InputError(f"size {size}: choose {SIZES[0]} to {largest} px")
    if full_frame:
        return whole_frame(face, size if isinstance(size, int) else None)
    width, height = parse_aspect(aspect or "1:1")
    crop, extent = _head_and_shoulders(face, width / height)
    shorter = extent.min()
    if size == NATIVE:
        size = int(np.clip(round(float(shorter)) // 2 * 2, CROP_SIDE, SIZES[1]))
    zoom = (CROP_SIDE if size is None else size) / shorter
    across, down = (round(float(v * zoom)) for v in extent)
    # H.264 wants even sides; a square of an odd side is left as it is asked for.
    return Frame(crop, (across, down) if width == height else (across // 2 * 2, down // 2 * 2))


def parse_aspect(text: str) -> tuple[int, int]:
    """Width and height of an aspect like "9:16"; raises InputError where it is none."""
    if text not in ASPECTS:
        raise InputError(f"aspect {text}: choose {', '.join(ASPECTS)}")
    width, height = text.split(":")
    return int(width), int(height)


def whole_frame(face: FaceLatent, longest: int | None = None) -> Frame:
    """The whole picture at its own size, or so that its longer side has `longest` px.

    An odd last row or column is left out: rescaling for one px would soften the whole frame.
    """
    height, width = (extent // 2 * 2 for extent in face.picture.shape[:2])
    zoom = 1.0 if longest is None else longest / max(height, width)
    size = (round(width * zoom) // 2 * 2, round(height * zoom) // 2 * 2)
    return Frame(np.array([0, 0, width], np.float32), size)


def drawn_frame(frame: Frame) -> Frame:
    """The frame to draw in: small ones are drawn at 512 px, and made smaller when they are done."""
    zoom = CROP_SIDE / min(frame.size)
    if zoom <= 1:
        return frame
    width, height = frame.size
    return Frame(frame.crop, (round(width * zoom), round(height * zoom)))


def _head_and_shoulders(face: FaceLatent, aspect: float) -> tuple[np.ndarray, np.ndarray]:
    """(3,) crop and (2,) width and height, px of the picture, of an aspect around the square.

    The frame holds the square as far as the picture is large enough for it, else less of it.
    """
    corner, side = face.crop[:2].astype(np.float64), float(face.crop[2])
    if aspect == 1:
        return face.crop, np.array([side, side])
    picture = np.array(face.picture.shape[1::-1], np.float64)
    whole = side * np.array([max(aspect, 1.0), max(1 / aspect, 1.0)])
    extent = whole * min(1.0, *(np.maximum(picture, side) / whole))
    centre = face.landmarks[FACE_OVAL, :2].mean(axis=0) / face.zoom + face.crop[:2]
    room = extent - side
    # What a tall frame has more goes mostly to the body; a lower one keeps the face in its middle.
    at = np.where(room >= 0, corner - room * np.array([0.5, ROOM_ABOVE]), centre - extent / 2)
    at = np.where(extent <= picture, np.clip(at, 0, np.maximum(picture - extent, 0)), at)
    return np.array([*at, extent[0]], np.float32), extent


def put_in_frame(face: FaceLatent, frame: Frame) -> FaceLatent:
    """The portrait with another part of its picture as its crop.

    Identity, expression and head pose stay. The matte keeps its outline and takes its edge from
    the finer picture; beyond the square that the portrait was encoded in, it is found anew. The
    plate is completed anew.
    """
    if frame.size == face.size and np.array_equal(frame.crop, face.crop):
        return face
    change = frame.size[0] / float(frame.crop[2]) / face.zoom
    corner = (np.append(frame.crop[:2] - face.crop[:2], 0) * face.zoom).astype(np.float32)
    image, stated = cut_crop(face.picture, frame.crop, frame.size), face.stated * change
    matte = _frame_matte(face, frame, image, change, corner[:2])
    head = face.head
    return replace(
        face,
        image=image,
        landmarks=(face.landmarks - corner) * np.float32(change),
        head=HeadTransform(
            head.rotation, head.scale * change, (head.translation - corner) * change
        ),
        matte=matte,
        background=background_plate(image, matte, stated=stated),
        crop=frame.crop,
        stated=stated,
    )


def _frame_matte(
    face: FaceLatent, frame: Frame, image: np.ndarray, change: float, corner: np.ndarray
) -> np.ndarray:
    """(H, W) float32 matte of a frame whose `corner` is so many px of the crop away from its own.

    Args:
        face: the portrait in the frame it has.
        frame: the other frame.
        image: its picture.
        change: px of the other frame for one of the portrait's own.
        corner: (2,) px of the portrait's own frame.
    """
    to_crop = np.column_stack([np.eye(2) / change, corner])
    inner = _carry(face.matte, to_crop, frame.size, cv2.BORDER_REPLICATE)
    height, width = face.matte.shape
    step = np.append(corner, frame.size[0] / change)
    covered = inside_picture(step, height, width, frame.size)
    if change > 1:
        guide = _carry(face.image, to_crop, frame.size, cv2.BORDER_REPLICATE)
        inner = enlarge_matte(inner, guide, image, change)
    if covered.all():
        return inner
    outer = _surrounding_matte(face, frame)
    # Towards the square's rim the one gives way to the other, but not where the picture ends.
    inside = cv2.distanceTransform(covered.astype(np.uint8), cv2.DIST_L2, 3)
    share = np.clip(inside / (RIM * max(face.size) * change), 0, 1)
    return (outer + share * (inner - outer)).astype(np.float32)


def _carry(
    plane: np.ndarray,
    to_plane: np.ndarray,
    size: tuple[int, int],
    border: int = cv2.BORDER_CONSTANT,
) -> np.ndarray:
    """A plane in px of a frame; (2, 3) `to_plane` goes from the frame to the plane."""
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(plane, to_plane.astype(np.float32), size, flags=flags, borderMode=border)


def _surrounding_square(face: FaceLatent, frame: Frame) -> np.ndarray:
    """(3,) left, top and side, px of the picture, of where a frame's person is looked for."""
    side = float(face.crop[2])
    centre = face.landmarks[FACE_OVAL, :2].mean(axis=0) / face.zoom + face.crop[:2]
    low = frame.crop[:2].astype(np.float64)
    extent = np.array(frame.size) * float(frame.crop[2]) / frame.size[0]
    reach = float(np.abs(np.array([low, low + extent]) - centre).max())
    whole = float(extent.max())
    if reach > SURROUNDINGS * side / 2 and whole <= WIDEST * side:
        centre, wide = low + extent / 2, whole
    else:
        wide = SURROUNDINGS * side
    return np.array([*(centre - wide / 2), wide], np.float32)


def _surrounding_matte(face: FaceLatent, frame: Frame) -> np.ndarray:
    """(H, W) float32 coarse matte of a frame around the square that the portrait is in.

    Other people's heads are left to the background: they must not turn with this one.
    """
    crop = _surrounding_square(face, frame)
    wide = float(crop[2])
    image = cut_crop(face.picture, crop, (CROP_SIDE, CROP_SIDE))
    zoom = CROP_SIDE / wide
    shift = np.append((face.crop[:2] - crop[:2]) * zoom, 0).astype(np.float32)
    landmarks = face.landmarks * np.float32(zoom / face.zoom) + shift
    matte = person_matte(image, landmarks)
    middle = landmarks[:, :2].mean(axis=0)
    for detection in detect_faces(image):
        low, high = detection.box[:2], detection.box[2:]
        centre, extent = (low + high) / 2, float((high - low).max())
        if np.linalg.norm(centre - middle) > extent / 2:
            axes = (round(OTHER_HEAD * extent), round(1.2 * OTHER_HEAD * extent))
            at = tuple(int(v) for v in np.rint(centre))
            cv2.ellipse(matte, at, axes, 0, 0, 360, 0.0, -1, cv2.LINE_AA)
    frame_zoom = frame.size[0] / float(frame.crop[2])
    to_image = np.column_stack([np.eye(2) * zoom / frame_zoom, (frame.crop[:2] - crop[:2]) * zoom])
    return _carry(matte, to_image, frame.size, cv2.BORDER_REPLICATE)
