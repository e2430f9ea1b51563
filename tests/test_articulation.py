"""Tongue and lips: what phonetics wants of them, and whether the reader hears it."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from openvasa.assets import EXAMPLE_VOICE
from openvasa.audio.decode import read_blocks
from openvasa.audio.moonshine import MoonshineEncoder
from openvasa.face.canonical import POSE_DIM
from openvasa.face.dynamics import dynamics_code, lip_gap
from openvasa.motion.articulation import (
    ARTICULATION_DIM,
    PRESS,
    REACH,
    RISE,
    ArticulationReader,
    articulation_reader,
    load_reader,
    speech_tongue,
)
from openvasa.motion.correction import CORRECTIONS, LET_THROUGH, apply_corrections
from openvasa.motion.row import TONGUE_DIM
from openvasa.rates import SAMPLE_RATE

FEATURE_DIM = MoonshineEncoder.dim


def test_the_tongue_rests_in_silence_and_moves_in_speech() -> None:
    silence = speech_tongue([np.zeros(2 * SAMPLE_RATE, np.float32)])
    assert silence.shape == (50, TONGUE_DIM)
    assert silence.max() < 0.1
    spoken = speech_tongue(read_blocks(EXAMPLE_VOICE))
    assert spoken[:, RISE].max() > 0.8
    assert spoken[:, RISE].min() < 0.1
    # It is up for some of the sounds only.
    assert 0.05 < (spoken[:, RISE] > 0.5).mean() < 0.6
    assert (spoken[:, REACH] > 0.5).mean() < 0.2


def test_a_frame_hears_its_neighbours_and_no_more() -> None:
    rng = np.random.default_rng(0)
    reader = ArticulationReader(
        encoder=MoonshineEncoder.name,
        hidden=rng.standard_normal((3 * FEATURE_DIM, 4)).astype(np.float32) / 50,
        hidden_bias=np.zeros(4, np.float32),
        out=rng.standard_normal((4, ARTICULATION_DIM)).astype(np.float32),
        out_bias=np.zeros(ARTICULATION_DIM, np.float32),
    )
    features = rng.standard_normal((9, FEATURE_DIM)).astype(np.float32)
    changed = features.copy()
    changed[4] += 1
    moved = (reader.read(features) != reader.read(changed)).any(axis=1)
    np.testing.assert_array_equal(np.flatnonzero(moved), [3, 4, 5])


def articulated(motion: np.ndarray, reading: np.ndarray) -> np.ndarray:
    return apply_corrections(CORRECTIONS, motion, reading)


def test_lips_close_where_they_are_pressed_and_nowhere_else() -> None:
    code = dynamics_code()
    rng = np.random.default_rng(0)
    jaw = code.from_arkit(np.eye(52, dtype=np.float32)[25])
    codes = np.linspace(0, 1, 9, dtype=np.float32)[:, None] * jaw
    pose = rng.standard_normal((9, POSE_DIM)).astype(np.float32)
    reading = np.zeros((9, ARTICULATION_DIM), np.float32)
    reading[:, RISE] = rng.random(9)
    reading[4:, PRESS] = [0.1, 0.25, 0.35, 0.5, 1]
    rows = articulated(np.hstack([pose, codes]), reading)
    np.testing.assert_array_equal(rows[:, :POSE_DIM], pose)
    closed = rows[:, POSE_DIM:]
    np.testing.assert_allclose(closed[:5], codes[:5], atol=1e-6)
    gaps = lip_gap(code.decode(closed)) / lip_gap(code.decode(codes + 1e-9))
    assert 0.5 < gaps[5] < 1
    assert gaps[6] < gaps[5]
    np.testing.assert_allclose(gaps[7:], 0, atol=1e-4)
    # Brows and lids stay.
    assert np.abs((code.decode(closed) - code.decode(codes))[:, [105, 334, 159, 386]]).max() < 0.02


def test_lips_part_where_the_tongue_comes_out_and_no_further() -> None:
    code = dynamics_code()
    jaw = code.from_arkit(np.eye(52, dtype=np.float32)[25])
    codes = np.float32([0, 0, 0, 0.9])[:, None] * jaw
    reading = np.zeros((4, ARTICULATION_DIM), np.float32)
    reading[1:, REACH] = [0.5, 1, 1]
    rows = articulated(np.hstack([np.zeros((4, POSE_DIM), np.float32), codes]), reading)
    gaps = lip_gap(code.decode(rows[:, POSE_DIM:]) - code.decode(0 * codes))
    np.testing.assert_allclose(gaps[:3], LET_THROUGH * np.float32([0, 0.5, 1]), atol=1e-3)
    np.testing.assert_allclose(rows[3, POSE_DIM:], codes[3], atol=1e-6)


def test_weights_survive_the_file(tmp_path: Path) -> None:
    features = np.random.default_rng(0).standard_normal((20, FEATURE_DIM)).astype(np.float32)
    shipped = articulation_reader()
    shipped.save(tmp_path / "t.npz")
    again = load_reader(tmp_path / "t.npz")
    np.testing.assert_allclose(again.read(features), shipped.read(features), atol=1e-6)


def test_targets_follow_the_sounds() -> None:
    training = pytest.importorskip("openvasa.train.articulation", reason="needs the train extra")
    phones = [("aa", 0.0, 0.4), ("l", 0.4, 0.52), ("aa", 0.52, 0.8), ("th", 0.8, 0.92)]
    wanted = training.targets([*phones, ("aa", 0.92, 1.4)], 35)
    assert wanted.shape == (35, ARTICULATION_DIM)
    assert wanted[11, RISE] == 1
    assert wanted[21, REACH] > 0.9
    assert not wanted[:8].any()
    assert not wanted[15:18].any()
    assert wanted[:15, REACH].max() == 0
    lips = training.targets([("aa", 0.0, 0.4), ("m", 0.4, 0.48), ("aa", 0.48, 0.8)], 20)
    assert lips[10, PRESS] > 0.8
    assert not lips[:8, PRESS].any()
    assert not lips[14:, PRESS].any()
    # Played twice as fast, everything comes in half the time.
    faster = training.targets(phones, 18, speed=2.0)
    assert faster[:, RISE].argmax() == 5


def test_the_reader_learns_what_it_is_shown_and_the_same_again() -> None:
    training = pytest.importorskip("openvasa.train.articulation", reason="needs the train extra")
    rng = np.random.default_rng(0)
    wanted = (rng.random((1200, ARTICULATION_DIM)) < 0.5).astype(np.float32)
    # Each sound wants something else, and every third feature tells of it.
    shown = np.resize(np.eye(ARTICULATION_DIM), (FEATURE_DIM, ARTICULATION_DIM)).T
    features = np.stack([rng.standard_normal((1200, FEATURE_DIM)) + wanted @ shown] * 3, axis=1)
    config = replace(training.DEFAULTS, steps=20, learning_rate=0.01, threads=1)
    heard = training.Heard(features, wanted)
    first, again = (training.fit(heard, config) for _ in range(2))
    np.testing.assert_array_equal(first.hidden, again.hidden)
    read = first.read_stacked(features)
    for k in range(ARTICULATION_DIM):
        assert training.roc_auc(read[:, k], wanted[:, k] > 0) > 0.9


def test_chance_is_half_and_knowing_is_one() -> None:
    training = pytest.importorskip("openvasa.train.articulation", reason="needs the train extra")
    is_it = np.arange(1000) % 5 == 0
    assert training.roc_auc(is_it + 0.0, is_it) == 1
    assert training.roc_auc(-1.0 * is_it, is_it) == 0
    chance = np.random.default_rng(0).random(1000)
    assert training.roc_auc(chance, is_it) == pytest.approx(0.5, abs=0.05)


@pytest.mark.skipif(shutil.which("flite") is None, reason="needs flite: apt-get install flite")
def test_the_shipped_reader_hears_voices_it_never_heard() -> None:
    training = pytest.importorskip("openvasa.train.articulation", reason="needs the train extra")
    shipped = articulation_reader()
    for figures in training.measure(shipped).values():
        for part in figures.values():
            assert part["area under curve"] > 0.85
            assert part["area under curve"] > part["by loudness alone"] + 0.2
    deaf = replace(shipped, hidden=-shipped.hidden)
    assert training.measure(deaf)["whole"]["tip up"]["area under curve"] < 0.7
