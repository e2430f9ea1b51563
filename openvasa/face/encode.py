"""Portrait → face latent: find the face, crop, track, fit, matte, complete the background."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from openvasa.errors import InputError
from openvasa.face.canonical import HeadTransform, fit_head
from openvasa.face.check import MAX_YAW, MIN_FACE_HEIGHT, check_face, report_findings
from openvasa.face.dynamics import dynamics_code, separate_expression
from openvasa.face.find import choose_face, face_height, find_faces, largest_extent
from openvasa.face.landmarker import TrackedFace, blendshape_scores, track_next
from openvasa.face.latent import CROP_SIDE, FaceLatent
from openvasa.face.matte import Surroundings, person_matte
from openvasa.face.occluders import find_occluders
from openvasa.face.outside import fill_outside, inside_picture
from openvasa.face.picture import load_picture
from openvasa.face.plate import background_plate
from openvasa.face.topology import FACE_OVAL
from openvasa.face.upright import UprightPortrait, set_upright
from openvasa.kernels import load_ahead

CROP_OVER_FACE = 2.05
"""Side of the crop over the face's height: head, hair and shoulders."""
TIGHTEST_CROP = 1.4


def crop_square(landmarks: np.ndarray, height: int, width: int) -> np.ndarray:
    """(3,) float32 left, top and side of the square to animate, px of the picture.

    The square holds head and shoulders and stays inside the picture where the picture is large
    enough.
    """
    points = landmarks[:, :2]
    face = largest_extent(points)
    side = max(min(CROP_OVER_FACE * face, height, width), TIGHTEST_CROP * face)
    centre = points[FACE_OVAL].mean(axis=0)
    corner = centre - side / 2
    room = np.array([width, height]) - side
    corner = np.where(room >= 0, np.clip(corner, 0, np.maximum(room, 0)), corner)
    return np.array([*corner, side], np.float32)


def cut_square(picture: np.ndarray, crop: np.ndarray) -> np.ndarray:
    """(512, 512, 3) uint8: the crop square, what is outside the picture continued calmly."""
    return cut_crop(picture, crop, (CROP_SIDE, CROP_SIDE))


def cut_crop(picture: np.ndarray, crop: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(H, W, 3) uint8: a part of the picture at a size, what is outside it continued calmly.

    Args:
        picture: (H', W', 3) uint8 RGB.
        crop: (3,) left, top and width of the part, px of the picture.
        size: width and height, px, that it comes out with.
    """
    inside = inside_picture(crop, picture.shape[0], picture.shape[1], size)
    left, top, extent = (float(v) for v in crop)
    scale = size[0] / extent
    matrix = np.array([[scale, 0, -left * scale], [0, scale, -top * scale]], np.float32)
    if scale < 0.5:
        # Area averaging first: a single linear resample would alias fine texture.
        shrink = 2 * scale
        picture = cv2.resize(picture, None, fx=shrink, fy=shrink, interpolation=cv2.INTER_AREA)
        matrix[:, :2] /= shrink
    flags = cv2.INTER_LINEAR if scale < 1 else cv2.INTER_CUBIC
    cut = cv2.warpAffine(picture, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return fill_outside(cut, inside)


def encode_picture(picture: np.ndarray, *, face: int | None = None, name: str) -> FaceLatent:
    """Encode a picture into a face latent.

    Args:
        picture: (H, W, 3) uint8 RGB.
        face: which face, in reading order from 1; None for the largest.
        name: what to call the picture in errors.

    Raises:
        InputError: no face, several faces of like size and none chosen, face too small, profile.
    """
    return encode_face(picture, choose_face(find_faces(picture), face, name), name=name)


def encode_face(
    picture: np.ndarray, chosen: TrackedFace, *, name: str, anyway: bool = False
) -> FaceLatent:
    """Encode one tracked face of a picture into a face latent.

    Args:
        picture: (H, W, 3) uint8 RGB.
        chosen: the face, px of the picture.
        name: what to call the picture in errors.
        anyway: encode a face too small or turned too far.

    Raises:
        InputError: face too small, profile.
    """
    if not anyway and face_height(chosen) < MIN_FACE_HEIGHT:
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
    if not anyway and abs(yaw) > MAX_YAW:
        raise InputError(
            f"{name}: the face is turned {abs(yaw):.0f}° away; use one turned less than "
            f"{MAX_YAW:.0f}°"
        )
    canonical = head.invert(landmarks)
    neutral, dynamics = separate_expression(canonical, dynamics_code())
    occluders = find_occluders(picture, _in_picture(head, crop))
    matte = person_matte(image, landmarks, surroundings=surroundings_of(picture, crop))
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
        occluders=occluders,
    )


def surroundings_of(picture: np.ndarray, crop: np.ndarray) -> Surroundings | None:
    """What a picture shows around a square crop; None where it ends with it."""
    low, high = crop[:2], crop[:2] + crop[2]
    if (low < 1).all() and (high > np.array(picture.shape[1::-1]) - 1).all():
        return None

    def widen(times: float) -> np.ndarray:
        side = float(crop[2]) * times
        return cut_square(picture, np.array([*(crop[:2] + (crop[2] - side) / 2), side], np.float32))

    return widen


def _in_picture(head: HeadTransform, crop: np.ndarray) -> HeadTransform:
    """A head in px of the picture, from one in px of the square crop."""
    scale = float(crop[2]) / CROP_SIDE
    shift = np.array([*crop[:2], 0.0])
    return HeadTransform(head.rotation, head.scale * scale, head.translation * scale + shift)


def encode_upright(
    picture: np.ndarray, *, face: int | None = None, name: str, anyway: bool = False
) -> FaceLatent:
    """Encode a user's picture: turned so that it stands upright, and checked.

    Args:
        picture: (H, W, 3) uint8 RGB.
        face: which face, in reading order from 1; None for the largest.
        name: what to call the picture in errors.
        anyway: encode what the check refuses, where a face can be fitted at all.

    Raises:
        InputError: as `encode_picture`, and what `check_portrait` refuses.
    """
    return encode_portrait(set_upright(picture, face=face, name=name), name=name, anyway=anyway)


def encode_portrait(portrait: UprightPortrait, *, name: str, anyway: bool = False) -> FaceLatent:
    """Check and encode a portrait set upright; arguments and errors as of `encode_upright`."""
    report_findings(check_face(portrait), name, anyway=anyway)
    return encode_face(portrait.picture, portrait.face, name=name, anyway=anyway)


def load_portrait(
    path: str | Path, *, face: int | None = None, anyway: bool = False, frame: int = 1
) -> FaceLatent:
    """Encode a portrait file, or read an avatar file (`.npz`) encoded before.

    Args:
        path: any image format Pillow reads, or an avatar written by `FaceLatent.save`.
        face: which face of several, in reading order from 1; None for the largest.
        anyway: encode a portrait that `check_portrait` refuses.
        frame: which frame of an animated picture, from 1.

    Warns of what would come out worse.

    Raises:
        InputError: the file is no usable portrait; the message says why.
    """
    # What comes after the portrait is painted by kernels.
    load_ahead()
    path = Path(path)
    if path.suffix == ".npz":
        if frame != 1:
            raise InputError(f"{path}: an avatar holds one picture; there is no frame {frame}")
        return FaceLatent.load(path)
    return encode_upright(load_picture(path, frame=frame), face=face, name=str(path), anyway=anyway)
