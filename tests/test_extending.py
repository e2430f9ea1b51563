"""The examples of docs/extending.md, run as they stand there."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from openvasa.audio.decode import read_blocks
from openvasa.live.engine import Engine
from openvasa.media.inspect import inspect_video

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "extending.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
EXAMPLES = ROOT / "openvasa" / "examples"
LONGEST = 40


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, object]]:
    """The folder the examples ran in, and the names they left."""
    folder = tmp_path_factory.mktemp("extending")
    shutil.copy(EXAMPLES / "portrait.jpg", folder)
    shutil.copy(EXAMPLES / "voice.wav", folder)
    names: dict[str, object] = {"__name__": "extending"}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for block in BLOCKS:
            exec(compile(block, "docs/extending.md", "exec"), names)
    return folder, names


def test_examples_are_short():
    assert all(len(block.splitlines()) < LONGEST for block in BLOCKS)


@pytest.mark.parametrize("name", ["sketch.mp4", "jaw.mp4"])
def test_examples_write_whole_videos(made, name):
    folder, _ = made
    samples = sum(len(block) for block in read_blocks(folder / "voice.wav"))
    assert inspect_video(folder / name).frames == round(samples / 640)


def test_shipped_network_refuses_the_example_encoder(made):
    _, names = made
    assert "bands (8 features)" in str(names["refusal"])


def test_live_engine_moves_as_the_example_model_says(made):
    _, names = made
    engine = names["engine"]
    assert isinstance(engine, Engine)
    hum = 0.3 * np.sin(np.arange(48000) * 2 * np.pi * 150 / 48000).astype(np.float32)
    quiet = engine.advance(0.25)
    engine.push(hum, 48000)
    loud = engine.advance(0.75)
    assert max(abs(frame.row).max() for frame in loud) > 0.1
    assert max(abs(frame.row[6:]).max() for frame in quiet) < 0.1
