"""The built wheel in a fresh environment does what the checkout does."""

from __future__ import annotations

import re
import select
import signal
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from openvasa.media.inspect import inspect_video, read_frames

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[1]


GALLERY = ["portrait", "mona_lisa", "laughing_cavalier"]


def run(*command: str | Path, cwd: Path) -> str:
    """The standard output of a command that ends well."""
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, capture_output=True, text=True, timeout=900, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of an environment with the wheel and its live extra."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    run(*pip, "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, ROOT, cwd=folder)
    (wheel,) = folder.glob("openvasa-*.whl")
    print(f"{wheel.name}: {wheel.stat().st_size / 1e6:.1f} MB")
    venv.create(folder / "venv", with_pip=True)
    programs = folder / "venv" / "bin"
    run(programs / "python", "-m", "pip", "install", "--quiet", f"{wheel}[live]", cwd=folder)
    return programs


@pytest.fixture(autouse=True)
def _no_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONPATH", raising=False)


def test_it_is_whole_typed_and_without_what_only_developers_need(
    installed: Path, tmp_path: Path
) -> None:
    assert run(installed / "openvasa", "doctor", cwd=tmp_path).endswith("\nok\n")
    files = run(
        installed / "python",
        "-c",
        "from importlib.metadata import files; print(*files('openvasa'), sep='\\n')",
        cwd=tmp_path,
    ).splitlines()
    assert "openvasa/py.typed" in files
    assert "openvasa/__init__.pyi" in files
    assert "openvasa/examples/README.md" in files
    assert not [name for name in files if name.startswith(("tests/", "scripts/", "docs/"))]


def test_it_writes_the_demo(installed: Path, tmp_path: Path) -> None:
    said = run(installed / "openvasa", "demo", "--accept-policy", cwd=tmp_path)
    assert re.search(r"frames rendered at \d+ fps, marked as AI-generated", said)
    info = inspect_video(tmp_path / "demo.mp4")
    assert (info.codec, info.audio_codec, info.width) == ("h264", "aac", 512)
    frames = np.stack([frame.mean(axis=2) for frame in read_frames(tmp_path / "demo.mp4")][::25])
    assert np.abs(np.diff(frames, axis=0)).mean(axis=(1, 2)).min() > 0.05


@pytest.fixture
def studio(installed: Path, tmp_path: Path) -> Iterator[str]:
    """Where `openvasa live` of the wheel listens."""
    command = [installed / "openvasa", "live", "--port", "8796", "--accept-policy"]
    server = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    ready, _, _ = select.select([server.stdout], [], [], 120)
    found = re.search(r"http://\S+?/", server.stdout.readline()) if ready else None
    try:
        assert found is not None, "the server says nothing"
        yield found[0]
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(timeout=30)


def test_its_studio_opens_on_a_portrait(studio: str) -> None:
    import httpx

    transport = httpx.HTTPTransport(retries=20)
    with httpx.Client(transport=transport, base_url=studio, timeout=60) as client:
        assert client.get("").status_code == 200
        assert client.get("api/studio").json()["portraits"] == GALLERY
