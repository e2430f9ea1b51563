from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from openvasa.assets import EXAMPLE_VOICE
from openvasa.audio.moonshine import MoonshineEncoder
from openvasa.data.windows import silence_features
from openvasa.evaluate.motion_metrics import aperture, correlation, lip_activity, pose_change
from openvasa.face.dynamics import dynamics_code, lid_gap, lip_gap
from openvasa.motion.articulation import without_tongue
from openvasa.motion.diffusion import generate_motion
from openvasa.motion.generator import MotionGenerator
from openvasa.motion.motion import POSE_DIM
from openvasa.motion.schedule import ddim_sample, signal_and_noise
from openvasa.motion.settings import MotionSettings
from openvasa.motion.space import motion_space
from openvasa.motion.window import window_model
from openvasa.rates import SAMPLE_RATE

FEATURE_DIM = MoonshineEncoder.dim

FAST = MotionSettings(steps=4)


def features(frames: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (0.5 * rng.standard_normal((frames, FEATURE_DIM))).astype(np.float32)


def whole(rows: np.ndarray, settings: MotionSettings = FAST) -> np.ndarray:
    generator = MotionGenerator(window_model(2), settings)
    return without_tongue(np.concatenate([generator.feed(rows), generator.finish()]))


def test_schedule_keeps_the_variance() -> None:
    alpha, sigma = signal_and_noise(np.linspace(0, 1, 11))
    np.testing.assert_allclose(alpha**2 + sigma**2, 1)
    assert alpha[0] == 1


def test_sampler_finds_a_known_distribution() -> None:
    mean, deviation = 2.0, 0.5

    def best_guess(noisy: np.ndarray, time: float) -> np.ndarray:
        alpha, sigma = signal_and_noise(time)
        gain = alpha * deviation**2 / (alpha**2 * deviation**2 + sigma**2)
        return mean + gain * (noisy - alpha * mean)

    noise = np.random.default_rng(0).standard_normal(20000).astype(np.float32)
    made = ddim_sample(best_guess, noise, 50)
    assert made.mean() == pytest.approx(mean, abs=0.03)
    assert made.std() == pytest.approx(deviation, abs=0.05)


@pytest.mark.parametrize("frames", [1, 7, 50, 51, 60, 137])
def test_a_frame_of_motion_for_each_frame_of_speech(frames: int) -> None:
    motion = whole(features(frames))
    assert len(motion) == frames
    assert np.isfinite(motion).all()


def test_chunks_of_features_do_not_matter() -> None:
    rows = features(160)
    generator = MotionGenerator(window_model(2), FAST)
    pieces = [generator.feed(part) for part in np.split(rows, [3, 40, 111, 112])]
    np.testing.assert_allclose(
        without_tongue(np.concatenate([*pieces, generator.finish()])), whole(rows), atol=1e-4
    )


def test_the_seed_decides() -> None:
    rows = features(60)
    np.testing.assert_array_equal(whole(rows), whole(rows))
    assert np.abs(whole(rows) - whole(rows, MotionSettings(seed=1, steps=4))).max() > 0.01


def test_windows_join_without_a_step() -> None:
    silence = silence_features(250, np.random.default_rng(0))
    motion = whole(silence, MotionSettings())
    speed = np.linalg.norm(np.diff(motion[:, :3], axis=0), axis=1)
    joins = speed[49::50]
    assert np.median(joins) < 2.5 * np.median(speed) + 1e-4


def test_silence_stills_the_lips_but_not_the_head() -> None:
    code = dynamics_code()
    motion = whole(silence_features(250, np.random.default_rng(0)), MotionSettings())[25:]
    assert lip_activity(code, motion) < 0.02
    assert pose_change(motion) > 0.02


def test_strange_audio_does_not_throw_the_face() -> None:
    motion = whole(50 * features(100), MotionSettings())
    assert np.degrees(np.abs(motion[:, :3])).max() < 60


def test_lips_follow_the_example_voice() -> None:

    from openvasa.audio.decode import read_blocks

    voice = EXAMPLE_VOICE
    blocks = list(read_blocks(voice))
    code = dynamics_code()
    motions = [generate_motion(blocks, MotionSettings(seed=seed)) for seed in range(4)]
    apertures = [aperture(code, np.hstack([m.pose, m.dynamics])) for m in motions]
    # What the seeds agree on is what the speech decides.
    assert np.mean([correlation(a, b) for a, b in combinations(apertures, 2)]) > 0.5
    heads = [m.pose[:, 1] for m in motions[:2]]
    assert abs(correlation(*heads)) < 0.9
    quiet = whole(silence_features(len(motions[0]), np.random.default_rng(0)), MotionSettings())
    spoken = np.hstack([motions[0].pose, motions[0].dynamics])
    assert lip_activity(code, spoken) > 5 * lip_activity(code, quiet)
    assert len(motions[0]) == round(sum(map(len, blocks)) / SAMPLE_RATE * 25)


def test_chance_moves_the_mouth_less_and_the_rest_as_before() -> None:
    code, space = dynamics_code(), motion_space()
    noise = space.noise(np.random.default_rng(0), 4000)
    plain = np.random.default_rng(0).standard_normal(noise.shape).astype(np.float32)
    np.testing.assert_array_equal(noise[:, :POSE_DIM], plain[:, :POSE_DIM])

    def spread(drawn: np.ndarray, read: np.ndarray) -> float:
        return float((drawn[:, POSE_DIM:] * space.deviation[POSE_DIM:] @ read).std())

    brows = code.basis[:, [105, 334], 1].mean(axis=1)
    for read, least, most in (
        (lip_gap(code.basis), 0.45, 0.6),
        (lid_gap(code.basis), 0.8, 0.9),
        (brows, 0.85, 1.05),
    ):
        assert least < spread(noise, read) / spread(plain, read) < most
