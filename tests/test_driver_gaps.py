"""A driver who is out of sight for a while: nothing is cut off, and the portrait comes to rest."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import openvasa
from openvasa.assets import EXAMPLE_PORTRAIT, EXAMPLE_VOICE
from openvasa.capture.gaps import fill_gaps, find_runs
from openvasa.capture.retargeting import motion_of
from openvasa.capture.tracking import track_driver
from openvasa.cli import main
from openvasa.errors import InputError
from openvasa.face.dynamics import dynamics_code
from openvasa.face.latent import FaceLatent
from openvasa.media.inspect import inspect_video
from openvasa.motion.motion import Motion
from openvasa.publish import open_mp4

FRAMES = 80
GAP = (30, 60)
QUICKEST = 0.03
"""rad a frame of the driver's head at its quickest."""

Timed = list[tuple[float, np.ndarray]]


@pytest.fixture(scope="module")
def played() -> Motion:
    """A head that turns to and fro while the jaw opens and closes."""
    t = np.arange(FRAMES) / 25
    pose = np.zeros((FRAMES, 6), np.float32)
    pose[:, 1] = 0.25 * np.sin(2 * np.pi * t / 2)
    opened = np.zeros((FRAMES, 52), np.float32)
    opened[:, 25] = 0.25 * (1 - np.cos(2 * np.pi * t / 0.8))
    return Motion(pose, dynamics_code().from_arkit(opened))


@pytest.fixture(scope="module")
def shown(face: FaceLatent, played: Motion) -> Timed:
    return [(i / 25, frame) for i, frame in enumerate(openvasa.animate(face, played, size=256))]


def hide(shown: Timed, first: int, last: int) -> Timed:
    return [(at, im * 0 if first <= i < last else im) for i, (at, im) in enumerate(shown)]


def test_out_of_sight_the_portrait_comes_to_rest_and_out_of_it(shown: Timed) -> None:
    first, last = GAP
    track = track_driver(hide(shown, first, last), "driver")
    np.testing.assert_array_equal(np.flatnonzero(~track.seen), np.arange(first, last))
    motion = motion_of(track)
    seen = motion_of(track_driver(shown, "driver"))
    middle = slice((first + last) // 2 - 2, (first + last) // 2 + 2)
    assert np.abs(motion.pose[middle, 1]).max() < 0.3 * np.abs(seen.pose[:, 1]).max()
    assert np.abs(np.diff(motion.pose[:, 1])).max() < 1.2 * np.abs(np.diff(seen.pose[:, 1])).max()
    step = np.abs(np.diff(motion.dynamics, axis=0)).max(axis=0)
    assert (step < 1.3 * np.abs(np.diff(seen.dynamics, axis=0)).max(axis=0) + 0.1).all()


def test_a_short_loss_is_bridged(shown: Timed) -> None:
    whole = motion_of(track_driver(shown, "driver"))
    bridged = motion_of(track_driver(hide(shown, 40, 45), "driver"))
    np.testing.assert_allclose(bridged.pose[38:47, 1], whole.pose[38:47, 1], atol=0.02)


@pytest.mark.parametrize(("first", "last"), [(0, 30), (50, FRAMES)])
def test_a_face_that_comes_late_or_leaves_costs_no_time(
    shown: Timed, first: int, last: int
) -> None:
    track = track_driver(hide(shown, first, last), "driver")
    motion = motion_of(track)
    assert len(motion) == FRAMES
    assert track.seen.mean() == pytest.approx(1 - (last - first) / FRAMES)
    far = motion.rows()[0 if first == 0 else -1]
    assert np.abs(far).max() < 0.15 * np.abs(motion.rows()).max()


def test_gaps_are_filled_as_people_move() -> None:
    t = np.arange(100)
    values = np.sin(t / 8)[:, None].repeat(6, axis=1)
    known = (t < 40) | (t >= 44)
    filled = fill_gaps(np.where(known[:, None], values, np.nan), known, slice(6))
    np.testing.assert_allclose(filled, values, atol=0.05)
    np.testing.assert_array_equal(filled[known], values[known].astype(np.float32))


def test_runs_are_found_at_both_ends() -> None:
    assert find_runs(np.array([1, 1, 0, 1, 0, 0, 1], bool)) == [(0, 2), (3, 4), (6, 7)]
    assert find_runs(np.zeros(3, bool)) == []


def test_a_face_shown_for_an_instant_is_refused(shown: Timed) -> None:
    with pytest.raises(InputError, match=r"shows a face for less than 0\.4 s"):
        track_driver(hide(shown, 6, FRAMES), "driver")


def test_the_video_keeps_its_length_and_its_sound(
    shown: Timed, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The face leaves after 1.2 s, the picture ends after 2 s, and the voice goes on."""
    driver, out = tmp_path / "driver.mp4", tmp_path / "out.mp4"
    with open_mp4(driver, (256, 256), 25, EXAMPLE_VOICE, sound_seconds=2.6) as writer:
        for _, frame in hide(shown, 30, 50)[:50]:
            writer.write(frame)
    given = inspect_video(driver)
    portrait = str(EXAMPLE_PORTRAIT)
    assert main(["drive", portrait, str(driver), "-o", str(out), "--size", "128", "--quiet"]) == 0
    made = inspect_video(out)
    assert given.audio_duration_s is not None
    assert made.audio_duration_s == pytest.approx(given.audio_duration_s, abs=0.04)
    longest = max(given.duration_s, given.audio_duration_s)
    assert made.duration_s == pytest.approx(longest, abs=0.04)
    assert "shows no face in" in capsys.readouterr().err
