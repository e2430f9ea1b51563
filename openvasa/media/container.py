"""What a video file may be, by its name: container, codecs, sound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import av
from av.codec.codec import UnknownCodecError

from openvasa.errors import InputError
from openvasa.media.place import check_place

Codec = Literal["h264", "h265", "av1", "vp9"]

ENCODERS: dict[Codec, str] = {
    "h264": "libx264",
    "h265": "libx265",
    "av1": "libsvtav1",
    "vp9": "libvpx-vp9",
}
"""FFmpeg's names."""


@dataclass(frozen=True)
class SoundCodec:
    """How a container holds sound.

    Attributes:
        encoder: FFmpeg's name.
        rates: Hz that it may have; the nearest to the sound's own is taken.
    """

    encoder: str
    rates: tuple[int, ...]


_AAC = SoundCodec("aac", (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000))
_OPUS = SoundCodec("libopus", (48000,))


@dataclass(frozen=True)
class Container:
    """A kind of video file.

    Attributes:
        name: for people.
        format: FFmpeg's name.
        codecs: that it may hold, the usual one first; empty where the kind has one of its own.
        sound: how it holds sound; None where it has no place for it.
        fastest: frames a second that players show, at most.
    """

    name: str
    format: str
    codecs: tuple[Codec, ...] = ()
    sound: SoundCodec | None = None
    fastest: int = 60


CONTAINERS = {
    ".mp4": Container("MP4", "mp4", ("h264", "h265", "av1", "vp9"), _AAC),
    ".mov": Container("MOV", "mov", ("h264", "h265"), _AAC),
    ".webm": Container("WebM", "webm", ("vp9", "av1"), _OPUS),
    ".mkv": Container("Matroska", "matroska", ("h264", "h265", "av1", "vp9"), _AAC),
    # Players take two hundredths of a second as the shortest that a picture may stay.
    ".gif": Container("GIF", "gif", fastest=50),
    ".webp": Container("WebP", "webp"),
}


def container_of(path: Path) -> Container:
    """The kind of file that a name asks for.

    Raises:
        InputError: its ending names none.
    """
    found = CONTAINERS.get(path.suffix.lower())
    if found is None:
        raise InputError(f"{path}: let the output end in {', '.join(CONTAINERS)}")
    return found


def choose_codec(path: Path, wanted: Codec | None) -> Codec | None:
    """The codec of a file: the one wanted, or its kind's usual one; None where it has its own.

    Raises:
        InputError: that kind of file does not hold it, or PyAV here has no encoder for it.
    """
    container = container_of(path)
    if not container.codecs:
        if wanted is not None:
            raise InputError(f"{path}: a {container.name} has a codec of its own; choose none")
        return None
    codec = container.codecs[0] if wanted is None else wanted
    if codec not in container.codecs:
        raise InputError(
            f"{path}: a {container.name} holds no {codec}; choose {_or(container.codecs)}, or "
            "another ending"
        )
    if not _installed(codec):
        present = [known for known in container.codecs if _installed(known)]
        raise InputError(
            f"{path}: the installed PyAV cannot write {codec}; choose "
            f"{_or(present) if present else 'another ending'}"
        )
    return codec


def check_output(path: Path, given: Path | None = None, codec: Codec | None = None) -> None:
    """Raise InputError where `path` cannot be the output: its name, a directory, or an input.

    Args:
        path: the file to write.
        given: an input that it must not replace.
        codec: that it is to hold.
    """
    choose_codec(path, codec)
    check_place(path, given)


def _installed(codec: Codec) -> bool:
    try:
        av.Codec(ENCODERS[codec], "w")
    except UnknownCodecError:
        return False
    return True


def _or(names: Sequence[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} or {last}" if others else last
