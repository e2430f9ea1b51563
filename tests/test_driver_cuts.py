"""Cuts in a driving video are noticed, and the portrait neither jumps nor changes its face."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest

import openvasa
from openvasa.assets import EXAMPLE_PORTRAIT, EXAMPLES
from openvasa.capture.retargeting import motion_of
from openvasa.capture.shots import ShotWatcher
from openvasa.capture.tracking import track_driver
from openvasa.cli import main
from openvasa.data.clip_list import Clip, Kind, Split, read_clip_list
from openvasa.face.dynamics import dynamics_code
from openvasa.face.encode import load_portrait
from openvasa.face.landmarker import follow_face
from openvasa.face.latent import FaceLatent
from openvasa.media.inspect import read_frames
from openvasa.motion.motion import Motion
from openvasa.publish import open_video

SHOT = 40
SIDE = 256
CLIPS = Path(__file__).parents[2] / "shared" / "data" / "clips"


def perform(face: FaceLatent, turn: float) -> list[np.ndarray]:
    """A shot of somebody who nods, speaks, and looks `turn` rad to the side all the while."""
    t = np.arange(SHOT) / 25
    pose = np.zeros((SHOT, 6), np.float32)
    pose[:, 0] = 0.08 * np.sin(2 * np.pi * t)
    pose[:, 1] = turn
    opened = np.zeros((SHOT, 52), np.float32)
    opened[:, 25] = 0.2 * (1 - np.cos(2 * np.pi * t / 0.8))
    motion = Motion(pose, dynamics_code().from_arkit(opened))
    return list(openvasa.animate(face, motion, size=SIDE))


@pytest.fixture(scope="module")
def shot(face: FaceLatent) -> list[np.ndarray]:
    return perform(face, 0.2)


@pytest.fixture(scope="module")
def other() -> list[np.ndarray]:
    """A shot of somebody else, who looks the other way."""
    return perform(load_portrait(EXAMPLES / "gallery" / "mona_lisa.jpg"), -0.25)


def closer(shot: list[np.ndarray]) -> list[np.ndarray]:
    """The same shot from half as far."""
    low, high = SIDE // 6, SIDE // 6 + 3 * SIDE // 5
    return [cv2.resize(frame[low:high, low:high], (SIDE, SIDE)) for frame in shot]


def timed(frames: list[np.ndarray]) -> list[tuple[float, np.ndarray]]:
    return [(i / 25, frame) for i, frame in enumerate(frames)]


def check_eased(motion: Motion) -> None:
    """No quicker over the cut than within the shots."""
    quickest = np.radians(3.1), 0.05, 0.015  # 99 % of what people do; docs/lab/capture.md
    steps = np.abs(np.diff(motion.pose, axis=0))
    assert np.linalg.norm(steps[:, :3], axis=1).max() < quickest[0]
    assert steps[:, 3:5].max() < quickest[1]
    assert steps[:, 5].max() < quickest[2]


def test_a_cut_to_somebody_else(shot: list[np.ndarray], other: list[np.ndarray]) -> None:
    track = track_driver(timed(shot + other), "driver")
    np.testing.assert_array_equal(track.shots, np.repeat([0, 1], SHOT))
    motion = motion_of(track)
    check_eased(motion)
    # Each person's own way to look is their rest.
    np.testing.assert_allclose(np.median(motion.pose[:SHOT, 1]), 0, atol=0.03)
    np.testing.assert_allclose(np.median(motion.pose[SHOT:, 1]), 0, atol=0.03)
    for half, alone in ((slice(0, SHOT - 4), shot), (slice(SHOT + 4, 2 * SHOT), other)):
        of_shot = motion_of(track_driver(timed(alone), "driver")).dynamics
        inside = of_shot[: SHOT - 4] if alone is shot else of_shot[4:]
        np.testing.assert_allclose(motion.dynamics[half], inside, atol=0.05)


def test_a_cut_to_a_closer_view_keeps_the_framing(shot: list[np.ndarray]) -> None:
    track = track_driver(timed(shot + closer(shot) + shot), "driver")
    assert track.cuts == 2
    motion = motion_of(track)
    check_eased(motion)
    assert np.ptp(motion.pose[:, 5]) < 0.05


def test_the_user_is_told_of_cuts(
    shot: list[np.ndarray], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    driver, out = tmp_path / "driver.mp4", tmp_path / "out.mp4"
    with open_video(driver, (SIDE, SIDE), 25) as writer:
        for frame in shot[:15] + closer(shot[:15]):
            writer.write(frame)
    command = ["drive", str(EXAMPLE_PORTRAIT), str(driver), "-o", str(out), "--size", "128"]
    assert main([*command, "--quiet"]) == 0
    said = capsys.readouterr().err
    assert f"{driver}: 1 cut; each shot" in said


def chosen_clips(count: int) -> list[Clip]:
    """Clips of people who no weight was fitted to, one a person."""
    people: dict[str, Clip] = {}
    for clip in read_clip_list(CLIPS):
        if clip.split == Split.TEST and clip.kind == Kind.REAL:
            people.setdefault(clip.group, clip)
    return list(people.values())[:count]


def frames_of(clip: Clip, count: int) -> Iterator[np.ndarray]:
    for frame in islice(read_frames(CLIPS / f"{clip.name}.mp4"), count):
        yield cv2.resize(frame, (SIDE, SIDE), interpolation=cv2.INTER_AREA)


@pytest.mark.skipif(not CLIPS.exists(), reason="needs the folder of talking clips")
def test_real_clips_joined_at_random(capsys: pytest.CaptureFixture[str]) -> None:
    """Twenty people in a row: every join is a cut, and nothing else is."""
    clips, length = chosen_clips(20), 20
    watcher, found, landmarks = ShotWatcher(), [], None
    frames = [frame for clip in clips for frame in frames_of(clip, length)]
    for number, frame in enumerate(frames):
        tracked = follow_face(frame, landmarks)
        landmarks = None if tracked is None else tracked.landmarks
        if watcher.begins(frame, landmarks):
            found.append(number)
    joins = set(range(length, len(frames), length))
    missed, false = joins - set(found), set(found) - joins
    with capsys.disabled():
        print(f"cuts missed: {len(missed)} of {len(joins)}, false: {len(false)} of {len(frames)}")
    assert len(missed) <= 1
    assert not false
