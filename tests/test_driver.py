"""Reenactment: the motion of a video comes back out of it, and bad drivers are refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import openvasa
from openvasa.assets import EXAMPLE_PORTRAIT, EXAMPLE_VOICE
from openvasa.capture.footage import file_frames, is_camera
from openvasa.capture.retargeting import motion_of
from openvasa.capture.tracking import track_driver
from openvasa.cli import main
from openvasa.face.dynamics import dynamics_code, lip_gap
from openvasa.face.latent import FaceLatent
from openvasa.media.inspect import inspect_video
from openvasa.motion.motion import Motion
from openvasa.publish import open_video

PORTRAIT = EXAMPLE_PORTRAIT
FRAMES = 24


@pytest.fixture(scope="module")
def played() -> Motion:
    """A head that turns there and back while the jaw opens once."""
    code = dynamics_code()
    t = np.linspace(0, 2 * np.pi, FRAMES)
    pose = np.zeros((FRAMES, 6), np.float32)
    pose[:, 1] = 0.2 * np.sin(t)
    opened = np.zeros((FRAMES, 52), np.float32)
    opened[:, 25] = 0.3 * (1 - np.cos(t))
    return Motion(pose, code.from_arkit(opened))


@pytest.fixture(scope="module")
def driver(played: Motion, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("driver") / "driver.mp4"
    return openvasa.animate(openvasa.load_portrait(PORTRAIT), played).save(path)


@pytest.fixture(scope="module")
def tracked(driver: Path) -> Motion:
    return motion_of(track_driver(file_frames(driver, None), "driver"))


def test_the_head_turns_as_the_drivers(played: Motion, tracked: Motion) -> None:
    assert len(tracked) == FRAMES
    assert np.corrcoef(played.pose[:, 1], tracked.pose[:, 1])[0, 1] > 0.95
    assert tracked.pose[:, 1].max() == pytest.approx(0.2, abs=0.07)


def test_the_jaw_opens_as_the_drivers(played: Motion, tracked: Motion) -> None:
    code = dynamics_code()
    gaps = [
        code.decode(m.dynamics)[:, 14, 1] - code.decode(m.dynamics)[:, 13, 1]
        for m in (played, tracked)
    ]
    assert np.corrcoef(*gaps)[0, 1] > 0.9


def test_rest_is_that_of_the_whole_shot(face: FaceLatent, driver: Path) -> None:
    """A driver who begins with an open mouth leaves the portrait's closed later."""
    code = dynamics_code()
    shapes = np.zeros((FRAMES, 52), np.float32)
    shapes[:8, 25] = 0.6
    frames = openvasa.animate(face, Motion(np.zeros((FRAMES, 6)), code.from_arkit(shapes)))
    motion = motion_of(track_driver([(i / 25, f) for i, f in enumerate(frames)], "driver"))
    gap = lip_gap(code.decode(motion.dynamics))
    assert np.abs(gap[12:]).max() < 0.1 < 0.5 < gap[2]


def test_other_frame_rates_keep_time(driver: Path) -> None:
    frames = [(at / 2, image) for at, image in file_frames(driver, None)]
    assert len(track_driver(frames, "driver")) == FRAMES / 2


@pytest.mark.parametrize(
    ("option", "moves", "stays"),
    [("--pose-only", "pose", "dynamics"), ("--expression-only", "dynamics", "pose")],
)
def test_one_part_of_the_motion_alone(
    driver: Path, tmp_path: Path, option: str, moves: str, stays: str
) -> None:
    out, saved = tmp_path / "out.mp4", tmp_path / "motion.npz"
    command = ["drive", str(PORTRAIT), str(driver), "-o", str(out), "--save-motion", str(saved)]
    assert main([*command, option, "--seconds", "0.6", "--quiet"]) == 0
    motion = Motion.load(saved)
    assert np.ptp(getattr(motion, moves), axis=0).max() > 0.01
    assert np.ptp(getattr(motion, stays), axis=0).max() == 0
    info = inspect_video(out)
    assert info.frames == len(motion) == 15
    assert "AI-generated" in info.metadata["comment"]


@pytest.fixture(scope="module")
def smile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A still head whose face moves, as long as the driver."""
    code = dynamics_code()
    shapes = np.zeros((FRAMES, 52), np.float32)
    shapes[:, 44:46] = np.linspace(0, 0.5, FRAMES)[:, None]
    path = tmp_path_factory.mktemp("smile") / "smile.npz"
    Motion(np.zeros((FRAMES, 6), np.float32), code.from_arkit(shapes)).save(path)
    return path


def command_with_pose_from(name: str, smile: Path, clip: Path, motion: Path) -> list[str]:
    """`edit` or `animate`, either writing `motion`: the face of `smile`, the head of `clip`."""
    if name == "edit":
        return ["edit", str(smile), "-o", str(motion), "--pose-from", str(clip)]
    output = ["-o", str(motion.with_suffix(".mp4")), "--save-motion", str(motion), "--size", "128"]
    given = ["--motion", str(smile), "--pose-from", str(clip), "--quiet"]
    return ["animate", str(PORTRAIT), str(EXAMPLE_VOICE), *output, *given]


@pytest.mark.parametrize("name", ["edit", "animate"])
def test_a_clip_lends_its_head(
    name: str, driver: Path, tracked: Motion, smile: Path, tmp_path: Path
) -> None:
    out = tmp_path / "motion.npz"
    assert main(command_with_pose_from(name, smile, driver, out)) == 0
    motion = Motion.load(out)
    np.testing.assert_allclose(motion.pose, tracked.pose, atol=1e-5)
    np.testing.assert_array_equal(motion.dynamics, Motion.load(smile).dynamics)


@pytest.fixture
def faceless(tmp_path: Path) -> Path:
    path = tmp_path / "empty.mp4"
    with open_video(path, (128, 128), 25) as writer:
        for _ in range(3):
            writer.write(np.full((128, 128, 3), 90, np.uint8))
    return path


def test_a_driver_without_a_face_is_refused(
    faceless: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.mp4"
    assert main(["drive", str(PORTRAIT), str(faceless), "-o", str(out), "--quiet"]) == 2
    assert "no face found" in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize("name", ["edit", "animate"])
def test_a_clip_without_a_face_lends_none(
    name: str, faceless: Path, smile: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "motion.npz"
    assert main(command_with_pose_from(name, smile, faceless, out)) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith(f"openvasa: {faceless}: no face found; use a video in which")
    assert list(tmp_path.iterdir()) == [faceless]


@pytest.mark.parametrize("option", ["--distance=1.1", "--head=2"])
def test_a_lent_head_is_not_steered(
    option: str, driver: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = ["-o", str(tmp_path / "out.mp4")]
    command = ["animate", str(PORTRAIT), str(EXAMPLE_VOICE), *output]
    assert main([*command, "--pose-from", str(driver), option]) == 2
    assert "--pose-from brings" in capsys.readouterr().err


def test_the_driver_is_not_overwritten(driver: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["drive", str(PORTRAIT), str(driver), "-o", str(driver), "--quiet"]) == 2
    assert "is the input itself" in capsys.readouterr().err


def test_a_missing_camera_is_named(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out = str(tmp_path / "out.mp4")
    assert main(["drive", str(PORTRAIT), "webcam:77", "-o", out, "--quiet"]) == 2
    assert "webcam:77: no camera opens" in capsys.readouterr().err


def test_what_names_a_camera() -> None:
    assert is_camera("webcam")
    assert is_camera("webcam:2")
    assert is_camera("/dev/video0")
    assert not is_camera("webcam.mp4")
