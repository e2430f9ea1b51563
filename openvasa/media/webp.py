"""Frames → an animated WebP."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from PIL import Image

from openvasa.media.encoding import Plan, Quality

_QUALITY: dict[Quality, dict[str, str]] = {
    "fast": {"quality": "85", "compression_level": "1"},
    "good": {"quality": "85", "compression_level": "4"},
}
_EXIF_FLAG = 0x08
_FLAGS_AT = 20
"""Where the first chunk, VP8X, holds what else is in the file."""
IMAGE_DESCRIPTION, USER_COMMENT = 0x010E, 0x9286
UNCODED = b"\0" * 8
"""What EXIF puts before a comment of an encoding that it does not name."""
_EXIF_FIELDS = 0x8769


def encode_webp(path: Path, frames: Iterator[np.ndarray], plan: Plan) -> None:
    """Write an animation that repeats for ever, as `openvasa.media.encoding.Encode`.

    Raises:
        OSError: the disk is full.
    """
    with av.open(f"file:{path.absolute()}", "w", "webp", options={"loop": "0"}) as container:
        # Each frame whole: `libwebp_anim` keeps pixels that change little from frame to frame as
        # they were, and slow changes get lost. The files are as large.
        stream = container.add_stream("libwebp", rate=plan.rate, options=_QUALITY[plan.quality])
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = plan.size
        # libwebp converts to the YUV of its own standard.
        stream.pix_fmt = "bgra"
        for index, rgb in enumerate(frames):
            frame = VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format="bgra")
            frame.pts, frame.time_base = index, 1 / plan.rate
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    if plan.tags:
        _add_exif(path, _exif(plan.tags), plan.size)


def _extend(path: Path, size: tuple[int, int]) -> None:
    """Give a file of one frame the header that says what else is in it; animations have it."""
    content = path.read_bytes()
    if content[12:16] == b"VP8X":
        return
    width, height = (int(extent - 1).to_bytes(3, "little") for extent in size)
    header = b"VP8X" + struct.pack("<I", 10) + bytes(4) + width + height
    length = struct.pack("<I", len(content) - 8 + len(header))
    path.write_bytes(content[:4] + length + content[8:12] + header + content[12:])


def _exif(tags: Mapping[str, str]) -> bytes:
    """The comment as the picture's description, the other tags as "name: text" in lines."""
    exif = Image.Exif()
    if "comment" in tags:
        exif[IMAGE_DESCRIPTION] = tags["comment"]
    lines = [f"{name}: {text}" for name, text in tags.items() if name != "comment"]
    if lines:
        exif.get_ifd(_EXIF_FIELDS)[USER_COMMENT] = UNCODED + "\n".join(lines).encode()
    return exif.tobytes()


def _add_exif(path: Path, exif: bytes, size: tuple[int, int]) -> None:
    """Add a chunk to a RIFF file: its content, padded to an even length."""
    _extend(path, size)
    with path.open("r+b") as file:
        file.seek(_FLAGS_AT)
        flags = file.read(1)[0]
        file.seek(_FLAGS_AT)
        file.write(bytes([flags | _EXIF_FLAG]))
        file.seek(0, os.SEEK_END)
        file.write(b"EXIF" + struct.pack("<I", len(exif)) + exif + b"\0" * (len(exif) % 2))
        length = file.tell()
        file.seek(4)
        file.write(struct.pack("<I", length - 8))
