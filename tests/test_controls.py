from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from openvasa.assets import EXAMPLE_PORTRAIT
from openvasa.errors import InputError
from openvasa.face.canonical import POSE_DIM
from openvasa.face.dynamics import dynamics_code, lid_gap, lip_gap
from openvasa.face.encode import load_portrait
from openvasa.face.gaze import encode_eye_turn, eye_gaze, iris_shifts
from openvasa.motion.controls import (
    CONTROL_DIM,
    DISTANCE,
    EMOTION,
    EMOTIONS,
    GAZE,
    Controls,
    parse_emotion,
    parse_gaze,
)
from openvasa.motion.drawing import draw_codes
from openvasa.motion.emotion_directions import LIP_GAPS, emotion_directions
from openvasa.motion.stress_emotion import stress_emotion
from openvasa.motion.viewer import gaze_to_viewer


@pytest.mark.parametrize("angles", [(15.0, 0.0), (-10.0, 0.0), (0.0, 5.0), (8.0, -6.0)])
def test_eyes_turn_by_what_is_asked(angles: tuple[float, float]) -> None:
    code = dynamics_code()
    change = code.decode(encode_eye_turn(np.radians(angles)))
    np.testing.assert_allclose(np.degrees(eye_gaze(change)), angles, atol=0.5)
    assert abs(lip_gap(change)) < 0.05


def test_emotions_move_the_face_and_leave_gaze_and_lip_gap() -> None:
    code = dynamics_code()
    drawn = code.decode(draw_codes(emotion_directions()))
    shapes = dict(zip(EMOTIONS, drawn, strict=True))
    for name, shape in shapes.items():
        assert np.degrees(np.abs(eye_gaze(shape))).max() < 0.5
        assert lip_gap(shape) == pytest.approx(LIP_GAPS.get(name, 0.0), abs=0.02)
    # y points down: corners of the mouth up in a smile, brows up in surprise and down in anger.
    assert shapes["happy"][[61, 291], 1].max() < -0.3
    assert shapes["sad"][[61, 291], 1].min() > 0.3
    assert shapes["sad"][[107, 336], 1].max() < -0.3
    assert shapes["surprised"][[105, 334], 1].max() < -0.4
    assert shapes["angry"][[105, 334], 1].min() > 0.4
    # Neither closed nor cross-eyed with it.
    assert lid_gap(shapes["angry"]) > -0.35 * lid_gap(code.mean_shape)
    assert max(np.abs(iris_shifts(shape)).max() for shape in shapes.values()) < 0.02


def test_full_emotions_stay_within_what_a_face_can_do() -> None:
    # People raise and lower brows and corners of the mouth by some 10 mm at ease, 16 at most.
    code = dynamics_code()
    values = np.zeros((1, CONTROL_DIM), np.float32)
    for index, name in enumerate(EMOTIONS):
        values[:, EMOTION] = np.eye(len(EMOTIONS), dtype=np.float32)[index]
        row = np.zeros((1, POSE_DIM + code.size), np.float32)
        row[:, POSE_DIM:] = emotion_directions()[index]
        drawn = code.decode(draw_codes(stress_emotion(row, values)[0, POSE_DIM:]))
        assert np.abs(drawn[[105, 107, 334, 336, 61, 291], 1]).max() < 1.6, name


def test_stress_shows_emotions_more_and_lets_lips_meet() -> None:
    code = dynamics_code()
    values = np.zeros((3, CONTROL_DIM), np.float32)
    closed = np.zeros((3, POSE_DIM + code.size), np.float32)
    np.testing.assert_array_equal(stress_emotion(closed, values), closed)
    shown = {}
    for index, name in enumerate(EMOTIONS):
        values[:, EMOTION] = np.eye(len(EMOTIONS), dtype=np.float32)[index]
        motion = stress_emotion(closed, values)
        np.testing.assert_array_equal(motion[:, :POSE_DIM], 0)
        shown[name] = code.decode(draw_codes(motion[0, POSE_DIM:]))
        assert abs(lip_gap(shown[name])) < 0.02
        assert np.degrees(np.abs(eye_gaze(shown[name]))).max() < 0.5
    assert shown["happy"][[61, 291], 1].max() < -0.1
    assert shown["sad"][[107, 336], 1].max() < -0.3
    assert shown["angry"][[105, 334], 1].min() > 0.1
    assert shown["surprised"][[105, 334], 1].max() < -0.1
    # An open mouth is opened further in surprise.
    values[:, EMOTION] = [0, 0, 0, 1]
    talking = closed.copy()
    talking[:, POSE_DIM:] = emotion_directions()[EMOTIONS.index("surprised")]
    before, after = (
        lip_gap(code.decode(m[0, POSE_DIM:])) for m in (talking, stress_emotion(talking, values))
    )
    assert after > before + 0.3


def test_rows_are_in_the_generator_units() -> None:
    controls = Controls(gaze=(18.0, -9.0), distance=1.1, emotion={"sad": 0.4})
    values, known = controls.rows(-5, 20)
    assert values.shape == (20, CONTROL_DIM)
    np.testing.assert_allclose(np.degrees(values[:, GAZE]), np.tile([18, -9], (20, 1)), rtol=1e-5)
    np.testing.assert_allclose(values[:, DISTANCE], np.log(1.1), rtol=1e-5)
    np.testing.assert_allclose(values[0, EMOTION], [0, 0, 0.4, 0])
    np.testing.assert_array_equal(known, np.ones(CONTROL_DIM))
    np.testing.assert_array_equal(Controls(distance=1.0).rows(0, 1)[1], [0, 0, 1, 0, 0, 0, 0])


def test_curves_run_between_their_keys(tmp_path: Path) -> None:
    path = tmp_path / "c.json"
    path.write_text(
        json.dumps(
            {
                "gaze": [[0, 0, 0], [2, 20, -10]],
                "emotion": [[0, {"happy": 0}], [1, {"happy": 1.0}]],
            }
        )
    )
    controls = Controls.load(path)
    values, known = controls.rows(25, 26)
    np.testing.assert_allclose(np.degrees(values[0, GAZE]), [10, -5], atol=1e-4)
    np.testing.assert_allclose(np.degrees(values[25, GAZE]), [20, -10], atol=1e-4)
    assert values[0, EMOTION][0] == 1
    np.testing.assert_array_equal(known, [1, 1, 0, 1, 1, 1, 1])


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("not json", "not a JSON file"),
        ('{"gaze": [[0, 99, 0]]}', "out of range"),
        ('{"gaze": [[0, 1]]}', "list of keys"),
        ('{"gaze": [[1, 0, 0], [0, 0, 0]]}', "times must rise"),
        ('{"mood": []}', "unknown control"),
        ('{"emotion": [[0, {"bored": 1}]]}', "unknown"),
        ("[1, 2]", "known are"),
        ('{"distance": [[0, NaN]]}', "list of keys"),
    ],
)
def test_bad_curves_are_explained(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "c.json"
    path.write_text(content)
    with pytest.raises(InputError, match=said) as error:
        Controls.load(path)
    assert str(path) in str(error.value)


def test_bad_values_are_explained() -> None:
    assert parse_gaze("15,-5") == (15, -5)
    assert parse_emotion("happy:0.5, sad") == {"happy": 0.5, "sad": 1.0}
    for wrong in ("", "3", "a,b", "1,2,3"):
        with pytest.raises(InputError, match="degrees"):
            parse_gaze(wrong)
    for wrong in ("happy:x", "happy:2", "happy:nan"):
        with pytest.raises(InputError, match="intensity"):
            parse_emotion(wrong)
    with pytest.raises(InputError, match="choose of neutral"):
        Controls(emotion={"bored": 1})
    with pytest.raises(InputError, match="distance"):
        Controls(distance=9)
    with pytest.raises(InputError, match="gaze"):
        Controls(gaze=(float("nan"), 0))


def test_a_portrait_that_looks_away_is_turned_back_to_the_viewer() -> None:
    face = load_portrait(EXAMPLE_PORTRAIT)
    own = np.array(gaze_to_viewer(face))
    away = dynamics_code().decode(encode_eye_turn(np.radians([[12.0, -6.0]], dtype=np.float32)))[0]
    averted = np.array(gaze_to_viewer(replace(face, neutral=face.neutral + away)))
    np.testing.assert_allclose(averted - own, [-12, 6], atol=1.5)
    Controls(gaze=gaze_to_viewer(face))
