"""A driver who is out of sight for a while: nothing is cut off, and the portrait comes to rest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

import openvasa
from openvasa.assets import EXAMPLE_PORTRAIT, EXAMPLE_VOICE
from openvasa.capture.gaps import fill_gaps, find_runs
from openvasa.capture.retargeting import motion_of
from openvasa.capture.tracking import DriverTrack, track_driver
from openvasa.cli import main
from openvasa.errors import InputError
from openvasa.face.dynamics import dynamics_code
from openvasa.face.latent import FaceLatent
from openvasa.media.inspect import inspect_video
from openvasa.motion.motion import Motion
from openvasa.publish import open_video

FRAMES = 100
SIDE = 256
GAP = (40, 65)
GLIDE = 20
"""Frames in which the person leaves."""

Timed = list[tuple[float, np.ndarray]]
Leave = Callable[[int, int], Timed]


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
    return [(i / 25, frame) for i, frame in enumerate(openvasa.animate(face, played, size=SIDE))]


@pytest.fixture(scope="module")
def leave(face: FaceLatent, shown: Timed) -> Leave:
    """The person glides out of the picture, is away for some frames, and glides in again."""
    plate, matte = (
        cv2.resize(part, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        for part in (face.background, face.matte)
    )

    def frames(first: int, last: int) -> Timed:
        made = []
        for i, (at, image) in enumerate(shown):
            there = float(np.clip(max(first - i, i - last + 1) / GLIDE, 0, 1))
            move = np.array([[1, 0, SIDE * (1 - there)], [0, 1, 0]], np.float32)
            person, share = (cv2.warpAffine(part, move, (SIDE, SIDE)) for part in (image, matte))
            mixed = plate + (person.astype(np.float32) - plate) * share[..., None]
            made.append((at, mixed.astype(np.uint8)))
        return made

    return frames


def unseen(track: DriverTrack, first: int, last: int) -> DriverTrack:
    at = np.arange(len(track))
    return replace(track, seen=track.seen & ((at < first) | (at >= last)))


@pytest.fixture(scope="module")
def track(shown: Timed) -> DriverTrack:
    return track_driver(shown, "driver")


def test_out_of_sight_the_portrait_comes_to_rest_and_out_of_it(track: DriverTrack) -> None:
    first, last = GAP
    seen, motion = motion_of(track), motion_of(unseen(track, first, last))
    middle = slice((first + last) // 2 - 2, (first + last) // 2 + 2)
    assert np.abs(motion.pose[middle, 1]).max() < 0.3 * np.abs(seen.pose[:, 1]).max()
    assert np.abs(np.diff(motion.pose[:, 1])).max() < 1.2 * np.abs(np.diff(seen.pose[:, 1])).max()
    step = np.abs(np.diff(motion.dynamics, axis=0)).max(axis=0)
    assert (step < 1.3 * np.abs(np.diff(seen.dynamics, axis=0)).max(axis=0) + 0.1).all()


def test_a_short_loss_is_bridged(track: DriverTrack) -> None:
    whole, bridged = motion_of(track), motion_of(unseen(track, 40, 45))
    # Their rests differ a little, since one has seen less.
    turns = [np.diff(motion.pose[38:47, 1]) for motion in (bridged, whole)]
    np.testing.assert_allclose(*turns, atol=0.006)


@pytest.mark.parametrize(("first", "last"), [(0, 30), (50, FRAMES)])
def test_a_face_that_comes_late_or_leaves_costs_no_time(
    track: DriverTrack, first: int, last: int
) -> None:
    motion = motion_of(unseen(track, first, last))
    assert len(motion) == FRAMES
    far = motion.rows()[0 if first == 0 else -1]
    assert np.abs(far).max() < 0.15 * np.abs(motion.rows()).max()


def test_a_face_that_leaves_the_picture_does_not_lunge(leave: Leave, track: DriverTrack) -> None:
    whole = motion_of(track)
    left = track_driver(leave(*GAP), "driver")
    assert not left.seen[GAP[0] : GAP[1]].any()
    assert left.seen[: GAP[0] - GLIDE].all()
    assert left.cuts == 0
    there = np.concatenate([whole.pose[: GAP[0]], whole.pose[GAP[1] :]])
    assert np.abs(motion_of(left).pose[:, 3]).max() < 0.4  # of the face's width, as people sway
    assert np.ptp(motion_of(left).pose[:, 1]) < 1.1 * np.ptp(there[:, 1])


def cover(shown: Timed, first: int, last: int) -> Timed:
    """A hand comes up before the face and goes down again."""
    made = []
    for i, (at, image) in enumerate(shown):
        image = image.copy()
        if first <= i < last:
            up = np.sin(np.pi * (i - first + 0.5) / (last - first))
            x, y = SIDE // 2, round(SIDE * (1.1 - 0.55 * up))
            cv2.ellipse(image, (x, y), (34, 30), 0, 0, 360, (190, 140, 110), -1)
            for finger in range(4):
                foot = (x + 15 * finger - 22, y)
                tip = (x + 17 * finger - 26, y - 60)
                cv2.line(image, foot, tip, (190, 140, 110), 13)
        made.append((at, image))
    return made


def test_a_hand_before_the_face_is_bridged(shown: Timed, track: DriverTrack) -> None:
    first, last = 35, 57
    covered = track_driver(cover(shown, first, last), "driver")
    assert (~covered.seen[first:last]).sum() >= 3
    assert covered.seen[: first - 1].all()
    assert covered.seen[last + 1 :].all()
    turns = [np.degrees(motion_of(one).pose[:, :3]) for one in (covered, track)]
    assert np.linalg.norm(np.diff(turns[0], axis=0), axis=1).max() < 4
    # Nearer than a head that stands still behind the hand.
    still = np.linalg.norm(turns[1][first:last] - turns[1][first - 1], axis=1)
    assert np.linalg.norm(turns[0] - turns[1], axis=1).max() < 0.6 * still.max()


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


def test_a_face_shown_for_an_instant_is_refused(leave: Leave) -> None:
    with pytest.raises(InputError, match=r"shows a face for less than 0\.4 s"):
        track_driver(leave(14, FRAMES), "driver")


def test_the_video_keeps_its_length_and_its_sound(
    leave: Leave, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The face leaves after 1.2 s, the picture ends after 2 s, and the voice goes on."""
    driver, out = tmp_path / "driver.mp4", tmp_path / "out.mp4"
    with open_video(driver, (SIDE, SIDE), 25, EXAMPLE_VOICE, sound_seconds=2.6) as writer:
        for _, frame in leave(30, FRAMES)[:50]:
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
