"""Portrait + motion → video: reproducible, of the right length, lazy; motion files and rates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from openvasa import FaceLatent, InputError, Motion, MotionSettings, animate, load_portrait
from openvasa.assets import EXAMPLE_PORTRAIT, EXAMPLE_VOICE
from openvasa.face.dynamics import dynamics_code
from openvasa.face.frame import choose_frame, put_in_frame
from openvasa.media.inspect import inspect_video
from openvasa.motion.model import MotionSource
from openvasa.motion.resample import resample_pieces
from openvasa.motion.row import Row, row_width
from openvasa.video import Video

PORTRAIT = EXAMPLE_PORTRAIT
VOICE = EXAMPLE_VOICE


def talking(frames: int = 40, fps: float = 25.0) -> Motion:
    """Smooth made-up motion: nodding, and every code swinging at its own rate."""
    time = np.arange(frames)[:, None] / fps
    pose = 0.08 * np.sin(time * np.array([5, 3, 2, 1, 2, 1.5]))
    size = dynamics_code().size
    dynamics = 0.5 * np.sin(time * np.linspace(1, 12, size) + np.arange(size))
    return Motion(pose.astype(np.float32), dynamics.astype(np.float32), fps)


def short(face: FaceLatent, seed: int) -> Video:
    video = animate(face, VOICE, seed=seed)
    return replace(video, seconds_limit=1.0)


def test_same_seed_same_frames_other_seed_other_frames(face: FaceLatent) -> None:
    frames = [np.stack(list(islice(short(face, seed), 20, 23))) for seed in (7, 7, 8)]
    np.testing.assert_array_equal(frames[0], frames[1])
    assert (frames[0] != frames[2]).any()


def test_speech_moves_the_lips(face: FaceLatent) -> None:
    motion = np.concatenate(list(animate(face, VOICE).rows()))
    code = dynamics_code()
    shape = code.mean_shape + code.decode(Row.split(motion).codes)
    opening = shape[:, 14, 1] - shape[:, 13, 1]
    assert opening.std() > 0.05


@pytest.mark.parametrize(("fps", "frames"), [(25, 25), (30, 30), (60, 60)])
def test_frame_count_of_generated_motion(face: FaceLatent, fps: int, frames: int) -> None:
    video = replace(short(face, 0), fps=fps)
    assert video.frame_count == frames
    assert sum(len(piece) for piece in video.rows()) == frames


@pytest.mark.parametrize(("fps", "frames"), [(25, 10), (30, 12), (60, 24)])
def test_frame_count_of_a_saved_video(
    face: FaceLatent, tmp_path: Path, fps: int, frames: int
) -> None:
    video = animate(face, talking(10), fps=fps, size=128)
    assert video.frame_count == frames
    done: list[int] = []
    info = inspect_video(video.save(tmp_path / "a.mp4", progress=done.append))
    assert (info.frames, info.fps) == (frames, fps)
    assert (info.width, info.height) == (128, 128)
    assert done == list(range(1, frames + 1))


def test_frames_move_and_are_rgb(face: FaceLatent) -> None:
    first, *_, last = islice(animate(face, talking()), 10)
    assert first.shape == (512, 512, 3)
    assert first.dtype == np.uint8
    assert np.abs(first.astype(int) - last).max() > 20


def test_full_frame_of_an_odd_picture_has_even_sides(tmp_path: Path) -> None:
    portrait = np.asarray(Image.open(PORTRAIT))
    wide = np.pad(portrait, ((100, 0), (201, 150), (0, 0)), mode="edge")
    path = tmp_path / "wide.png"
    Image.fromarray(wide).save(path)
    face = load_portrait(path)
    video = animate(face, talking(10), full_frame=True)
    # H.264 wants even sides.
    assert video.frame_size == (862, 612)
    frame = list(video)[-1]
    assert frame.shape == (612, 862, 3)
    whole = np.asarray(Image.fromarray(wide).resize((862, 612), Image.Resampling.BOX))
    rim = np.abs(frame[:, :30].astype(int) - whole[:, :30])
    assert rim.mean() < 1


def test_full_frame_of_an_even_picture_is_exact_away_from_the_person(tmp_path: Path) -> None:
    portrait = np.asarray(Image.open(PORTRAIT))
    wide = np.pad(portrait, ((0, 0), (200, 200), (0, 0)), mode="edge")
    path = tmp_path / "wide.png"
    Image.fromarray(wide).save(path)
    face = load_portrait(path)
    frame = list(animate(face, talking(10), full_frame=True))[-1]
    person = put_in_frame(face, choose_frame(face, full_frame=True)).matte > 0
    away = cv2.dilate(person.astype(np.uint8), np.ones((41, 41), np.uint8)) == 0
    assert away[:, :100].mean() > 0.5
    np.testing.assert_array_equal(frame[away], wide[away])


def test_motion_npz_round_trip_is_exact(tmp_path: Path) -> None:
    motion = talking(fps=30.0)
    motion.save(tmp_path / "a.npz")
    read = Motion.load(tmp_path / "a.npz")
    np.testing.assert_array_equal(read.pose, motion.pose)
    np.testing.assert_array_equal(read.dynamics, motion.dynamics)
    assert read.fps == 30.0


def test_motion_csv_round_trip_keeps_head_and_expression(tmp_path: Path) -> None:
    code = dynamics_code()
    time = np.arange(50) / 25
    # What a table of blendshapes can hold: an opening jaw.
    shapes = np.zeros((50, 52), np.float32)
    shapes[:, 25] = 0.3 + 0.3 * np.sin(time * 6)
    motion = Motion(talking(50).pose, code.from_arkit(shapes))
    motion.save(tmp_path / "a.csv")
    read = Motion.load(tmp_path / "a.csv")
    assert read.fps == 25.0
    assert len(read) == 50
    np.testing.assert_allclose(read.pose[:, :3], motion.pose[:, :3], atol=1e-4)
    lips = [(code.decode(m.dynamics)[:, 14, 1]) for m in (motion, read)]
    assert np.corrcoef(*lips)[0, 1] > 0.95
    assert 0.4 < lips[1].std() / lips[0].std() < 2.5


@pytest.mark.parametrize("fps", [24, 25, 30, 40, 50, 60])
@pytest.mark.parametrize("cuts", [[], [1, 2, 3], [7, 30], list(range(1, 40))])
def test_resampled_pieces_equal_the_resampled_whole(fps: int, cuts: list[int]) -> None:
    motion = talking(40)
    whole = motion.resample(fps)
    rows = motion.rows()
    pieces = list(resample_pieces(np.split(rows, cuts), 25.0, fps))
    joined = np.concatenate(pieces)
    expected = whole.rows()
    assert joined.shape == expected.shape
    np.testing.assert_allclose(joined, expected, atol=1e-5)


def test_resampling_keeps_time() -> None:
    """Frames stand for the middle of their interval, at every rate."""
    ramp = np.repeat(np.arange(50, dtype=np.float32)[:, None], 6, axis=1)
    faster = Motion(ramp, np.zeros((50, 1), np.float32)).resample(50)
    assert len(faster) == 100
    middle = faster.pose[10:90, 0]
    np.testing.assert_allclose(middle, (np.arange(10, 90) + 0.5) / 2 - 0.5, atol=1e-4)


class SlowModel:
    """A motion model that counts the pieces asked of it."""

    def __init__(self) -> None:
        self.asked = 0

    def frames(self, blocks: Iterable[np.ndarray], *, gain: float = 1.0) -> Iterator[np.ndarray]:
        for _ in range(100):
            self.asked += 1
            yield np.zeros((10, row_width()), np.float32)

    def live(self, hop: int, lookahead: int) -> MotionSource:
        raise NotImplementedError

    def describe(self) -> dict[str, object]:
        return {}


@pytest.mark.parametrize("fps", [25, 60])
def test_the_first_frame_does_not_wait_for_the_rest(face: FaceLatent, fps: int) -> None:
    model = SlowModel()
    next(iter(animate(face, VOICE, fps=fps, model=model)))
    # Two of 100 are used at most, two more are ready, and one waits for room.
    assert model.asked <= 5


def test_a_model_does_not_go_with_settings(face: FaceLatent) -> None:
    with pytest.raises(InputError, match="settings"):
        animate(face, VOICE, model=SlowModel(), settings=MotionSettings())
