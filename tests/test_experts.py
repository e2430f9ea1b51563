"""The judges must be able to fail what they judge."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from openvasa.assets import EXAMPLE_VOICE
from openvasa.audio.decode import read_blocks
from openvasa.audio.level import speech_gain
from openvasa.data.experts import SOUND_DIM, expert, lip_shapes, sound_bands, sync_score
from openvasa.face.canonical import POSE_DIM
from openvasa.face.dynamics import dynamics_code
from openvasa.motion.speech_motion import generate_motion


def test_sync_score_finds_a_shift_and_knows_strangers() -> None:
    rng = np.random.default_rng(0)
    sound = rng.standard_normal((100, 8))
    sound *= 10 / np.linalg.norm(sound, axis=1, keepdims=True)
    own = sync_score(sound, sound)
    assert own.offset == 0
    assert own.distance < 1e-6
    late = sync_score(sound, np.roll(sound, 3, axis=0))
    assert late.offset == -3
    stranger = sync_score(sound, rng.permutation(sound))
    assert stranger.confidence < 0.2 * own.confidence


def test_sound_bands_follow_the_sound() -> None:
    rate = 16000
    samples = np.zeros(2 * rate, np.float32)
    samples[rate:] = 0.1 * np.sin(2 * np.pi * 440 * np.arange(rate) / rate)
    bands = sound_bands(samples, 50)
    assert bands.shape == (50, SOUND_DIM)
    assert bands[30:].max() > bands[:24].max() + 0.5
    strongest = bands[40, :80].argmax()
    low = sound_bands(np.sin(2 * np.pi * 220 * np.arange(rate) / rate).astype(np.float32), 25)
    assert low[10, :80].argmax() < strongest


@pytest.fixture(scope="module")
def speaking() -> tuple[np.ndarray, np.ndarray]:
    samples = np.concatenate(list(read_blocks(EXAMPLE_VOICE)))
    samples = samples * np.float32(speech_gain([samples]))
    motion = generate_motion([samples])
    values = np.hstack([motion.pose, motion.dynamics])
    return sound_bands(samples, len(values)), values


def test_the_sync_expert_hears_when_lips_come_late(
    speaking: tuple[np.ndarray, np.ndarray],
) -> None:
    bands, motion = speaking
    judge = expert("sync")
    sound, lips = judge.embed_sound(bands), judge.embed_motion(lip_shapes(motion))
    own, late = sync_score(sound, lips), sync_score(sound[:-8], lips[8:])
    assert abs(own.offset) <= 1
    assert abs(late.offset - 8) <= 1
    unshifted = np.linalg.norm(sound - lips, axis=1).mean()
    assert np.linalg.norm(sound[:-8] - lips[8:], axis=1).mean() > unshifted + 0.3


def test_the_sync_expert_knows_lips_that_say_something_else(
    speaking: tuple[np.ndarray, np.ndarray],
) -> None:
    bands, motion = speaking
    judge = expert("sync")
    own = sync_score(judge.embed_sound(bands), judge.embed_motion(lip_shapes(motion)))
    backwards = sync_score(judge.embed_sound(bands), judge.embed_motion(lip_shapes(motion[::-1])))
    assert backwards.confidence < 0.7 * own.confidence


@pytest.mark.parametrize("name", ["sync", "capp"])
def test_an_expert_in_training_hears_what_goes_together(name: str) -> None:
    pytest.importorskip("torch", reason="needs the train extra")
    from openvasa.train.experts import DEFAULTS, RECIPES, expert_task
    from openvasa.train.trainer import LOSS, train

    rng = np.random.default_rng(0)
    recipe, dim = RECIPES[name], POSE_DIM + dynamics_code().size

    def pair() -> tuple[np.ndarray, np.ndarray]:
        moved = rng.standard_normal((recipe.excerpt + 40, dim)).astype(np.float32)
        bands = np.zeros((len(moved), SOUND_DIM), np.float32)
        bands[:, :dim] = moved
        return bands, 0.3 * moved

    task = expert_task(name, [pair() for _ in range(3)], [pair() for _ in range(3)], 0)
    before = task.validate(task.network, 0)[LOSS]
    config = replace(DEFAULTS, steps=12, warmup=2, average=0.5, threads=1)
    assert task.validate(train(task, config), 12)[LOSS] < before
