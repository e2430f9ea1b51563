"""An avatar, a motion, and a command that must refuse, for tests of bad inputs."""

from __future__ import annotations

from pathlib import Path

import pytest
from hostile_inputs import Refuse
from turning_head import save_turning_head

from openvasa.cli import main
from openvasa.face.latent import FaceLatent


@pytest.fixture(scope="module")
def avatar(face: FaceLatent, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("avatar") / "avatar.npz"
    face.save(path)
    return path


@pytest.fixture(scope="module")
def motion(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_turning_head(tmp_path_factory.mktemp("motion"), frames=5)


@pytest.fixture
def refuse(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Refuse:
    """Run `animate`; it must refuse in one line of stderr and leave the folder as it was."""

    def run(portrait: Path, audio: Path, *options: object, output: Path | None = None) -> str:
        output = output or tmp_path / "out.mp4"
        before = contents(tmp_path)
        capsys.readouterr()
        arguments = [portrait, audio, "-o", output, *options]
        assert main(["animate", *map(str, arguments)]) == 2
        said = capsys.readouterr()
        assert said.out == ""
        assert "Traceback" not in said.err
        assert said.err.startswith("openvasa: ")
        assert said.err.count("\n") == 1, said.err
        assert said.err.endswith("\n")
        assert contents(tmp_path) == before
        return said.err

    return run


def contents(folder: Path) -> dict[str, int]:
    return {str(p): p.stat().st_size for p in folder.rglob("*") if p.is_file()}
