"""A picture that a client offers → a face to animate and its faults, or faces to choose from."""

from __future__ import annotations

import base64
import threading
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from openvasa.errors import InputError
from openvasa.face.check import check_face
from openvasa.face.encode import crop_square, cut_square, encode_face
from openvasa.face.latent import FaceLatent
from openvasa.face.picture import load_picture
from openvasa.face.upright import UprightPicture, choose_portrait, find_upright
from openvasa.live.pictures import jpeg

THUMBNAIL_SIDE = 160
_encoding = threading.Lock()
"""Networks are shared between calls, and one encoding at a time is enough load."""


@dataclass(frozen=True)
class Offered:
    """A face ready to be animated.

    Attributes:
        face: what is animated.
        warnings: what makes it come out worse, one line each, with the remedy.
        thumbnail: the face as a JPEG in a `data:` address.
    """

    face: FaceLatent
    warnings: list[str]
    thumbnail: str


class SeveralFaces(InputError):
    """A picture of several people: one of them must be chosen.

    Attributes:
        thumbnails: each face as a JPEG in a `data:` address, in the order of their numbers.
    """

    def __init__(self, message: str, thumbnails: list[str]) -> None:
        super().__init__(message, parameters=("face", "faces"))
        self.thumbnails = thumbnails


def offer_file(path: Path, face: int | None) -> Offered:
    """As `offer_picture`, of any portrait or avatar file.

    Raises:
        InputError: as there; it names the file by its path.
    """
    if path.suffix == ".npz":
        latent = FaceLatent.load(path)
        return Offered(latent, [], _thumbnail(latent.image))
    return offer_picture(load_picture(path), face, str(path))


def offer_picture(picture: np.ndarray, face: int | None, name: str) -> Offered:
    """Encode one face of a picture.

    Args:
        picture: (H, W, 3) uint8 RGB.
        face: which of several faces, in reading order from 1.
        name: the picture's, for errors.

    Raises:
        SeveralFaces: there are several and none was chosen.
        InputError: no usable face.
    """
    with _encoding:
        found = find_upright(picture)
        try:
            portrait = choose_portrait(found, face=face, name=name)
        except InputError as error:
            if error.parameters == ("face", "faces"):
                raise SeveralFaces(str(error), _thumbnails(found)) from error
            raise
        findings = check_face(portrait)
        for finding in findings:
            if finding.severity == "refuse":
                raise InputError(f"{name}: {finding.message}")
        latent = encode_face(portrait.picture, portrait.face, name=name)
    warnings = [finding.message for finding in findings if finding.severity == "warn"]
    return Offered(latent, warnings, _thumbnail(latent.image))


def _thumbnails(found: UprightPicture) -> list[str]:
    height, width = found.picture.shape[:2]
    crops = [crop_square(face.landmarks, height, width) for face in found.faces]
    return [_thumbnail(cut_square(found.picture, crop)) for crop in crops]


def _thumbnail(square: np.ndarray) -> str:
    small = cv2.resize(square, (THUMBNAIL_SIDE, THUMBNAIL_SIDE), interpolation=cv2.INTER_AREA)
    return "data:image/jpeg;base64," + base64.b64encode(jpeg(small)).decode()
