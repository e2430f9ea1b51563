"""Loose hair follows late: the same at every rate, damped, bounded, and never the skull's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from openvasa import FaceLatent, InputError, Motion
from openvasa.face.canonical import FACE_WIDTH
from openvasa.face.latent import FrameGeometry, pose_face
from openvasa.face.topology import CHIN, FACE_OVAL, SURFACE_POINTS
from openvasa.live.frame import LiveSettings
from openvasa.live.painter import Painter
from openvasa.motion.row import row_width
from openvasa.render.hair_lag import DAMPING_RATIO, FASTEST, LONGEST_GAP, HairLag, trailed_poses
from openvasa.render.loose import STEEPEST_SWING
from openvasa.render.mesh import NECK_LENGTH, WarpMesh, build_mesh, find_ground, pose_mesh
from openvasa.video import Video

ROLL = 2
REST = np.zeros(6)
SIDES = len(FACE_OVAL)


def turn_at(time: float) -> np.ndarray:
    """A head that rolls by 0.2 rad and shifts aside from 0.24 s to 0.4 s, then stays."""
    share = np.clip((time - 0.24) / 0.16, 0, 1)
    return share * np.array([0.05, 0.1, 0.2, 0.05, 0.0, 0.0])


def trace(times: np.ndarray, pose: Callable[[float], np.ndarray], amount: float = 1) -> np.ndarray:
    """(T, 6) poses that hair trails at the times."""
    lag = HairLag(amount)
    return np.array([lag.follow(pose(time), time) for time in times])


@pytest.fixture(scope="module")
def mesh(face: FaceLatent) -> WarpMesh:
    return build_mesh(face.landmarks, face.canonical, face.head, ground=find_ground(face))


def moved(face: FaceLatent, pose: np.ndarray, trailed: np.ndarray | None) -> FrameGeometry:
    return pose_face(face, pose, np.zeros_like(face.neutral), trailed=trailed)


@pytest.mark.parametrize("fps", [50, 12.5])
def test_every_rate_lies_on_the_same_curve(fps: float) -> None:
    usual, other = (trace(np.arange(0, 2.01, 1 / rate), turn_at) for rate in (25, fps))
    every = max(1, round(fps / 25)), max(1, round(25 / fps))
    np.testing.assert_allclose(usual[:: every[1]], other[:: every[0]], atol=1e-12)


def test_frames_left_out_of_an_even_movement_change_nothing() -> None:
    times = np.arange(0, 1.2, 0.04)
    some = times[[0, 2, 3, 7, 8, 12, 20, 29]]
    even = trace(times, lambda time: 0.5 * time * np.ones(6))
    gaps = trace(some, lambda time: 0.5 * time * np.ones(6))
    np.testing.assert_allclose(gaps, even[[0, 2, 3, 7, 8, 12, 20, 29]], atol=1e-12)


def test_hair_is_behind_then_swings_over_a_little_and_rests() -> None:
    times = np.arange(0, 3, 0.02)
    head = np.array([turn_at(time) for time in times])
    hair = trace(times, turn_at)
    turning = (times > 0.26) & (times <= 0.4)
    assert (hair[turning, ROLL] < head[turning, ROLL] - 0.005).all(), "behind"
    over = hair[:, ROLL].max() / 0.2 - 1
    of_a_step = np.exp(-np.pi * DAMPING_RATIO / np.sqrt(1 - DAMPING_RATIO**2))
    assert 0 < over <= of_a_step < 0.05
    np.testing.assert_allclose(hair[-1], head[-1], atol=1e-4)


def test_hair_of_a_still_head_is_exactly_where_the_head_is() -> None:
    pose = np.array([0.1, -0.3, 0.02, 0.1, 0.0, 0.2])
    hair = trace(np.arange(0, 1, 0.04), lambda _: pose)
    assert (hair == pose).all()


@pytest.mark.parametrize("at", [-1.0, 0.52, 0.48 + 2 * LONGEST_GAP])
def test_a_seek_a_cut_and_a_long_gap_begin_anew(at: float) -> None:
    lag = HairLag()
    for time in np.arange(0, 0.5, 0.04):
        lag.follow(turn_at(time), time)
    jump = REST if at != 0.52 else turn_at(0.5) + FASTEST * 0.04 * 1.5
    assert (lag.follow(jump, at) == jump).all()


def test_the_amount_scales_the_lag_and_0_is_none() -> None:
    times = np.arange(0, 1, 0.04)
    head = np.array([turn_at(time) for time in times])
    once, twice = (trace(times, turn_at, amount) - head for amount in (1, 2))
    np.testing.assert_allclose(twice, 2 * once)
    assert set(trailed_poses(head, 25, 0)) == {None}
    for amount in (-0.1, 2.1, float("nan")):
        with pytest.raises(InputError, match="choose 0 to 2; 0 moves hair with the head"):
            HairLag(amount)
        with pytest.raises(InputError, match="hair lag"):
            LiveSettings(hair_lag=amount)


def test_only_what_is_off_the_skull_is_late(face: FaceLatent, mesh: WarpMesh) -> None:
    pose = turn_at(0.4)
    rigid, late = (pose_mesh(mesh, moved(face, pose, trailed)) for trailed in (None, REST))
    behind = np.linalg.norm(late - rigid, axis=1)
    assert (behind[:SURFACE_POINTS] == 0).all(), "the face"
    rings = behind[SURFACE_POINTS:].reshape(-1, SIDES)
    assert (rings[:2] == 0).all(), "the skull and the ears"
    assert (rings[-1] == 0).all(), "what is beyond the person"
    below = (mesh.rings[:, 1] - face.canonical[CHIN, 1]) / FACE_WIDTH
    assert (behind[SURFACE_POINTS:][below > 2 * NECK_LENGTH] == 0).all(), "the shoulders"
    neck = (np.abs(mesh.rings[:, 0]) < 5) & (mesh.rings[:, 1] > 9)
    assert neck.any()
    assert (behind[SURFACE_POINTS:][neck] == 0).all(), "the neck"
    beside = (np.abs(mesh.rings[:, 0]) > 9) & (np.abs(mesh.rings[:, 1] - 6) < 4)
    beside &= np.arange(len(beside)) < (len(beside) - SIDES)
    assert behind[SURFACE_POINTS:][beside].max() > 4, "hair beside the jaw, px"
    towards = ((late - rigid) * (pose_mesh(mesh, moved(face, REST, None)) - rigid)).sum(axis=1)
    assert (towards > -1e-3).all(), "behind, not ahead"


def test_no_lock_swings_out_farther_than_it_may(face: FaceLatent, mesh: WarpMesh) -> None:
    pose, far = np.zeros(6), np.array([0, 0, 1.5, 2.0, 0, 0])
    rigid, late = (pose_mesh(mesh, moved(face, pose, trailed)) for trailed in (None, far))
    behind = np.linalg.norm(late - rigid, axis=1)[SURFACE_POINTS:]
    assert (behind <= STEEPEST_SWING * face.head.scale * mesh.free + 1e-3).all()
    corners = late[mesh.triangles, :2]
    edges = corners[:, 1:] - corners[:, :1]
    area = edges[:, 0, 0] * edges[:, 1, 1] - edges[:, 0, 1] * edges[:, 1, 0]
    corners = rigid[mesh.triangles, :2]
    edges = corners[:, 1:] - corners[:, :1]
    before = edges[:, 0, 0] * edges[:, 1, 1] - edges[:, 0, 1] * edges[:, 1, 0]
    assert (area * before)[len(before) - 22 * SIDES :].min() > 0, "no strip of the rings folds"


def shaken(frames: int, fps: float = 25.0) -> Motion:
    rows = np.zeros((frames, row_width()), np.float32)
    rows[:, ROLL] = 0.15 * np.sin(2 * np.pi * np.arange(frames) / frames)
    return Motion.from_rows(rows, fps)


def test_a_file_and_a_stream_move_hair_alike(face: FaceLatent) -> None:
    motion = shaken(12)
    video = Video(face, motion, size=256, hair_lag=1.5)
    file = list(video)
    stiff = list(Video(face, motion, size=256, hair_lag=0))
    assert any((a != b).any() for a, b in zip(file, stiff, strict=True))
    poses = [*trailed_poses(motion.rows(), 25, 1.5)]
    painter = Painter(face, content_id=1, size=256, hair_lag=1.5)
    lag = painter._hair
    assert lag is not None
    for number, (row, pose) in enumerate(zip(motion.rows(), poses, strict=True)):
        assert pose is not None
        np.testing.assert_array_equal(lag.follow(row[:6], number / 25), pose)
    whole = list(islice(video, 12))
    for a, b in zip(file, whole, strict=True):
        np.testing.assert_array_equal(a, b)


def test_hair_of_a_loop_has_no_seam(face: FaceLatent) -> None:
    motion = shaken(50)
    once = Video(face, motion, hair_lag=1, loop=True)
    twice = replace(once, source=Motion.from_rows(np.tile(motion.rows(), (3, 1)), 25))
    planned = [moved for *_, moved, _ in once._plan(once.rows(), iter([None] * 50))]
    again = [moved for *_, moved, _ in twice._plan(twice.rows(), iter([None] * 150))]
    first, later = planned[0], again[100]
    assert first is not None
    assert later is not None
    np.testing.assert_allclose(first, later, atol=1e-4)
    assert np.abs(first[ROLL] - motion.pose[0, ROLL]) > 0.01, "as it is in the middle of it"
