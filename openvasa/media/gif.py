"""Frames → an animated GIF whose 256 colours are chosen from all of its frames."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.filter import Graph
from av.filter.context import FilterContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from openvasa.media.encoding import Plan

_DITHER = "dither=bayer:bayer_scale=3:diff_mode=rectangle"
"""A fixed pattern: diffused errors would crawl over still skin."""
_HEADER, _FLAGS_AT, _HAS_COLOURS = 13, 10, 0x80
"""Bytes before the table of colours; the one that says whether there is a table, and how long."""
_COMMENT = b"\x21\xfe"
_BLOCK = 255
_TICK = Fraction(1, 1000)
"""Time of the filters, which only count frames."""


def encode_gif(path: Path, frames: Iterator[np.ndarray], plan: Plan) -> None:
    """Write an animation that repeats for ever, as `openvasa.media.encoding.Encode`.

    A file without loss beside it holds the frames until the colours are known.

    Raises:
        OSError: the disk is full.
    """
    kept = path.with_suffix(".frames.mkv")
    try:
        _keep(kept, frames, plan.rate)
        palette = _choose_colours(_kept_frames(kept))
        _write(path, _in_colours(_kept_frames(kept), palette), plan)
    finally:
        kept.unlink(missing_ok=True)
    _add_comments(path, plan)


def _keep(path: Path, frames: Iterator[np.ndarray], rate: Fraction) -> None:
    with av.open(f"file:{path.absolute()}", "w") as container:
        stream = container.add_stream(
            "libx264rgb", rate=rate, options={"preset": "ultrafast", "qp": "0"}
        )
        assert isinstance(stream, VideoStream)
        stream.pix_fmt = "rgb24"
        for index, rgb in enumerate(frames):
            if not index:
                stream.height, stream.width = rgb.shape[:2]
            frame = VideoFrame.from_ndarray(rgb, format="rgb24")
            frame.pts, frame.time_base = index, 1 / rate
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _kept_frames(path: Path) -> Iterator[VideoFrame]:
    with av.open(f"file:{path.absolute()}") as container:
        for index, frame in enumerate(container.decode(video=0)):
            frame.pts, frame.time_base = index, _TICK
            yield frame


def _choose_colours(frames: Iterable[VideoFrame]) -> VideoFrame:
    """A 16×16 frame of 256 colours, by FFmpeg's median cut over all frames."""
    graph, source = Graph(), None
    for frame in frames:
        if source is None:
            source = _source(graph, frame)
            chooser = graph.add("palettegen", "reserve_transparent=0")
            source.link_to(chooser)
            chooser.link_to(graph.add("buffersink"))
            graph.configure()
        source.push(frame)
    assert source is not None
    source.push(None)
    palette = graph.vpull()
    assert isinstance(palette, VideoFrame)
    return palette


def _in_colours(frames: Iterable[VideoFrame], palette: VideoFrame) -> Iterator[VideoFrame]:
    graph, source = Graph(), None
    for frame in frames:
        if source is None:
            source, colours = _source(graph, frame), _source(graph, palette)
            painter = graph.add("paletteuse", _DITHER)
            source.link_to(painter, 0, 0)
            colours.link_to(painter, 0, 1)
            painter.link_to(graph.add("buffersink"))
            graph.configure()
            palette.pts, palette.time_base = 0, frame.time_base
            colours.push(palette)
            colours.push(None)
        source.push(frame)
        yield from _ready(graph)
    if source is not None:
        source.push(None)
        yield from _ready(graph)


def _source(graph: Graph, like: VideoFrame) -> FilterContext:
    return graph.add_buffer(
        width=like.width, height=like.height, format=like.format, time_base=_TICK
    )


def _ready(graph: Graph) -> Iterator[VideoFrame]:
    """The frames that a graph has done."""
    while True:
        try:
            frame = graph.vpull()
        except (BlockingIOError, EOFError):
            return
        assert isinstance(frame, VideoFrame)
        yield frame


def _write(path: Path, frames: Iterable[VideoFrame], plan: Plan) -> None:
    with av.open(f"file:{path.absolute()}", "w", "gif", options={"loop": "0"}) as container:
        stream = container.add_stream("gif", rate=plan.rate)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = plan.size
        stream.pix_fmt = "pal8"
        for index, frame in enumerate(frames):
            frame.pts, frame.time_base = index, 1 / plan.rate
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _add_comments(path: Path, plan: Plan) -> None:
    """Lay the tags before the first picture, each as "name: text" but the comment itself."""
    content = path.read_bytes()
    flags = content[_FLAGS_AT]
    start = _HEADER + (3 << (1 + flags % 8) if flags & _HAS_COLOURS else 0)
    comments = (
        _comment(text if name == "comment" else f"{name}: {text}")
        for name, text in plan.tags.items()
    )
    path.write_bytes(content[:start] + b"".join(comments) + content[start:])


def _comment(text: str) -> bytes:
    content = text.encode()
    blocks = (content[at : at + _BLOCK] for at in range(0, len(content), _BLOCK))
    return _COMMENT + b"".join(bytes([len(block)]) + block for block in blocks) + b"\0"
