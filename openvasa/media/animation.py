"""What an animated picture (GIF, WebP) really holds: its frames and its tags."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from openvasa.audio.decode import check_is_file
from openvasa.errors import InputError
from openvasa.media.webp import IMAGE_DESCRIPTION, UNCODED, USER_COMMENT

ANIMATIONS = {".gif", ".webp"}
_EXIF_FIELDS = 0x8769
_LARGEST_PIXELS = 64_000_000


def read_animation(path: Path) -> Iterator[np.ndarray]:
    """Its frames, (h, w, 3) uint8 RGB on white, one at a time; a still picture has one.

    Raises:
        InputError: while iterating: no picture, damaged, or over 64 megapixels.
    """
    with _open(path) as image:
        for index in range(getattr(image, "n_frames", 1)):
            image.seek(index)
            whole = image.convert("RGBA")
            frame = Image.new("RGB", whole.size, "white")
            frame.paste(whole, mask=whole.getchannel("A"))
            yield np.array(frame)


def read_animation_tags(path: Path) -> dict[str, str]:
    """Its comments by name, as `openvasa.media.gif` and `openvasa.media.webp` write them.

    Raises:
        InputError: as `read_animation`.
    """
    with _open(path) as image:
        tags = _from_comment(image.info.get("comment", b""))
        exif = image.getexif()
        if IMAGE_DESCRIPTION in exif:
            tags["comment"] = str(exif[IMAGE_DESCRIPTION])
        own = exif.get_ifd(_EXIF_FIELDS).get(USER_COMMENT)
        if isinstance(own, bytes):
            tags |= _from_comment(own.removeprefix(UNCODED))
        return tags


def _from_comment(comment: bytes | str) -> dict[str, str]:
    text = comment.decode(errors="replace") if isinstance(comment, bytes) else comment
    tags: dict[str, str] = {}
    for line in text.splitlines():
        tags |= _named(line) or {"comment": line}
    return tags


def _named(line: str) -> dict[str, str]:
    """ "NAME: text" → its one tag; nothing where the line begins with no single word."""
    name, colon, text = line.partition(": ")
    return {name: text} if colon and name.isidentifier() else {}


@contextmanager
def _open(path: Path) -> Iterator[Image.Image]:
    check_is_file(path)
    try:
        with Image.open(path, formats=("GIF", "WEBP")) as image:
            if image.width * image.height > _LARGEST_PIXELS:
                raise InputError(f"{path}: over 64 megapixels a frame; scale it down")
            yield image
    except UnidentifiedImageError:
        raise InputError(f"{path}: not a readable GIF or WebP; is its name right?") from None
    except InputError:
        raise
    except (OSError, SyntaxError, ValueError, EOFError, Image.DecompressionBombError) as error:
        raise InputError(f"{path}: damaged or cut off ({error}); copy it again") from error
