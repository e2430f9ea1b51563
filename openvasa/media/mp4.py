"""Frames and a voice → one MP4 (H.264, AAC), whole or not at all."""

from __future__ import annotations

import os
import queue
import secrets
import threading
from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Literal

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from openvasa.errors import InputError
from openvasa.media.colour import (
    MATRIX_BT709,
    PRIMARIES_BT709,
    RANGE_LIMITED,
    TRANSFER_SRGB,
    to_yuv420p,
)
from openvasa.media.finishing import Finishing
from openvasa.media.frame_rate import FrameRate, exact_rate
from openvasa.media.soundtrack import Soundtrack, soundtrack

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
    removes. Frames are finished and encoded in a thread behind a queue of 8; its errors are raised
    by the next `write` or at the end. `openvasa.publish.open_mp4` gives a writer that marks.

    size: (width, height) of the frames; odd sizes gain a repeated last column or row.
    fps: frames per second, 12 to 60; frame i is shown at i / fps, and 29.97 is 30000/1001.
    audio: file whose sound is laid under the picture from time 0, at its own rate where AAC
        allows it (8 to 48 kHz, else the nearest), mono or stereo as it is.
    quality: "fast" (x264 ultrafast) or "good" (x264 veryfast: half the size,
        two to three times the time).
    sound_seconds: leave out the sound after this time; None keeps all of it.
    metadata: container tags.
    finishing: what is done to frames, sound and file besides; its errors pass through.

    Colours: RGB is converted with the BT.709 matrix to limited range and tagged BT.709 primaries,
    sRGB transfer, so that players show the values that were written.

    Raises InputError: `path` is not .mp4, is the audio file itself, cannot be written, the disk is
    full, or no frame was written; and whatever `read_sound` says of `audio`.
    ValueError: a frame of another shape or dtype than (h, w, 3) uint8.
    """

    def __init__(
        self,
        path: str | Path,
        size: tuple[int, int],
        fps: FrameRate,
        audio: str | Path | None = None,
        quality: Quality = "fast",
        metadata: Mapping[str, str] | None = None,
        sound_seconds: float | None = None,
        finishing: Finishing = Finishing(),  # noqa: B008 (frozen)
    ) -> None:
        self.path = Path(path)
        check_output(self.path, None if audio is None else Path(audio))
        self._finishing = finishing
        self._shape = (size[1], size[0], 3)
        self._rate = exact_rate(fps)
        self._sound = soundtrack(audio, finishing.opening, sound_seconds, _AAC_RATES)
        self._quality: Quality = quality
        self._tags = dict(metadata or {})
        self._frames: queue.Queue[np.ndarray | None] = queue.Queue(_QUEUE)
        self._error: BaseException | None = None
        self._abandoned = threading.Event()
        # Beside the target, so that the final rename stays on one file system and is atomic.
        self._partial = self.path.with_name(f".openvasa-{secrets.token_hex(8)}.mp4")
        self._completed = self._partial.with_suffix(".completed.mp4")
        self._thread = threading.Thread(target=self._encode, name="mp4-encoder", daemon=True)
        self._count = 0

    def __enter__(self) -> Mp4Writer:
        try:
            self._partial.touch(exist_ok=False)
            self._thread.start()
        except OSError as error:
            raise _not_written(self.path, error) from error
        except BaseException:
            # Interrupted in here, the block would never begin, and so never end.
            self._clean_up()
            raise
        return self

    def write(self, frame: np.ndarray) -> None:
        """Append one (h, w, 3) uint8 RGB frame; it is copied, so the caller may reuse the array."""
        if frame.shape != self._shape or frame.dtype != np.uint8:
            raise ValueError(
                f"frame is {frame.shape} {frame.dtype}, expected {self._shape} uint8 RGB"
            )
        self._put(frame.copy())
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
            self._clean_up()

    def _clean_up(self) -> None:
        """After a finished file there is nothing left to do."""
        self._abandoned.set()
        if self._thread.ident is not None:
            self._thread.join()
        self._partial.unlink(missing_ok=True)
        self._completed.unlink(missing_ok=True)

    def _finish(self) -> None:
        if not self._count:
            raise InputError(f"{self.path}: no frame to write; check the input's length")
        self._put(None)
        self._thread.join()
        self._raise_error()
        try:
            if self._finishing.complete_file is not None:
                self._finishing.complete_file(self._partial, self._completed, self._count)
                os.replace(self._completed, self.path)
            else:
                os.replace(self._partial, self.path)
        except OSError as error:
            raise _not_written(self.path, error) from error

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
                video = _video_stream(container, self._shape, self._rate, self._quality)
                sound = None if self._sound is None else _SoundEncoder(self._sound, container)
                for index, frame in enumerate(self._queued_frames()):
                    frame.pts = index
                    frame.time_base = 1 / self._rate
                    container.mux(video.encode(frame))
                    if sound is not None:
                        sound.encode_until(float((index + 1) / self._rate))
                if self._abandoned.is_set():
                    return
                container.mux(video.encode(None))
                if sound is not None:
                    sound.finish()
        except BaseException as error:
            self._error = error

    def _queued_frames(self) -> Iterator[VideoFrame]:
        reformatter, count = VideoReformatter(), 0
        while not self._abandoned.is_set():
            try:
                rgb = self._frames.get(timeout=0.1)
            except queue.Empty:
                continue
            if rgb is None:
                return
            # Altered here and not in `write`, so that the next frame is rendered meanwhile.
            if self._finishing.alter_frame is not None:
                rgb = self._finishing.alter_frame(rgb, count)
            yield to_yuv420p(reformatter, _make_even(rgb))
            count += 1


class _SoundEncoder:
    """Encodes a sound track little by little, so that it stays beside the picture."""

    def __init__(self, sound: Soundtrack, container: OutputContainer) -> None:
        self._sound, self._pieces, self._container = sound, iter(sound), container
        self._layout = "mono" if sound.channels == 1 else "stereo"
        self._stream = container.add_stream("aac", rate=sound.rate, layout=self._layout)
        self._stream.codec_context.bit_rate = min(96000, 4 * sound.rate) * sound.channels
        self._written = 0

    def encode_until(self, seconds: float) -> None:
        rate = self._sound.rate
        while self._written < seconds * rate:
            samples = next(self._pieces, None)
            if samples is None:
                return
            frame = AudioFrame.from_ndarray(
                np.ascontiguousarray(samples), format="fltp", layout=self._layout
            )
            frame.sample_rate = rate
            frame.time_base = Fraction(1, rate)
            frame.pts = self._written
            self._written += samples.shape[1]
            self._container.mux(self._stream.encode(frame))

    def finish(self) -> None:
        self.encode_until(float("inf"))
        self._container.mux(self._stream.encode(None))


def _make_even(frame: np.ndarray) -> np.ndarray:
    """(h, w, 3) → both sides even, by a repeated last row or column where they were not."""
    odd_height, odd_width = (side % 2 for side in frame.shape[:2])
    if not (odd_height or odd_width):
        return frame
    return np.pad(frame, ((0, odd_height), (0, odd_width), (0, 0)), "edge")


def _video_stream(
    container: OutputContainer, shape: tuple[int, int, int], rate: Fraction, quality: Quality
) -> VideoStream:
    stream = container.add_stream("libx264", rate=rate, options=_X264[quality])
    stream.height, stream.width = shape[0] + shape[0] % 2, shape[1] + shape[1] % 2
    stream.pix_fmt = "yuv420p"
    context = stream.codec_context
    context.thread_count = 2
    # A key frame every two seconds, so that players can seek.
    context.gop_size = round(2 * rate)
    context.color_primaries = PRIMARIES_BT709
    context.color_trc = TRANSFER_SRGB
    context.colorspace = MATRIX_BT709
    context.color_range = RANGE_LIMITED
    return stream


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
