"""Every figure about motion must be able to come out badly."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.signal import savgol_filter

from openvasa.data.experts import expert
from openvasa.errors import InputError
from openvasa.evaluate import long_run
from openvasa.evaluate.joins import joins
from openvasa.evaluate.long_run import Minute, long_report, problems
from openvasa.evaluate.motion import measure
from openvasa.evaluate.motion_metrics import (
    blink_intervals,
    blink_milliseconds,
    blinks_per_minute,
    brow_activity,
    gaze_spread,
    lip_activity,
)
from openvasa.evaluate.silence import silence
from openvasa.face.canonical import POSE_DIM
from openvasa.face.dynamics import DynamicsCode, dynamics_code
from openvasa.face.gaze import encode_eye_turn
from openvasa.face.landmarker import BLENDSHAPE_NAMES
from openvasa.motion.row import TONGUE_DIM, without_tongue

CODE = dynamics_code()


def action(amounts: np.ndarray, *names: str, code: DynamicsCode = CODE) -> np.ndarray:
    """(T, 6 + D) motion in which only the named ARKit actions move, by (T,) amounts."""
    shapes = np.zeros((len(amounts), len(BLENDSHAPE_NAMES)), np.float32)
    for name in names:
        shapes[:, BLENDSHAPE_NAMES.index(name)] = amounts
    return np.hstack([np.zeros((len(amounts), POSE_DIM)), code.from_arkit(shapes)])


def eyes(*blinks: tuple[int, int], frames: int = 200) -> np.ndarray:
    """Motion with (first frame, frames) blinks: full depth at once, and open again at once."""
    shut = np.zeros(frames)
    for start, length in blinks:
        shut[start : start + length] = 1
    return action(shut, "eyeBlinkLeft", "eyeBlinkRight")


def test_blinks_last_as_long_as_the_lids_are_down() -> None:
    # Half depth is crossed half-way between an open and a shut frame, on both sides.
    short, long = eyes((50, 3)), eyes((50, 3), (120, 7))
    assert blink_milliseconds(CODE, short) == pytest.approx([3 * 40], abs=1)
    assert blink_milliseconds(CODE, long) == pytest.approx([3 * 40, 7 * 40], abs=1)
    assert blinks_per_minute(CODE, long) == pytest.approx(2 * 60 / 8)
    assert blink_intervals(CODE, long) == pytest.approx([70 / 25])


def test_closed_eyes_and_cut_off_blinks_have_no_duration() -> None:
    assert len(blink_milliseconds(CODE, eyes((50, 30)))) == 0
    assert len(blink_milliseconds(CODE, eyes((0, 3)))) == 0
    assert len(blink_milliseconds(CODE, eyes((197, 3)))) == 0
    assert len(blink_milliseconds(CODE, eyes())) == 0


def test_brows_and_gaze_are_told_from_the_rest_of_the_face() -> None:
    wave = np.sin(np.arange(100))
    brows = action(0.5 + 0.5 * wave, "browInnerUp", "browOuterUpLeft", "browOuterUpRight")
    jaw = action(0.5 + 0.5 * wave, "jawOpen")
    assert brow_activity(CODE, brows) > 4 * brow_activity(CODE, jaw)
    looking = np.stack([np.radians(10) * wave, np.zeros(100)], axis=1)
    gaze = np.hstack([np.zeros((100, POSE_DIM)), encode_eye_turn(looking)])
    assert gaze_spread(CODE, gaze) == pytest.approx(10 * wave.std(), rel=0.15)
    assert gaze_spread(CODE, jaw) < 2


def wandering(frames: int, seed: int) -> np.ndarray:
    """(T, 6 + D) smooth random motion."""
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((frames, POSE_DIM + CODE.size))
    motion = savgol_filter(noise, 9, 2, axis=0)
    motion[:, :POSE_DIM] *= 0.05
    return motion


def test_seamless_motion_has_joins_like_its_inside_and_pieces_do_not() -> None:
    smooth = joins(CODE, [wandering(2000, 0)], 20)
    assert smooth.count == 99
    for ratio in (smooth.lip_velocity, smooth.lip_acceleration):
        assert ratio == pytest.approx(1, abs=0.15)
    for ratio in (smooth.head_velocity, smooth.head_acceleration):
        assert ratio == pytest.approx(1, abs=0.25)
    pieces = np.concatenate([wandering(20, seed) for seed in range(100)])
    jolting = joins(CODE, [pieces], 20)
    assert jolting.lip_velocity > 1.3
    assert jolting.lip_acceleration > 1.3
    assert jolting.head_velocity > 1.3
    assert jolting.head_acceleration > 1.3


def test_joins_know_which_steps_lead_into_a_window() -> None:
    # The head stands but for one step into every window.
    motion = np.zeros((40, POSE_DIM + CODE.size))
    motion[:, 1] = 0.01 * (np.arange(40) // 4)
    found = joins(CODE, [motion], 4)
    assert found.count == 9
    assert found.head_velocity > 1e6
    assert joins(CODE, [motion[2:]], 4).head_velocity < 1e-6


def test_windows_without_an_inside_are_refused() -> None:
    with pytest.raises(ValueError, match="all join"):
        joins(CODE, [wandering(20, 0)], 2)


def test_silence_is_judged_by_lips_and_head() -> None:
    babbling = silence(lambda sound: wandering(len(sound) // 640, 0), 1.0)
    dead = silence(lambda sound: np.zeros((len(sound) // 640, POSE_DIM + CODE.size)), 1.0)
    assert len(dead.motion) == 59 * 25
    assert dead.lips == dead.pose_change == dead.yaw_spread == dead.blinks == 0
    assert babbling.lips == pytest.approx(lip_activity(CODE, babbling.motion))
    assert babbling.pose_change > 0.3


STEADY = Minute(np.zeros(6), np.full(6, 0.03), 0.4, 0.02, 18, 1.5, 0, 0.0)


def test_a_steady_long_run_has_no_problems() -> None:
    assert problems([STEADY] * 10) == []
    assert problems([STEADY] * 2) == []


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"pose_mean": np.array([0, 0.1, 0, 0, 0, 0])}, "the head drifts: yaw"),
        ({"pose_change": 0.1}, "the head's movement freezes"),
        ({"lip_speed": 0.005}, "the lips' movement freezes"),
        ({"lip_speed": 0.06}, "the lips' movement runs wild"),
        ({"blinks": 0}, "nobody blinks"),
        ({"offset": 4}, "the lips are off by 4.0 frames"),
        ({"growth_mb": 200.0}, "memory grows"),
    ],
)
def test_what_goes_wrong_in_a_long_run_is_told(change: dict, complaint: str) -> None:
    later = replace(STEADY, **change)
    (problem,) = problems([STEADY] * 5 + [later] * 5)
    assert problem.startswith(complaint)


def test_the_long_report_has_a_row_a_minute_and_a_verdict() -> None:
    turned = replace(STEADY, pose_mean=np.radians([0, 12.0, 0, 0, 0, 0]))
    good, bad = long_report([STEADY] * 3), long_report([STEADY, STEADY, turned])
    assert "| 3 | +0.0 ± 1.7 | +0.0 ± 1.7 |" in good
    assert good.endswith("It neither drifts, freezes nor runs wild.")
    assert "| 3 | +12.0 ± 1.7 | +0.0 ± 1.7 |" in bad
    assert bad.splitlines()[-1].startswith("the head drifts: yaw")


def test_a_long_run_is_cut_into_minutes() -> None:
    rows = np.arange(3000)[:, None] + np.zeros(1 + TONGUE_DIM)
    frames = without_tongue(rows)
    pieces = iter(np.split(rows, [700, 1400, 2100]))
    minutes = list(long_run._by_minute(pieces))
    assert [len(minute) for minute in minutes] == [1500, 1500]
    np.testing.assert_array_equal(np.concatenate(minutes), frames)


def test_a_long_run_needs_two_minutes_to_compare(tmp_path) -> None:
    with pytest.raises(InputError, match="2 or more"):
        long_run.long_run(tmp_path / "voice.wav", 1)


def test_every_clip_is_made_with_seeds_of_its_own() -> None:
    """The row is over all seeds; motions and scores are one for each clip."""
    clips = [SimpleNamespace(motion=wandering(80, seed)) for seed in (5, 6)]
    sound = np.random.default_rng(0).standard_normal(80 * 640).astype(np.float32)
    seeds = []

    def make(clip: SimpleNamespace, _: np.ndarray, seed: int) -> np.ndarray:
        seeds.append(seed)
        return clip.motion * (1 if seed < 2 else 3)

    judges = expert("sync"), expert("capp")
    made = measure("made up", [(clip, sound) for clip in clips], make, judges, chances=2)
    assert seeds == [0, 1, 2, 3]
    assert len(made.motions) == len(made.scores) == 2
    np.testing.assert_array_equal(made.motions[1], clips[1].motion)
    assert made.row.lip_speed == pytest.approx(2, abs=1e-6)
