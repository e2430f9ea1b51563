"""Frames and sound → a film: MP4, MOV, WebM or Matroska by FFmpeg's encoders."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import OutputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from openvasa.machine import usable_cores
from openvasa.media.colour import (
    MATRIX_BT709,
    PRIMARIES_BT709,
    RANGE_LIMITED,
    TRANSFER_SRGB,
    to_yuv420p,
)
from openvasa.media.container import ENCODERS, Codec
from openvasa.media.encoding import Plan, Quality
from openvasa.media.gpu_encoder import gpu_encoder
from openvasa.media.sound_encoder import SoundEncoder

_OPTIONS: dict[Codec, dict[Quality, dict[str, str]]] = {
    "h264": {
        "fast": {"preset": "ultrafast", "crf": "19"},
        "good": {"preset": "veryfast", "crf": "18"},
    },
    "h265": {
        "fast": {"preset": "superfast", "crf": "21"},
        "good": {"preset": "fast", "crf": "20"},
    },
    "av1": {"fast": {"preset": "9", "crf": "26"}, "good": {"preset": "6", "crf": "25"}},
    "vp9": {
        "fast": {"deadline": "realtime", "cpu-used": "7", "crf": "26", "b": "0", "row-mt": "1"},
        "good": {"deadline": "good", "cpu-used": "4", "crf": "26", "b": "0", "row-mt": "1"},
    },
}
_QUIET = {"h265": {"x265-params": "log-level=error"}}
_SVT_LOG_LEVEL, _SVT_ERRORS = "SVT_LOG", "1"
"""SVT-AV1 prints its settings unless the environment says otherwise."""

_QUICKTIME = {"mp4", "mov"}
# The tags every player knows. Any other key needs QuickTime's own tag table, which fewer read.
_COMMON_TAGS = {"title", "artist", "album", "comment", "copyright", "date", "description", "genre"}


def encode_film(path: Path, frames: Iterator[np.ndarray], plan: Plan) -> None:
    """Write a film, as `openvasa.media.encoding.Encode`.

    Odd sizes gain a repeated last column or row. RGB is converted with the BT.709 matrix to limited
    range and tagged BT.709 primaries, sRGB transfer, so that players show the values that were
    written.

    Raises:
        OSError: the disk is full.
    """
    reformatter = VideoReformatter()
    with av.open(
        f"file:{path.absolute()}", "w", plan.container.format, options=_muxer_options(plan)
    ) as container:
        container.metadata.update(plan.tags)
        video = _video_stream(container, plan)
        sound = _sound_encoder(container, plan)
        pictures = (to_yuv420p(reformatter, make_even(rgb)) for rgb in frames)
        mux_film(container, video, pictures, sound)


def mux_film(
    container: OutputContainer,
    video: VideoStream,
    pictures: Iterable[VideoFrame],
    sound: SoundEncoder | None,
) -> None:
    """Encode pictures and sound side by side, to their end."""
    rate = video.codec_context.framerate
    for index, picture in enumerate(pictures):
        picture.pts, picture.time_base = index, 1 / rate
        container.mux(video.encode(picture))
        if sound is not None:
            sound.encode_until(float((index + 1) / rate))
    container.mux(video.encode(None))
    if sound is not None:
        sound.finish()


def add_video(
    container: OutputContainer,
    encoder: str,
    options: dict[str, str],
    size: tuple[int, int],
    rate: Fraction,
    pixels: str,
) -> VideoStream:
    """A stream for pictures of BT.709 colours in limited range.

    Args:
        container: to add it to.
        encoder, options: of FFmpeg.
        size: (width, height) of the frames; odd ones gain a column or row (`make_even`).
        rate: frames a second.
        pixels: FFmpeg's name of their format.
    """
    stream = container.add_stream(encoder, rate=rate, options=options)
    assert isinstance(stream, VideoStream)
    stream.width, stream.height = (side + side % 2 for side in size)
    stream.pix_fmt = pixels
    context = stream.codec_context
    context.thread_count = 2
    # A key frame every two seconds, so that players can seek.
    context.gop_size = round(2 * rate)
    context.color_primaries = PRIMARIES_BT709
    context.color_trc = TRANSFER_SRGB
    context.colorspace = MATRIX_BT709
    context.color_range = RANGE_LIMITED
    return stream


def make_even(frame: np.ndarray) -> np.ndarray:
    """(h, w, C) → both sides even, by a repeated last row or column where they were not."""
    odd_height, odd_width = (side % 2 for side in frame.shape[:2])
    if not (odd_height or odd_width):
        return frame
    return np.pad(frame, ((0, odd_height), (0, odd_width), (0, 0)), "edge")


def _muxer_options(plan: Plan) -> dict[str, str]:
    if plan.container.format not in _QUICKTIME:
        return {}
    flags = "+faststart"
    if not plan.tags.keys() <= _COMMON_TAGS:
        flags += "+use_metadata_tags"
    return {"movflags": flags}


def _video_stream(container: OutputContainer, plan: Plan) -> VideoStream:
    assert plan.codec is not None
    if plan.codec == "av1":
        os.environ.setdefault(_SVT_LOG_LEVEL, _SVT_ERRORS)
    width, height = (side + side % 2 for side in plan.size)
    name, options = gpu_encoder(plan.codec, plan.quality, (width, height)) or (
        ENCODERS[plan.codec],
        {**_OPTIONS[plan.codec][plan.quality], **_QUIET.get(plan.codec, {})},
    )
    stream = add_video(container, name, options, plan.size, plan.rate, "yuv420p")
    if plan.codec == "h264" and usable_cores() <= 2:
        # Painting sets the pace of few cores: there a second thread costs more than it hastens.
        # Other codecs take as long as painting.
        stream.codec_context.thread_count = 1
    if plan.codec == "h265" and plan.container.format in _QUICKTIME:
        # Apple's players show H.265 only under this name.
        stream.codec_context.codec_tag = "hvc1"
    return stream


def _sound_encoder(container: OutputContainer, plan: Plan) -> SoundEncoder | None:
    if plan.sound is None or plan.container.sound is None:
        return None
    return SoundEncoder(plan.sound, plan.container.sound.encoder, container)
