"""Bad options, outputs and motions get one line, exit status 2 and leave no file behind."""

from __future__ import annotations

import resource
from pathlib import Path

import numpy as np
import pytest
from hostile_inputs import VOICE, Refuse, write_video

from openvasa.errors import InputError
from openvasa.face.dynamics import dynamics_code
from openvasa.face.latent import FaceLatent
from openvasa.motion.motion import Motion
from openvasa.video import animate


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--fps", "8"], "fps 8: choose 12 to 60"),
        (["--fps", "many"], "fps many: give a number"),
        (["--size", "0"], "size 0: choose 128 to 2048"),
        (["--size", "100000"], "size 100000: choose 128 to 2048"),
        (["--size", "256", "--preview"], "--preview goes with neither"),
        (["--aspect", "1:1", "--full-frame"], "not allowed with"),
        (["--seed", "-1"], "choose 0 or more"),
        (["--turbo"], "unrecognized arguments: --turbo"),
        (["--save-motion", "motion.txt"], "ends in .npz or .csv"),
        (["--save-avatar", "avatar.txt"], "ends in .npz"),
    ],
)
def test_bad_options(
    options: list[str], words: str, avatar: Path, motion: Path, refuse: Refuse
) -> None:
    assert words in refuse(avatar, VOICE, "--motion", motion, *options)


def folder_missing(folder: Path) -> Path:
    return folder / "nowhere" / "out.mp4"


def folder_given(folder: Path) -> Path:
    (folder / "taken.mp4").mkdir()
    return folder / "taken.mp4"


def not_mp4(folder: Path) -> Path:
    return folder / "out.avi"


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (folder_missing, "its directory does not exist"),
        (folder_given, "is a directory"),
        (not_mp4, "let the output end in .mp4"),
        # Not even root may create a file there.
        (lambda folder: Path("/proc/out.mp4"), "cannot be written"),
    ],
)
def test_bad_output(
    make, words: str, tmp_path: Path, avatar: Path, motion: Path, refuse: Refuse
) -> None:
    output = make(tmp_path)
    said = refuse(avatar, VOICE, "--motion", motion, output=output)
    assert str(output) in said
    assert words in said


def test_output_that_is_the_input(tmp_path: Path, avatar: Path, motion, refuse: Refuse) -> None:
    film = write_video(tmp_path / "film.mp4", VOICE)
    before = film.read_bytes()
    assert "is the input itself" in refuse(avatar, film, "--motion", motion, output=film)
    assert film.read_bytes() == before


def test_a_refused_run_leaves_the_old_output(tmp_path: Path, avatar, refuse: Refuse) -> None:
    output = tmp_path / "out.mp4"
    output.write_bytes(b"old")
    refuse(avatar, tmp_path / "nowhere.wav", output=output)
    assert output.read_bytes() == b"old"


@pytest.mark.parametrize("name", ["motion.npz", "motion.csv"])
@pytest.mark.parametrize(
    "content", [b"", b"\x00\xff rubbish \x80" * 40, b"Timecode,JawOpen\n1,x\n"]
)
def test_bad_motion_file(name: str, content: bytes, tmp_path, avatar, refuse: Refuse) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    said = refuse(avatar, VOICE, "--motion", path)
    assert str(path) in said


def test_motion_of_another_dynamics_code(tmp_path: Path, avatar: Path, refuse: Refuse) -> None:
    path = tmp_path / "foreign.npz"
    Motion(np.zeros((5, 6), np.float32), np.zeros((5, 3), np.float32)).save(path)
    assert str(path) in refuse(avatar, VOICE, "--motion", path)


def test_motion_that_is_not_numbers(tmp_path: Path, avatar: Path, refuse: Refuse) -> None:
    path = tmp_path / "nan.npz"
    pose = np.full((5, 6), np.nan, np.float32)
    Motion(pose, np.zeros((5, dynamics_code().size), np.float32)).save(path)
    assert str(path) in refuse(avatar, VOICE, "--motion", path)


def test_missing_motion_file(tmp_path: Path, avatar: Path, refuse: Refuse) -> None:
    assert "no such file" in refuse(avatar, VOICE, "--motion", tmp_path / "nowhere.npz")


def test_full_disk(full_disk: Path, avatar: Path, motion: Path, refuse: Refuse) -> None:
    said = refuse(avatar, VOICE, "--motion", motion, "--quiet", output=full_disk / "out.mp4")
    assert "No space left" in said


def test_largest_file_size_reached(avatar: Path, motion: Path, refuse: Refuse) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        said = refuse(avatar, VOICE, "--motion", motion, "--quiet")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "cannot be written" in said


def test_the_library_raises_what_the_command_prints(face: FaceLatent, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        animate(face, tmp_path / "nowhere.wav")
