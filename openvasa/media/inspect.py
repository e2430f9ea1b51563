"""What a video file really holds, found by decoding it; and its frames."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.error import FFmpegError
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from openvasa.audio.decode import check_is_file, probe
from openvasa.errors import InputError
from openvasa.media.colour import to_rgb
from openvasa.rates import MOTION_RATE


@dataclass(frozen=True)
class VideoInfo:
    """Counted, not stated: `frames` were decoded, `duration_s` ends with the last one's display.

    width and height are in pixels as shown, after the file's rotation; fps is the average rate.
    audio_codec and audio_duration_s are None for a silent file.
    """

    codec: str
    width: int
    height: int
    fps: float
    frames: int
    duration_s: float
    audio_codec: str | None
    audio_duration_s: float | None
    metadata: dict[str, str]


def inspect_video(path: str | Path) -> VideoInfo:
    """Decode a whole video and report what is in it. Raises InputError as `read_frames` does."""
    path = Path(path)
    with _open(path) as (container, stream):
        count, start, end, shape = 0, None, 0.0, (0, 0)
        rate = float(stream.average_rate or stream.guessed_rate or 0)
        for frame in _decode_video(container, stream, path):
            if not count:
                turned = frame.rotation % 180 != 0
                shape = (frame.height, frame.width) if turned else (frame.width, frame.height)
            count += 1
            if frame.time is not None:
                start = frame.time if start is None else start
                shown = float((frame.duration or 0) * (frame.time_base or 0))
                end = max(end, frame.time + (shown or (1 / rate if rate else 0.0)))
        codec, metadata = stream.codec_context.name, dict(container.metadata)
        audio = container.streams.best("audio")
        audio_codec = audio.codec_context.name if audio else None
    return VideoInfo(
        codec=codec,
        width=shape[0],
        height=shape[1],
        fps=rate,
        frames=count,
        duration_s=end - (start or 0.0),
        audio_codec=audio_codec,
        audio_duration_s=probe(path).duration_s if audio_codec else None,
        metadata=metadata,
    )


def read_metadata(path: str | Path) -> dict[str, str]:
    """The container's tags. Raises InputError for a file that is no video."""
    with _open(Path(path)) as (container, _):
        return dict(container.metadata)


def read_frames(path: str | Path) -> Iterator[np.ndarray]:
    """The frames of a video in display order, (h, w, 3) uint8 RGB, upright, one at a time.

    YUV is converted with the matrix and range the file names (untagged: BT.709 from 720 lines up,
    BT.601 below). Raises InputError, while iterating, for a missing, empty, unreadable or
    pictureless file; warns when the video is damaged.
    """
    for _, frame in read_timed_frames(path):
        yield frame


def read_timed_frames(path: str | Path) -> Iterator[tuple[float, np.ndarray]]:
    """As `read_frames`, each frame with the time in s at which it is shown, 0 for the first."""
    path = Path(path)
    reformatter = VideoReformatter()
    first: float | None = None
    with _open(path) as (container, stream):
        rate = float(stream.average_rate or stream.guessed_rate or MOTION_RATE)
        for count, frame in enumerate(_decode_video(container, stream, path)):
            at = frame.time
            first = at if first is None else first
            shown = count / rate if at is None or first is None else at - first
            rgb = to_rgb(reformatter, frame)
            yield shown, np.ascontiguousarray(np.rot90(rgb, round(frame.rotation / 90)))


def has_sound(path: str | Path) -> bool:
    """Whether a video file holds a sound track. Raises InputError as `read_frames` does."""
    with _open(Path(path)) as (container, _):
        return container.streams.best("audio") is not None


@contextmanager
def _open(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    check_is_file(path)
    try:
        container = av.open(f"file:{path.absolute()}", options={"protocol_whitelist": "file"})
    except (FFmpegError, ValueError) as error:
        raise InputError(f"{path}: not a readable video; give an MP4, WebM or MOV") from error
    with container:
        stream = container.streams.best("video")
        if not isinstance(stream, VideoStream) or stream.codec_context is None:
            raise InputError(f"{path}: holds no video; give an MP4, WebM or MOV")
        yield container, stream


def _decode_video(
    container: InputContainer, stream: VideoStream, path: Path
) -> Iterator[VideoFrame]:
    packets, damaged, count = container.demux(stream), False, 0
    while True:
        try:
            packet = next(packets, None)
        except FFmpegError:
            packet, damaged = None, True
        if packet is None:
            break
        damaged = damaged or packet.is_corrupt
        try:
            frames = packet.decode()
        except FFmpegError:
            damaged = True
            continue
        for frame in frames:
            assert isinstance(frame, VideoFrame)
            count += 1
            yield frame
    if not count:
        raise InputError(f"{path}: no picture could be decoded; is the file damaged?")
    if damaged:
        warnings.warn(
            f"{path}: is damaged or cut off; {count} frames could be decoded", stacklevel=2
        )
