"""A good portrait and a good voice, a sound and a video to spoil, and a run that is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np

from openvasa.assets import EXAMPLE_PORTRAIT, EXAMPLE_VOICE
from openvasa.publish import open_video

PORTRAIT = EXAMPLE_PORTRAIT
VOICE = EXAMPLE_VOICE

Refuse = Callable[..., str]


def write_sound(path: Path, sound: np.ndarray, codec: str = "pcm_s16le") -> Path:
    """sound: (n,) float32 at 16 kHz."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=16000, layout="mono")
        frame = av.AudioFrame.from_ndarray(sound[None].astype(np.float32), "fltp", "mono")
        frame.sample_rate = 16000
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def write_video(path: Path, audio: Path | None) -> Path:
    with open_video(path, (64, 64), 25, audio) as writer:
        for shade in range(25):
            writer.write(np.full((64, 64, 3), shade * 10, np.uint8))
    return path
