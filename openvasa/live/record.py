"""Record what a live portrait shows and says into an mp4, marked as AI-generated."""

from __future__ import annotations

import queue
import threading
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from openvasa.live.player import Shown
from openvasa.media.colour import (
    MATRIX_BT709,
    PRIMARIES_BT709,
    RANGE_LIMITED,
    TRANSFER_SRGB,
    to_yuv420p,
)
from openvasa.provenance.certificate import identity
from openvasa.provenance.credentials import sign
from openvasa.provenance.metadata import ai_mark

LONGEST_S = 600.0
_VIDEO_CLOCK = 48000
_QUEUE = 64


class Recorder:
    """Writes frames to `path` in a thread of its own, from the first frame it is given.

    Frames keep their own times, so one that was left out shows as the one before it, longer.

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
        """Wait for the file to be complete.

        Raises:
            OSError or another error that writing ended with.
        """
        self._frames.put(None)
        self._thread.join()
        if self.error is not None:
            self.path.unlink(missing_ok=True)
            raise self.error
        signed = self.path.with_suffix(".signed.mp4")
        content = {"content_id": f"{self._content_id:08x}"}
        sign(self.path, signed, identity(), content, title=self.path.name, portrait=None)
        return signed.replace(self.path)

    def _run(self) -> None:
        try:
            self._write()
        except BaseException as error:
            self.error = error
            while self._frames.get() is not None:
                pass

    def _write(self) -> None:
        first = self._frames.get()
        while first is not None and first.picture is None:
            first = self._frames.get()
        if first is None or first.picture is None:
            raise ValueError("nothing was recorded")
        options = {"movflags": "+faststart"}
        with av.open(f"file:{self.path.absolute()}", "w", options=options) as container:
            container.metadata["comment"] = ai_mark()
            video = _video_stream(container, first.picture)
            audio = container.add_stream("aac", rate=self._rate, layout="mono")
            assert isinstance(audio, AudioStream)
            audio.codec_context.bit_rate = 96000
            reformatter = VideoReformatter()
            shown, seen, written = first, first.picture, 0
            while shown is not None:
                following = self._frames.get()
                # The last frame is written even where it was left out: it ends the picture.
                if shown.picture is not None or following is None:
                    seen = seen if shown.picture is None else shown.picture
                    picture = to_yuv420p(reformatter, seen)
                    picture.pts = shown.frame.start - first.frame.start
                    picture.duration = shown.frame.length
                    picture.time_base = Fraction(1, _VIDEO_CLOCK)
                    container.mux(video.encode(picture))
                _encode_sound(container, audio, shown.frame.sound, written)
                written += len(shown.frame.sound)
                shown = following
            container.mux(video.encode(None))
            container.mux(audio.encode(None))


def _encode_sound(
    container: OutputContainer, stream: AudioStream, samples: np.ndarray, position: int
) -> None:
    frame = AudioFrame.from_ndarray(
        np.ascontiguousarray(samples[None]), format="fltp", layout="mono"
    )
    frame.sample_rate = stream.rate
    frame.pts, frame.time_base = position, Fraction(1, stream.rate)
    container.mux(stream.encode(frame))


def _video_stream(container: OutputContainer, picture: np.ndarray) -> VideoStream:
    options = {"preset": "ultrafast", "crf": "19"}
    stream = container.add_stream("libx264", rate=_VIDEO_CLOCK, options=options)
    assert isinstance(stream, VideoStream)
    stream.height, stream.width = picture.shape[:2]
    stream.pix_fmt = "yuv420p"
    context = stream.codec_context
    context.time_base = Fraction(1, _VIDEO_CLOCK)
    context.framerate = Fraction(30)
    context.thread_count = 1
    context.color_primaries = PRIMARIES_BT709
    context.color_trc = TRANSFER_SRGB
    context.colorspace = MATRIX_BT709
    context.color_range = RANGE_LIMITED
    return stream
