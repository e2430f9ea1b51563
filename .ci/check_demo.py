"""Check what is really in the demo video, by decoding it.

python .ci/check_demo.py out/demo.mp4
"""

from __future__ import annotations

import sys
from itertools import pairwise

import numpy as np

from openvasa.assets import EXAMPLE_VOICE
from openvasa.audio.decode import probe
from openvasa.media.inspect import inspect_video, read_frames
from openvasa.verify import verify

FPS = 25
SIDE = 512
STILL = 0.05
"""Mean difference (0–255) of two frames that counts as none."""


def problems(video: str) -> list[str]:
    """What is not as it must be."""
    info = inspect_video(video)
    frame_s = 1 / FPS
    heard = probe(EXAMPLE_VOICE).duration_s
    checks = {
        f"codec is {info.codec}, not h264": info.codec == "h264",
        f"sound is {info.audio_codec}, not aac": info.audio_codec == "aac",
        f"size is {info.width}×{info.height}": (info.width, info.height) == (SIDE, SIDE),
        f"rate is {info.fps:g} fps": abs(info.fps - FPS) < 1e-6,
        f"{info.duration_s:.3f} s of picture for {heard:.3f} s of voice": (
            abs(info.duration_s - heard) <= frame_s
        ),
        f"{info.audio_duration_s} s of sound for {heard:.3f} s of voice": (
            abs((info.audio_duration_s or 0) - heard) <= frame_s
        ),
        f"comment is {info.metadata.get('comment')!r}": (
            info.metadata.get("comment", "").startswith("AI-generated")
        ),
    }
    report = verify(video)
    checks["Content Credentials are not intact"] = bool(
        report.credentials and report.credentials.intact
    )
    checks["there is no watermark"] = report.watermark is not None
    moving = moving_share(video)
    checks[f"only {moving:.0%} of the frames differ from the one before"] = moving > 0.8
    return [problem for problem, fine in checks.items() if not fine]


def moving_share(video: str) -> float:
    """Share of the frames that differ from the one before."""
    differences = [
        float(np.abs(after.astype(np.int16) - before).mean())
        for before, after in pairwise(read_frames(video))
    ]
    return float(np.mean(np.array(differences) > STILL))


if __name__ == "__main__":
    found = problems(sys.argv[1])
    for problem in found:
        print(f"demo: {problem}", file=sys.stderr)
    print("demo: fails" if found else "demo: fine")
    sys.exit(1 if found else 0)
