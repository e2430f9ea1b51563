"""The encoders of films that NVIDIA's GPUs have built in (NVENC), by FFmpeg."""

from __future__ import annotations

from functools import lru_cache

import av
from av.codec.codec import UnknownCodecError
from av.error import FFmpegError

from openvasa.media.container import Codec
from openvasa.media.encoding import Quality
from openvasa.runtime import Device, get_runtime

_NAMES: dict[Codec, str] = {"h264": "h264_nvenc", "h265": "hevc_nvenc", "av1": "av1_nvenc"}
_OPTIONS: dict[Quality, dict[str, str]] = {
    "fast": {"preset": "p2", "rc": "vbr", "cq": "21", "b": "0"},
    "good": {"preset": "p6", "rc": "vbr", "cq": "20", "b": "0"},
}


def gpu_encoder(
    codec: Codec, quality: Quality, size: tuple[int, int]
) -> tuple[str, dict[str, str]] | None:
    """FFmpeg's name of the GPU's encoder, and its options.

    None where the process does not use a GPU, and where the GPU has no encoder for such films:
    those made for data centres alone have none at all.

    Args:
        codec: of the film.
        quality: of the film.
        size: width and height, even.
    """
    if get_runtime().device is not Device.CUDA or codec not in _NAMES:
        return None
    name = _NAMES[codec]
    return (name, _OPTIONS[quality]) if _opens(name, size) else None


@lru_cache(maxsize=16)
def _opens(name: str, size: tuple[int, int]) -> bool:
    """Whether an encoder takes such frames here."""
    try:
        context = av.CodecContext.create(name, "w")
        context.width, context.height = size  # pyright: ignore[reportAttributeAccessIssue]
        context.pix_fmt = "yuv420p"  # pyright: ignore[reportAttributeAccessIssue]
        context.open()
    except (UnknownCodecError, FFmpegError):
        return False
    return True
