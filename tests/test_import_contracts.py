"""The contracts of pyproject.toml notice an import that goes up."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LINT = "from importlinter.cli import lint_imports_command; lint_imports_command(['--no-cache'])"


@pytest.mark.parametrize(
    ("module", "line", "kept"),
    [
        ("maths.py", "", True),
        ("maths.py", "from openvasa.face.topology import POINTS", False),
        ("provenance/payload.py", "from openvasa.media.inspect import read_frames", False),
        ("media/video_writer.py", "from openvasa.provenance.marking import Marking", False),
        ("media/inspect.py", "def late():\n    from openvasa import publish", False),
        ("evaluate/joins.py", "def late():\n    from openvasa.train import motion", False),
        ("new_room.py", "", False),
    ],
)
def test_contracts_notice_an_import_that_goes_up(module, line, kept, tmp_path):
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    source = tmp_path / "openvasa"
    shutil.copytree(ROOT / "openvasa", source, ignore=shutil.ignore_patterns("assets", "*.pyc"))
    with (source / module).open("a") as file:
        file.write(f"\n{line}\n")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", LINT], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert (done.returncode == 0) == kept, done.stdout
