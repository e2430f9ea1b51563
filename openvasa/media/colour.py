"""RGB ↔ YUV with the matrix and range that the file names, rounded without bias."""

from __future__ import annotations

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter

# Code points of ITU-T H.273, as plain numbers because PyAV names them only since version 17.
PRIMARIES_BT709 = 1
TRANSFER_SRGB = 13
MATRIX_BT709 = 1
RANGE_LIMITED = 1

# H.273 matrix codes → swscale's.
_MATRICES = {
    1: Colorspace.ITU709,
    4: Colorspace.FCC,
    5: Colorspace.ITU601,
    6: Colorspace.SMPTE170M,
    7: Colorspace.SMPTE240M,
    9: 9,
}
_HD_HEIGHT = 720

# swscale's flags. To YUV: bilinear from every pixel's chroma. To RGB: bilinear, chroma at full
# resolution, accurate rounding; its default comes out one to two levels too dark.
_TO_YUV = 0x2 | 0x4000
_TO_RGB = 0x2 | 0x2000 | 0x40000

# From version 17 on PyAV lets swscale take every core unless told otherwise.
_ONE_THREAD = {"threads": 1} if int(av.__version__.split(".")[0]) >= 17 else {}


def to_yuv420p(reformatter: VideoReformatter, rgb: np.ndarray) -> VideoFrame:
    """(h, w, 3) uint8 RGB, even sizes, → yuv420p in BT.709 limited range. `rgb` is not copied."""
    return reformatter.reformat(
        VideoFrame.from_numpy_buffer(rgb, format="rgb24"),
        format="yuv420p",
        dst_colorspace=Colorspace.ITU709,
        src_color_range=ColorRange.JPEG,
        dst_color_range=ColorRange.MPEG,
        interpolation=_TO_YUV,
        **_ONE_THREAD,
    )


def to_rgb(reformatter: VideoReformatter, frame: VideoFrame) -> np.ndarray:
    """Any frame → (h, w, 3) uint8 RGB; untagged YUV is BT.709 from 720 lines up, else BT.601."""
    untagged = Colorspace.ITU709 if frame.height >= _HD_HEIGHT else Colorspace.ITU601
    return reformatter.reformat(
        frame,
        format="rgb24",
        src_colorspace=_MATRICES.get(frame.colorspace, untagged),
        # PyAV before 17 overlooks the source's matrix and range unless the target's differ.
        dst_colorspace=Colorspace.DEFAULT,
        src_color_range=frame.color_range or RANGE_LIMITED,
        dst_color_range=ColorRange.JPEG,
        interpolation=_TO_RGB,
        **_ONE_THREAD,
    ).to_ndarray()
