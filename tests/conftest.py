"""What every test may take for granted: the policy is accepted, settings are kept elsewhere.

And the example's portrait, encoded once, a voice of this machine, and a disk that is soon full.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from openvasa.assets import EXAMPLE_PORTRAIT
from openvasa.face.encode import load_portrait
from openvasa.face.latent import FaceLatent
from openvasa.live.speech import Voice, voices


@pytest.fixture(autouse=True, scope="session")
def _unattended(tmp_path_factory: pytest.TempPathFactory):
    os.environ["OPENVASA_ACCEPT_POLICY"] = "1"
    os.environ["XDG_CONFIG_HOME"] = str(tmp_path_factory.mktemp("config"))
    for name in ("OPENVASA_C2PA_CERT", "OPENVASA_C2PA_KEY"):
        os.environ.pop(name, None)


@pytest.fixture(scope="session")
def face() -> FaceLatent:
    """The example's portrait."""
    return load_portrait(EXAMPLE_PORTRAIT)


@pytest.fixture(scope="session")
def voice() -> Voice:
    """The first voice of this machine."""
    found = voices()
    if not found:
        pytest.skip("needs a voice: espeak-ng or espeakng-loader")
    return found[0]


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a file system of 64 KiB."""
    with mount_disk(tmp_path / "disk", "64k") as folder:
        yield folder


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a file system of 2 MiB: a database and a short video have room there."""
    with mount_disk(tmp_path / "disk", "2m") as folder:
        yield folder


@contextmanager
def mount_disk(folder: Path, size: str) -> Iterator[Path]:
    folder.mkdir()
    if not shutil.which("mount"):
        pytest.skip("there is no mount command")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("only root can mount a small file system")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Give torch one thread where it is loaded: networks of tests are so small that a second one
    mostly waits, and burns a core meanwhile."""
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
