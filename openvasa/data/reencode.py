"""Frames as another program would store and show them."""

from __future__ import annotations

import io
from collections.abc import Iterable

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from openvasa.media.colour import to_rgb, to_yuv420p
from openvasa.rates import MOTION_RATE


def reencode(frames: Iterable[np.ndarray], crf: int, fps: int = MOTION_RATE) -> list[np.ndarray]:
    """(h, w, 3) uint8 RGB frames, encoded by x264 (medium) as most programs do, and decoded."""
    buffer, reformatter = io.BytesIO(), VideoReformatter()
    with av.open(buffer, "w", format="mp4") as out:
        stream = out.add_stream("libx264", rate=fps, options={"crf": str(crf)})
        stream.pix_fmt = "yuv420p"
        stream.codec_context.thread_count = 1
        stream.codec_context.color_range, stream.codec_context.colorspace = 1, 1
        for index, frame in enumerate(frames):
            height, width = (side // 2 * 2 for side in frame.shape[:2])
            if not index:
                stream.height, stream.width = height, width
            even = np.ascontiguousarray(frame[:height, :width])
            out.mux(stream.encode(to_yuv420p(reformatter, even)))
        out.mux(stream.encode(None))
    buffer.seek(0)
    with av.open(buffer) as file:
        return [to_rgb(reformatter, frame) for frame in file.decode(video=0)]
