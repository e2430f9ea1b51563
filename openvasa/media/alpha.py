"""RGBA frames and a voice → a film with transparency: VP9 in WebM, or ProRes 4444 in MOV."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from av.video.stream import VideoStream

from openvasa.errors import InputError
from openvasa.media.colour import (
    MATRIX_BT709,
    PRIMARIES_BT709,
    RANGE_LIMITED,
    TRANSFER_SRGB,
)
from openvasa.media.finishing import Finishing
from openvasa.media.frame_rate import FrameRate, exact_rate
from openvasa.media.place import check_place, not_written
from openvasa.media.sound_encoder import SoundEncoder
from openvasa.media.soundtrack import soundtrack


@dataclass(frozen=True)
class _Film:
    """A kind of film that holds transparency.

    Attributes:
        encoder: FFmpeg's name, with its options.
        opaque: the pixel format without transparency; with it, its name has an a after yuv.
        levels: the largest opacity.
        sound: FFmpeg's encoder of the sound, and the rates in Hz that it takes.
    """

    encoder: str
    options: dict[str, str]
    opaque: str
    levels: int
    sound: str
    rates: tuple[int, ...]


_FILMS = {
    ".webm": _Film(
        "libvpx-vp9",
        # Hidden frames of the encoder have no opacity beside them.
        {"deadline": "realtime", "cpu-used": "6", "crf": "20", "b": "0", "auto-alt-ref": "0"},
        "yuv420p",
        255,
        "libopus",
        (48000,),
    ),
    ".mov": _Film(
        "prores_ks", {"profile": "4444"}, "yuv444p10le", 1023, "aac", (16000, 24000, 44100, 48000)
    ),
}


class TransparentWriter:
    """Write RGBA frames to a .webm (VP9) or .mov (ProRes 4444); use as a context manager.

    The file appears under its name only when the block ends without an exception. Colours are
    straight, not premultiplied, in BT.709 limited range; odd sizes gain a repeated last column or
    row.

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
        self.path = Path(path)
        check_transparent(self.path, None if audio is None else Path(audio))
        self._film = _FILMS[self.path.suffix.lower()]
        self._shape = (size[1], size[0], 4)
        self._rate = exact_rate(fps)
        self._sound = soundtrack(audio, finishing.opening, sound_seconds, self._film.rates)
        self._tags = dict(metadata or {})
        self._finishing = finishing
        self._reformatter = VideoReformatter()
        self._count = 0
        # Beside the target, so that the final rename stays on one file system and is atomic.
        name = f".openvasa-{secrets.token_hex(8)}"
        self._partial = self.path.with_name(name + self.path.suffix.lower())
        self._completed = self.path.with_name(name + ".completed" + self.path.suffix.lower())

    def __enter__(self) -> TransparentWriter:
        try:
            options = {"movflags": "+faststart+use_metadata_tags"}
            self._container = av.open(
                f"file:{self._partial.absolute()}",
                "w",
                options=options if self.path.suffix.lower() == ".mov" else {},
            )
            self._container.metadata.update(self._tags)
            self._video = self._add_video()
            self._voice = None
            if self._sound is not None:
                self._voice = SoundEncoder(self._sound, self._film.sound, self._container)
        except OSError as error:
            self._partial.unlink(missing_ok=True)
            raise not_written(self.path, error) from error
        return self

    def write(self, frame: np.ndarray) -> None:
        """Append one (h, w, 4) uint8 RGBA frame, not premultiplied."""
        if frame.shape != self._shape or frame.dtype != np.uint8:
            raise ValueError(f"frame is {frame.shape} {frame.dtype}, expected {self._shape} uint8")
        if self._finishing.alter_frame is not None:
            frame = self._finishing.alter_frame(frame, self._count)
        picture = self._convert(frame)
        picture.pts, picture.time_base = self._count, 1 / self._rate
        self._count += 1
        try:
            self._container.mux(self._video.encode(picture))
            if self._voice is not None:
                self._voice.encode_until(float(self._count / self._rate))
        except OSError as error:
            raise not_written(self.path, error) from error

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if exc_type is None:
                self._finish()
        except OSError as error:
            raise not_written(self.path, error) from error
        finally:
            with suppress(OSError):
                self._container.close()
            self._partial.unlink(missing_ok=True)
            self._completed.unlink(missing_ok=True)

    def _finish(self) -> None:
        if not self._count:
            raise InputError(f"{self.path}: no frame to write; check the input's length")
        self._container.mux(self._video.encode(None))
        if self._voice is not None:
            self._voice.finish()
        self._container.close()
        done = self._partial
        if self._finishing.complete_file is not None:
            self._finishing.complete_file(self._partial, self._completed, self._count)
            done = self._completed
        os.replace(done, self.path)

    def _add_video(self) -> VideoStream:
        film = self._film
        stream = self._container.add_stream(film.encoder, rate=self._rate, options=film.options)
        assert isinstance(stream, VideoStream)
        height, width = self._shape[:2]
        stream.height, stream.width = height + height % 2, width + width % 2
        stream.pix_fmt = film.opaque.replace("yuv", "yuva")
        stream.metadata["alpha_mode"] = "1"
        context = stream.codec_context
        context.thread_count = 2
        context.gop_size = round(2 * self._rate)
        context.color_primaries = PRIMARIES_BT709
        context.color_trc = TRANSFER_SRGB
        context.colorspace = MATRIX_BT709
        context.color_range = RANGE_LIMITED
        return stream

    def _convert(self, frame: np.ndarray) -> VideoFrame:
        """Colours by the BT.709 matrix in limited range, opacity in full range."""
        odd_height, odd_width = (side % 2 for side in frame.shape[:2])
        frame = np.pad(frame, ((0, odd_height), (0, odd_width), (0, 0)), "edge")
        height, width = frame.shape[:2]
        colours = self._reformatter.reformat(
            VideoFrame.from_ndarray(np.ascontiguousarray(frame[..., :3]), format="rgb24"),
            format=self._film.opaque,
            dst_colorspace=Colorspace.ITU709,
            src_color_range=ColorRange.JPEG,
            dst_color_range=ColorRange.MPEG,
        )
        both = VideoFrame(width, height, self._film.opaque.replace("yuv", "yuva"))
        both.color_range, both.colorspace = RANGE_LIMITED, MATRIX_BT709
        kind = np.dtype(np.uint8 if self._film.levels == 255 else "<u2")
        for target, source in zip(both.planes, colours.planes, strict=False):
            _samples(target, kind)[:] = _samples(source, kind)
        opacity = frame[..., 3].astype(np.uint32) * self._film.levels
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
