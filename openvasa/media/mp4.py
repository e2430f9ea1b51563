"""Frames and a voice → one MP4 (H.264, AAC), marked as AI-generated, whole or not at all."""

from __future__ import annotations

import os
import queue
import secrets
import threading
from collections.abc import Iterator, Mapping
from fractions import Fraction
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Literal

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from openvasa.audio.decode import read_sound, resampled
from openvasa.errors import InputError
from openvasa.media.colour import (
    MATRIX_BT709,
    PRIMARIES_BT709,
    RANGE_LIMITED,
    TRANSFER_SRGB,
    to_yuv420p,
)
from openvasa.provenance.certificate import Identity, identity
from openvasa.provenance.credentials import picture_file, sign
from openvasa.provenance.embed import WatermarkEmbedder
from openvasa.provenance.label import SHORTEST_SECONDS, VisibleLabel
from openvasa.provenance.marking import Marking
from openvasa.provenance.metadata import ai_mark, aigc_field
from openvasa.provenance.notice import morse_notice

Quality = Literal["fast", "good"]

_X264: dict[Quality, dict[str, str]] = {
    "fast": {"preset": "ultrafast", "crf": "19"},
    "good": {"preset": "veryfast", "crf": "18"},
}
_QUEUE = 8
_AAC_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
# The tags every player knows. Any other key needs QuickTime's own tag table, which fewer read.
_COMMON_TAGS = {"title", "artist", "album", "comment", "copyright", "date", "description", "genre"}


class Mp4Writer:
    """Write RGB frames to `path`; use as a context manager.

    The file appears under its name only when the block ends without an exception: until then a
    hidden temporary file beside it is written, which any exception (KeyboardInterrupt included)
    removes. Encoding runs in a thread behind a queue of 8 frames; its errors are raised by the next
    `write` or at the end.

    size: (width, height) of the frames; odd sizes gain a repeated last column or row.
    fps: frames per second; frame i is shown at i / fps.
    audio: file whose sound is laid under the picture from time 0, at its own rate where AAC
        allows it (8 to 48 kHz, else the nearest), mono or stereo as it is.
    quality: "fast" (x264 ultrafast) or "good" (x264 veryfast: half the size,
        two to three times the time).
    sound_seconds: leave out the sound after this time; None keeps all of it.
    metadata: further container tags. The comment of a marked file starts with the mark.
    marking: how the video is marked; by default with watermark, Content Credentials and metadata.
        Its content id is 0 where none is given.

    Colours: RGB is converted with the BT.709 matrix to limited range and tagged BT.709 primaries,
    sRGB transfer, so that players show the values that were written.

    Raises InputError: `path` is not .mp4, is the audio file itself, cannot be written, the disk is
    full, no frame was written, or it cannot be signed; and whatever `read_sound` says of `audio`.
    ValueError: a frame of another shape or dtype than (h, w, 3) uint8.
    """

    def __init__(
        self,
        path: str | Path,
        size: tuple[int, int],
        fps: int,
        audio: str | Path | None = None,
        quality: Quality = "fast",
        metadata: Mapping[str, str] | None = None,
        sound_seconds: float | None = None,
        marking: Marking = Marking(),  # noqa: B008 (frozen)
    ) -> None:
        self.path = Path(path)
        check_output(self.path, None if audio is None else Path(audio))
        self._marking = marking
        # Whatever is wrong with the marking is said before anything is rendered.
        self._identity = identity(marking.cert, marking.key) if marking.marked else None
        self._marks = _FrameMarks(size, fps, marking) if marking.marked else None
        self._shape = (size[1], size[0], 3)
        self._fps = fps
        # Decoding the first sound now reports a bad audio file before anything is rendered.
        notice = marking.notice if marking.marked else None
        if notice and audio is None:
            raise InputError(f"{self.path}: no sound to put the audible notice in; give a sound")
        self._sound = None if audio is None else _Soundtrack(Path(audio), notice is not None)
        self._sound_end = float("inf") if sound_seconds is None else sound_seconds
        self._quality: Quality = quality
        self._tags = _tags(metadata or {}, marking)
        self._frames: queue.Queue[np.ndarray | None] = queue.Queue(_QUEUE)
        self._error: BaseException | None = None
        self._abandoned = threading.Event()
        # Beside the target, so that the final rename stays on one file system and is atomic.
        self._partial = self.path.with_name(f".openvasa-{secrets.token_hex(8)}.mp4")
        self._signed = self._partial.with_suffix(".signed.mp4")
        self._thread = threading.Thread(target=self._encode, name="mp4-encoder", daemon=True)
        self._count = 0

    def __enter__(self) -> Mp4Writer:
        try:
            self._partial.touch(exist_ok=False)
        except OSError as error:
            raise _not_written(self.path, error) from error
        self._thread.start()
        return self

    def write(self, frame: np.ndarray) -> None:
        """Append one (h, w, 3) uint8 RGB frame; it is copied, so the caller may reuse the array."""
        if frame.shape != self._shape or frame.dtype != np.uint8:
            raise ValueError(
                f"frame is {frame.shape} {frame.dtype}, expected {self._shape} uint8 RGB"
            )
        if self._marks is not None:
            frame = self._marks.apply(frame, self._count)
        height, width = frame.shape[:2]
        even = np.empty((height + height % 2, width + width % 2, 3), np.uint8)
        even[:height, :width] = frame
        even[:height, width:] = frame[:, -1:]
        even[height:] = even[height - 1]
        self._put(even)
        self._count += 1

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if exc_type is None:
                self._finish()
        finally:
            # After a finished file both steps have nothing left to do.
            self._abandoned.set()
            self._thread.join()
            self._partial.unlink(missing_ok=True)
            self._signed.unlink(missing_ok=True)

    def _finish(self) -> None:
        if not self._count:
            raise InputError(f"{self.path}: no frame to write; check the input's length")
        self._put(None)
        self._thread.join()
        self._raise_error()
        try:
            if self._identity is not None:
                self._sign(self._identity)
                os.replace(self._signed, self.path)
            else:
                os.replace(self._partial, self.path)
        except OSError as error:
            raise _not_written(self.path, error) from error

    def _sign(self, signer: Identity) -> None:
        marking = self._marking
        generation = {
            "content_id": f"{marking.content_id or 0:08x}",
            "frames": self._count,
            "controls": dict(marking.controls),
        }
        sign(
            self._partial,
            self._signed,
            signer,
            generation,
            title=self.path.name,
            portrait=None if marking.portrait is None else picture_file(marking.portrait),
            timestamp_url=marking.timestamp_url,
        )

    def _put(self, frame: np.ndarray | None) -> None:
        while True:
            self._raise_error()
            try:
                return self._frames.put(frame, timeout=0.1)
            except queue.Full:
                continue

    def _raise_error(self) -> None:
        if isinstance(self._error, OSError):
            raise _not_written(self.path, self._error) from self._error
        if self._error is not None:
            raise self._error

    def _encode(self) -> None:
        try:
            movflags = "+faststart"
            if not self._tags.keys() <= _COMMON_TAGS:
                movflags += "+use_metadata_tags"
            options = {"movflags": movflags}
            with av.open(f"file:{self._partial.absolute()}", "w", options=options) as container:
                container.metadata.update(self._tags)
                video = _video_stream(container, self._shape, self._fps, self._quality)
                audio = self._sound and self._sound.add_stream(container)
                for index, frame in enumerate(self._queued_frames()):
                    frame.pts = index
                    frame.time_base = Fraction(1, self._fps)
                    container.mux(video.encode(frame))
                    if self._sound and audio:
                        self._sound.encode_until((index + 1) / self._fps, container, audio)
                if self._abandoned.is_set():
                    return
                container.mux(video.encode(None))
                if self._sound and audio:
                    self._sound.encode_until(self._sound_end, container, audio)
                    container.mux(audio.encode(None))
        except BaseException as error:
            self._error = error

    def _queued_frames(self) -> Iterator[VideoFrame]:
        reformatter = VideoReformatter()
        while not self._abandoned.is_set():
            try:
                rgb = self._frames.get(timeout=0.1)
            except queue.Empty:
                continue
            if rgb is None:
                return
            yield to_yuv420p(reformatter, rgb)


class _Soundtrack:
    """The sound of a file, encoded little by little so that it stays beside the picture."""

    def __init__(self, path: Path, notice: bool) -> None:
        pieces = read_sound(path)
        first = next(pieces)
        self.channels = first.samples.shape[0]
        self.rate = min(_AAC_RATES, key=lambda rate: abs(rate - first.rate))
        self._samples = resampled(chain([first], pieces), self.rate)
        self._notice = morse_notice(self.rate) if notice else np.zeros(0, np.float32)
        self._written = 0

    def add_stream(self, container: OutputContainer) -> AudioStream:
        layout = "mono" if self.channels == 1 else "stereo"
        stream = container.add_stream("aac", rate=self.rate, layout=layout)
        stream.codec_context.bit_rate = min(96000, 4 * self.rate) * self.channels
        return stream

    def encode_until(self, seconds: float, container: OutputContainer, stream: AudioStream) -> None:
        layout = "mono" if self.channels == 1 else "stereo"
        while self._written < seconds * self.rate:
            samples = next(self._samples, None)
            if samples is None:
                return
            if samples.shape[0] != self.channels:
                samples = np.repeat(samples.mean(axis=0, keepdims=True), self.channels, axis=0)
            samples = self._with_notice(samples)
            frame = AudioFrame.from_ndarray(
                np.ascontiguousarray(samples), format="fltp", layout=layout
            )
            frame.sample_rate = self.rate
            frame.time_base = Fraction(1, self.rate)
            frame.pts = self._written
            self._written += samples.shape[1]
            container.mux(stream.encode(frame))

    def _with_notice(self, samples: np.ndarray) -> np.ndarray:
        piece = self._notice[self._written : self._written + samples.shape[1]]
        if not len(piece):
            return samples
        mixed = samples.copy()
        mixed[:, : len(piece)] = np.clip(mixed[:, : len(piece)] + piece, -1, 1)
        return mixed


class _FrameMarks:
    """What is put on each frame: the visible label, and the watermark over all."""

    def __init__(self, size: tuple[int, int], fps: int, marking: Marking) -> None:
        self._embedder = WatermarkEmbedder(size, marking.content_id or 0)
        self._label = VisibleLabel(size, marking.label) if marking.label else None
        seconds = marking.label_seconds
        if seconds is not None and seconds < SHORTEST_SECONDS:
            raise InputError(f"label for {seconds:g} s: choose {SHORTEST_SECONDS:g} or more")
        self._labelled = float("inf") if seconds is None else seconds * fps

    def apply(self, frame: np.ndarray, index: int) -> np.ndarray:
        if self._label is not None and index < self._labelled:
            frame = self._label.apply(frame)
        return self._embedder.apply(frame)


def _video_stream(
    container: OutputContainer, shape: tuple[int, int, int], fps: int, quality: Quality
) -> VideoStream:
    stream = container.add_stream("libx264", rate=fps, options=_X264[quality])
    stream.height, stream.width = shape[0] + shape[0] % 2, shape[1] + shape[1] % 2
    stream.pix_fmt = "yuv420p"
    context = stream.codec_context
    context.thread_count = 2
    # A key frame every two seconds, so that players can seek.
    context.gop_size = 2 * fps
    context.color_primaries = PRIMARIES_BT709
    context.color_trc = TRANSFER_SRGB
    context.colorspace = MATRIX_BT709
    context.color_range = RANGE_LIMITED
    return stream


def _tags(metadata: Mapping[str, str], marking: Marking) -> dict[str, str]:
    if not marking.marked:
        return dict(metadata)
    comment = metadata.get("comment")
    tags = {**metadata, "comment": f"{ai_mark()}; {comment}" if comment else ai_mark()}
    if marking.label == "cn":
        tags["AIGC"] = aigc_field(marking.content_id or 0, marking.producer)
    return tags


def check_output(path: Path, audio: Path | None) -> None:
    """Raise InputError where `path` cannot be the output: name, directory, or the audio itself."""
    if path.suffix.lower() != ".mp4":
        raise InputError(f"{path}: not an .mp4 name; let the output end in .mp4")
    if path.is_dir():
        raise InputError(f"{path}: is a directory; give a file name ending in .mp4")
    if not path.parent.is_dir():
        raise InputError(f"{path}: its directory does not exist; create {path.parent} first")
    if audio is not None and path.exists() and audio.exists() and path.samefile(audio):
        raise InputError(f"{path}: is the input itself; give the output another name")


def _not_written(path: Path, error: OSError) -> InputError:
    reason = os.strerror(error.errno) if error.errno else str(error)
    return InputError(f"{path}: cannot be written ({reason}); free space or choose another place")
