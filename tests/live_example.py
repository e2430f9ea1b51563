"""What both examples of agents must write."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from openvasa.assets import EXAMPLE_VOICE
from openvasa.audio.decode import probe
from openvasa.media.inspect import inspect_video, read_frames
from openvasa.verify import verify

SCRIPTS = Path(__file__).parents[1] / "examples"


def check_example(name: str, folder: Path) -> None:
    """Run `examples/NAME_local.py` in a folder: a marked video that talks as long as the voice."""
    subprocess.run(
        [sys.executable, SCRIPTS / f"{name}_local.py"], cwd=folder, check=True, timeout=600
    )
    path = folder / "out" / f"{name}.mp4"
    info = inspect_video(path)
    spoken = probe(EXAMPLE_VOICE).duration_s
    assert info.duration_s == pytest.approx(spoken, abs=0.2)
    assert info.audio_duration_s == pytest.approx(info.duration_s, abs=0.1)
    report = verify(path)
    assert report.watermark is not None
    assert report.credentials is not None
    assert report.credentials.intact
    frames = [frame.astype(np.int16) for frame in read_frames(path)]
    moving = [np.abs(after - before).mean() > 0.05 for before, after in pairwise(frames)]
    assert np.mean(moving) > 0.3
