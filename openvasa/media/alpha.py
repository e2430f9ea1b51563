"""RGBA frames and a voice → a film with transparency: VP9 in WebM, or ProRes 4444 in MOV."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter

from openvasa.errors import InputError
from openvasa.media.colour import MATRIX_BT709, RANGE_LIMITED
from openvasa.media.file_writer import FileWriter
from openvasa.media.film import add_video, make_even, mux_film
from openvasa.media.finishing import Finishing
from openvasa.media.frame_rate import FrameRate, exact_rate
from openvasa.media.place import check_place
from openvasa.media.sound_encoder import SoundEncoder
from openvasa.media.soundtrack import Soundtrack, soundtrack


@dataclass(frozen=True)
class _Film:
    """A kind of film that holds transparency.

    Attributes:
        encoder: FFmpeg's name, with its options.
        opaque: the pixel format without transparency; with it, its name has an a after yuv.
        levels: the largest opacity.
        sound: FFmpeg's encoder of the sound, and the rates in Hz that it takes.
        muxer: options of the container.
    """

    encoder: str
    options: dict[str, str]
    opaque: str
    levels: int
    sound: str
    rates: tuple[int, ...]
    muxer: dict[str, str]


_FILMS = {
    ".webm": _Film(
        "libvpx-vp9",
        # Hidden frames of the encoder have no opacity beside them.
        {"deadline": "realtime", "cpu-used": "6", "crf": "20", "b": "0", "auto-alt-ref": "0"},
        "yuv420p",
        255,
        "libopus",
        (48000,),
        {},
    ),
    ".mov": _Film(
        "prores_ks",
        {"profile": "4444"},
        "yuv444p10le",
        1023,
        "aac",
        (16000, 24000, 44100, 48000),
        {"movflags": "+faststart+use_metadata_tags"},
    ),
}


class TransparentWriter(FileWriter):
    """Write RGBA frames to a .webm (VP9) or .mov (ProRes 4444); use as a context manager.

    As `FileWriter`. Colours are straight, not premultiplied, in BT.709 limited range; odd sizes
    gain a repeated last column or row.

    path: its ending says what is written.
    size: (width, height) of the frames.
    fps: frames per second, as in `exact_rate`.
    audio: file whose sound is laid under the picture from time 0.
    sound_seconds: leave out the sound after this time; None keeps all of it.
    metadata: container tags.
    finishing: what is done to frames, sound and file besides; its errors pass through.

    Raises InputError: as `check_transparent`, the disk is full, or no frame was written; and
    whatever `read_sound` says of `audio`.
    ValueError: a frame of another shape or dtype than (h, w, 4) uint8.
    """

    def __init__(
        self,
        path: str | Path,
        size: tuple[int, int],
        fps: FrameRate,
        audio: str | Path | None = None,
        sound_seconds: float | None = None,
        metadata: Mapping[str, str] | None = None,
        finishing: Finishing = Finishing(),  # noqa: B008 (frozen)
    ) -> None:
        path = Path(path)
        check_transparent(path, None if audio is None else Path(audio))
        film = _FILMS[path.suffix.lower()]
        sound = soundtrack(audio, finishing.opening, sound_seconds, film.rates)
        encode = partial(
            _encode, film=film, size=size, rate=exact_rate(fps), sound=sound, tags=metadata or {}
        )
        super().__init__(path, (size[1], size[0], 4), encode, finishing)


def _encode(
    path: Path,
    frames: Iterator[np.ndarray],
    film: _Film,
    size: tuple[int, int],
    rate: Fraction,
    sound: Soundtrack | None,
    tags: Mapping[str, str],
) -> None:
    """Write (h, w, 4) uint8 RGBA frames and their sound.

    Raises:
        OSError: the disk is full.
    """
    reformatter = VideoReformatter()
    with av.open(f"file:{path.absolute()}", "w", options=film.muxer) as container:
        container.metadata.update(tags)
        pixels = film.opaque.replace("yuv", "yuva")
        video = add_video(container, film.encoder, film.options, size, rate, pixels)
        video.metadata["alpha_mode"] = "1"
        voice = None if sound is None else SoundEncoder(sound, film.sound, container)
        pictures = (_convert(reformatter, make_even(rgba), film) for rgba in frames)
        mux_film(container, video, pictures, voice)


def _convert(reformatter: VideoReformatter, frame: np.ndarray, film: _Film) -> VideoFrame:
    """Colours by the BT.709 matrix in limited range, opacity in full range."""
    height, width = frame.shape[:2]
    colours = reformatter.reformat(
        VideoFrame.from_ndarray(np.ascontiguousarray(frame[..., :3]), format="rgb24"),
        format=film.opaque,
        dst_colorspace=Colorspace.ITU709,
        src_color_range=ColorRange.JPEG,
        dst_color_range=ColorRange.MPEG,
    )
    both = VideoFrame(width, height, film.opaque.replace("yuv", "yuva"))
    both.color_range, both.colorspace = RANGE_LIMITED, MATRIX_BT709
    kind = np.dtype(np.uint8 if film.levels == 255 else "<u2")
    for target, source in zip(both.planes, colours.planes, strict=False):
        _samples(target, kind)[:] = _samples(source, kind)
    opacity = frame[..., 3].astype(np.uint32) * film.levels
    _samples(both.planes[3], kind)[:] = (opacity + 127) // 255
    return both


def check_transparent(path: Path, given: Path | None = None) -> None:
    """Raise InputError where `path` cannot be a film with transparency.

    Args:
        path: the file to write.
        given: an input that it must not replace.
    """
    if path.suffix.lower() not in _FILMS:
        raise InputError(
            f"{path}: holds no transparency; let it end in .webm (VP9), .mov (ProRes 4444), or / "
            "for pictures"
        )
    check_place(path, given)


def _samples(plane: object, kind: np.dtype) -> np.ndarray:
    """(h, w) view of a plane's samples."""
    rows = np.frombuffer(plane, kind).reshape(plane.height, plane.line_size // kind.itemsize)  # pyright: ignore
    return rows[:, : plane.width]  # pyright: ignore
