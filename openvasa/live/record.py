"""Record what a live portrait shows and says into an mp4, marked as AI-generated."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from fractions import Fraction
from itertools import chain
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from openvasa.live.frame import LiveFrame
from openvasa.live.player import Shown
from openvasa.live.timeline import TICKS
from openvasa.media.colour import (
    MATRIX_BT709,
    PRIMARIES_BT709,
    RANGE_LIMITED,
    TRANSFER_SRGB,
    to_yuv420p,
)
from openvasa.provenance.metadata import ai_mark
from openvasa.publish import sign_recording

LONGEST_S = 600.0
_QUEUE = 64


class Recorder:
    """Writes frames to `path` in a thread of its own, from the first frame it is given.

    Frames keep their own times: one that was left out shows as the one before it, longer, and one
    that was lost is silent.

    Args:
        path: the mp4; it is complete when `finish` returns.
        rate: of the sound, Hz.
        content_id: what the watermark of its frames carries.
    """

    def __init__(self, path: Path, rate: int, content_id: int) -> None:
        self.path = path
        self.error: BaseException | None = None
        self.lost = 0
        self.seconds = 0.0
        self._rate = rate
        self._content_id = content_id
        self._frames: queue.Queue[Shown | None] = queue.Queue(_QUEUE)
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    @property
    def full(self) -> bool:
        """Whether it has recorded as much as it may, or failed."""
        return self.seconds >= LONGEST_S or self.error is not None

    def put(self, shown: Shown) -> None:
        """Add a frame; never waits: a disk that cannot follow loses frames, which are counted."""
        if self.full:
            return
        try:
            self._frames.put_nowait(shown)
            self.seconds += shown.frame.end_s - shown.frame.time_s
        except queue.Full:
            self.lost += 1

    def finish(self) -> Path:
        """Wait for the file to be complete and sign it; an error leaves no file.

        Raises:
            OSError or another error that writing or signing ended with.
        """
        self._frames.put(None)
        self._thread.join()
        try:
            if self.error is not None:
                raise self.error
            return sign_recording(self.path, self._content_id)
        except BaseException:
            self.path.unlink(missing_ok=True)
            raise

    def _run(self) -> None:
        frames = iter(self._frames.get, None)
        try:
            self._write(frames)
        except BaseException as error:
            self.error = error
            for _ in frames:
                pass

    def _write(self, frames: Iterator[Shown]) -> None:
        first = next((shown for shown in frames if shown.picture is not None), None)
        if first is None or first.picture is None:
            raise ValueError("nothing was recorded")
        options = {"movflags": "+faststart"}
        with av.open(f"file:{self.path.absolute()}", "w", options=options) as container:
            container.metadata["comment"] = ai_mark()
            pictures = _PictureEncoder(container, first)
            sound = _SoundEncoder(container, self._rate, first.frame.start)
            for shown in chain([first], frames):
                pictures.encode(shown)
                sound.encode(shown.frame)
            pictures.finish()
            sound.finish()


class _PictureEncoder:
    """Encodes pictures, each shown until the next one, and the last until the last frame's end."""

    def __init__(self, container: OutputContainer, first: Shown) -> None:
        assert first.picture is not None
        self._container = container
        self._stream = _video_stream(container, first.picture)
        self._reformatter = VideoReformatter()
        self._origin = first.frame.start
        self._waiting, self._end = first, first.frame.start
        self._durations: dict[int, int] = {}

    def encode(self, shown: Shown) -> None:
        """Take the next frame; a picture is encoded when it is known how long it is shown."""
        if shown.picture is not None and shown is not self._waiting:
            self._encode_waiting(shown.frame.start)
            self._waiting = shown
        self._end = shown.frame.start + shown.frame.length

    def finish(self) -> None:
        self._encode_waiting(self._end)
        self._mux(self._stream.encode(None))

    def _encode_waiting(self, until: int) -> None:
        assert self._waiting.picture is not None
        picture = to_yuv420p(self._reformatter, self._waiting.picture)
        picture.pts = self._waiting.frame.start - self._origin
        picture.time_base = Fraction(1, TICKS)
        self._durations[picture.pts] = until - self._waiting.frame.start
        self._mux(self._stream.encode(picture))

    def _mux(self, packets: list[Packet]) -> None:
        for packet in packets:
            # The encoder gives each packet one length, of which the file keeps the last packet's.
            assert packet.pts is not None
            packet.duration = self._durations.pop(packet.pts)
            self._container.mux(packet)


class _SoundEncoder:
    """Encodes sound at its place on the timeline, silence where frames are missing."""

    def __init__(self, container: OutputContainer, rate: int, origin: int) -> None:
        stream = container.add_stream("aac", rate=rate, layout="mono")
        assert isinstance(stream, AudioStream)
        stream.codec_context.bit_rate = 96000
        self._container, self._stream = container, stream
        self._tick = TICKS // rate
        self._origin, self._written = origin, 0

    def encode(self, frame: LiveFrame) -> None:
        missing = (frame.start - self._origin) // self._tick - self._written
        if missing > 0:
            self._encode(np.zeros(missing, np.float32))
        self._encode(frame.sound)

    def finish(self) -> None:
        self._container.mux(self._stream.encode(None))

    def _encode(self, samples: np.ndarray) -> None:
        block = np.ascontiguousarray(samples[None], np.float32)
        sound = AudioFrame.from_ndarray(block, format="fltp", layout="mono")
        sound.sample_rate = self._stream.rate
        sound.pts, sound.time_base = self._written, Fraction(1, self._stream.rate)
        self._written += len(samples)
        self._container.mux(self._stream.encode(sound))


def _video_stream(container: OutputContainer, picture: np.ndarray) -> VideoStream:
    options = {"preset": "ultrafast", "crf": "19"}
    stream = container.add_stream("libx264", rate=TICKS, options=options)
    assert isinstance(stream, VideoStream)
    stream.height, stream.width = picture.shape[:2]
    stream.pix_fmt = "yuv420p"
    context = stream.codec_context
    context.time_base = Fraction(1, TICKS)
    context.framerate = Fraction(30)
    context.thread_count = 1
    context.color_primaries = PRIMARIES_BT709
    context.color_trc = TRANSFER_SRGB
    context.colorspace = MATRIX_BT709
    context.color_range = RANGE_LIMITED
    return stream
