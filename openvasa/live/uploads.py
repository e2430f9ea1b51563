"""Files from strangers → a portrait or a voice: bounded, decoded, never trusted by their names."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image

from openvasa.audio.decode import read_sound, resample_sound
from openvasa.errors import InputError
from openvasa.face.encode import encode_upright
from openvasa.face.latent import FaceLatent
from openvasa.face.picture import load_picture

SOUND_RATE = 48000
_encoding = threading.Lock()
"""Networks are shared between calls, and one encoding at a time is enough load."""


def read_portrait(data: bytes, most_pixels: int, face: int | None = None) -> FaceLatent:
    """Encode an uploaded picture.

    Args:
        data: the file.
        most_pixels: largest picture taken.
        face: which of several faces, in reading order from 1.

    Raises:
        InputError: not a picture, too large, or no usable face; the message calls it "picture".
    """
    with _file(data) as path:
        try:
            with Image.open(path) as image:
                width, height = image.size
        except Exception as error:
            raise InputError("picture: cannot be read; give a JPEG, PNG or WebP") from error
        if width * height > most_pixels:
            limit = most_pixels // 1_000_000
            raise InputError(f"picture: {width}×{height} is over {limit} megapixels; scale it down")
        with _encoding, name_input(path, "picture"):
            return encode_upright(load_picture(path), face=face, name="picture")


def read_voice(data: bytes, longest_s: float) -> tuple[np.ndarray, int]:
    """Decode an uploaded sound or video file.

    Returns:
        (n,) float32 mono samples, and their rate in Hz.

    Raises:
        InputError: no sound in it, or too long; the message calls it "sound".
    """
    with _file(data) as path, name_input(path, "sound"):
        pieces, count = [], 0
        for piece in resample_sound(read_sound(path), SOUND_RATE):
            pieces.append(piece.mean(axis=0))
            count += piece.shape[1]
            if count > longest_s * SOUND_RATE:
                raise InputError(f"sound: longer than {longest_s / 60:g} minutes; give a part")
    return np.concatenate(pieces), SOUND_RATE


@contextmanager
def _file(data: bytes) -> Iterator[Path]:
    if not data:
        raise InputError("file: is empty; choose another")
    with tempfile.TemporaryDirectory(prefix="openvasa-upload-") as folder:
        path = Path(folder) / "upload"
        path.write_bytes(data)
        yield path


@contextmanager
def name_input(path: Path, name: str) -> Iterator[None]:
    """In errors, name an input as its user knows it, not by where it lies."""
    try:
        yield
    except InputError as error:
        message = str(error).replace(str(path), name)
        raise InputError(message, parameters=error.parameters) from error
