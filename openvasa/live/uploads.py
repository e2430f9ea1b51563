"""Files from strangers → a portrait, a background or a voice: bounded, decoded, never trusted by
their names."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from openvasa.audio.decode import read_sound, resample_sound
from openvasa.backgrounds import Picture
from openvasa.errors import InputError
from openvasa.face.picture import load_picture
from openvasa.live.portraits import Offered, SeveralFaces, offer_file, offer_picture

SOUND_RATE = 48000
BACKGROUND_SIDE = 2048
"""Longest side that a background is kept in, px: twice that of the largest live picture."""
PICTURE_FORMATS = "JPEG, PNG, WebP, AVIF, HEIC, TIFF or GIF"
"""What users read of the formats that are taken; more are."""


def read_portrait(data: bytes, most_pixels: int, folder: Path, face: int | None = None) -> Offered:
    """Encode an uploaded picture.

    Args:
        data: the file.
        most_pixels: largest picture taken.
        folder: where it lies while it is read.
        face: which of several faces, in reading order from 1.

    Raises:
        SeveralFaces: there are several and none was chosen.
        InputError: not a picture, too large, or no usable face; the message calls it "picture".
    """
    with _file(data, folder) as path, name_input(path, "picture"):
        _check_picture(path, most_pixels, "picture")
        return offer_picture(load_picture(path), face, "picture")


def read_background(data: bytes, most_pixels: int, folder: Path) -> Picture:
    """Decode an uploaded picture to stand behind a portrait.

    Args:
        data: the file.
        most_pixels: largest picture taken.
        folder: where it lies while it is read.

    Raises:
        InputError: not a picture, or too large; the message calls it "background".
    """
    if not data:
        raise InputError(f"background: name one or send a picture, a {PICTURE_FORMATS} file")
    with _file(data, folder) as path, name_input(path, "background"):
        _check_picture(path, most_pixels, "background")
        pixels = load_picture(path)
    scale = BACKGROUND_SIDE / max(pixels.shape[:2])
    if scale < 1:
        pixels = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return Picture(pixels)


def _check_picture(path: Path, most_pixels: int, name: str) -> None:
    try:
        with Image.open(path) as image:
            width, height = image.size
    except Exception as error:
        raise InputError(f"{name}: cannot be read; give a {PICTURE_FORMATS} file") from error
    if width * height > most_pixels:
        limit = most_pixels // 1_000_000
        raise InputError(f"{name}: {width}×{height} is over {limit} megapixels; scale it down")


def read_offered(path: Path, name: str, face: int | None) -> Offered:
    """Encode one of the server's own portraits.

    Args:
        path: its file.
        name: what clients call it.
        face: which of several faces, in reading order from 1.

    Raises:
        SeveralFaces: there are several and none was chosen.
        InputError: no usable face.
    """
    with name_input(path, name):
        return offer_file(path, face)


def read_voice(data: bytes, longest_s: float, folder: Path) -> tuple[np.ndarray, int]:
    """Decode an uploaded sound or video file.

    Args:
        data: the file.
        longest_s: longest sound taken.
        folder: where it lies while it is read.

    Returns:
        (n,) float32 mono samples, and their rate in Hz.

    Raises:
        InputError: no sound in it, or too long; the message calls it "sound".
    """
    with _file(data, folder) as path, name_input(path, "sound"):
        pieces, count = [], 0
        for piece in resample_sound(read_sound(path), SOUND_RATE):
            pieces.append(piece.mean(axis=0))
            count += piece.shape[1]
            if count > longest_s * SOUND_RATE:
                raise InputError(f"sound: longer than {longest_s / 60:g} minutes; give a part")
    return np.concatenate(pieces), SOUND_RATE


@contextmanager
def _file(data: bytes, folder: Path) -> Iterator[Path]:
    if not data:
        raise InputError("file: is empty; choose another")
    with tempfile.TemporaryDirectory(prefix="upload-", dir=folder) as own:
        path = Path(own) / "upload"
        path.write_bytes(data)
        yield path


@contextmanager
def name_input(path: Path, name: str) -> Iterator[None]:
    """In errors, name an input as its user knows it, not by where it lies."""
    try:
        yield
    except SeveralFaces as error:
        raise SeveralFaces(str(error).replace(str(path), name), error.thumbnails) from error
    except InputError as error:
        message = str(error).replace(str(path), name)
        raise InputError(message, parameters=error.parameters) from error
