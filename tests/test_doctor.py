"""`openvasa doctor` looks for every file that a run reads."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from opened_files import opened_files

from openvasa.assets import ASSETS, EXAMPLE_PORTRAIT, EXAMPLE_VOICE, THIRD_PARTY
from openvasa.doctor import ASSET_FILES


@pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux's")
def test_it_checks_what_runs_open(tmp_path: Path) -> None:
    video = str(tmp_path / "a.mp4")
    example = [str(EXAMPLE_PORTRAIT), str(EXAMPLE_VOICE)]
    with opened_files(ASSETS, THIRD_PARTY) as opened:
        openvasa(tmp_path, "animate", *example, "-o", video, "--preview", "--label", "cn")
        openvasa(tmp_path, "bench", "live", "--seconds", "5", "--refine")
        openvasa(tmp_path, "detect", video)
    assert {str(path.relative_to(ASSETS)) for path in opened} == set(ASSET_FILES)


def openvasa(folder: Path, *arguments: str) -> None:
    """Run a command that finds no compiled network kept from before."""
    environment = os.environ | {"XDG_CACHE_HOME": str(folder / "cache")}
    command = [sys.executable, "-m", "openvasa", *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    # `detect` says with 1 that the video is marked by a program.
    assert done.returncode in (0, 1), done.stderr
