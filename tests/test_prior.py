"""The Gaussian prior of motion, and the sampler that starts from it."""

from __future__ import annotations

import math

import numpy as np
import pytest

from openvasa.motion.prior import MotionPrior, build_prior, measure_autocovariance
from openvasa.motion.velocity import sample_velocity

CHANNELS = 2


def slow_motion(rng: np.random.Generator, frames: int) -> np.ndarray:
    """(frames, 2) unit-variance processes with time constants of 5 and 20 frames."""
    kept = np.exp(-1 / np.array([5.0, 20.0]))
    motion = np.empty((frames, CHANNELS))
    motion[0] = rng.standard_normal(CHANNELS)
    for frame in range(1, frames):
        shock = rng.standard_normal(CHANNELS) * np.sqrt(1 - kept**2)
        motion[frame] = kept * motion[frame - 1] + shock
    return motion.astype(np.float32)


@pytest.fixture(scope="module")
def prior() -> MotionPrior:
    rng = np.random.default_rng(0)
    covariance = measure_autocovariance([slow_motion(rng, 20_000)], 8 + 16 + 20)
    return build_prior(covariance, recent=8, block=4, blocks=4, window=20)


def test_a_window_goes_on_where_the_motion_before_ends(prior: MotionPrior) -> None:
    before = slow_motion(np.random.default_rng(1), 40)
    expected = prior.expect(prior.read_history(before), 20)
    kept = np.exp(-1 / np.array([5.0, 20.0]))
    np.testing.assert_allclose(expected.mean[0], kept * before[-1], atol=0.1)
    np.testing.assert_allclose(expected.deviation[0], np.sqrt(1 - kept**2), atol=0.05)
    assert (np.diff(expected.deviation, axis=0) > -0.02).all()


def test_nothing_known_is_the_motion_of_anybody(prior: MotionPrior) -> None:
    history = prior.read_history(np.zeros((3, CHANNELS), np.float32))
    assert not history.given
    expected = prior.expect(history, 20)
    assert np.abs(expected.mean).max() == 0
    np.testing.assert_allclose(expected.deviation, 1, atol=0.1)


def test_noise_moves_as_motion_does(prior: MotionPrior) -> None:
    rng = np.random.default_rng(2)
    expected = prior.expect(prior.read_history(np.zeros((0, CHANNELS), np.float32)), 20)
    drawn = np.stack([expected.colour(rng.standard_normal((20, CHANNELS))) for _ in range(2000)])
    steps = np.diff(drawn, axis=1).std(axis=(0, 1))
    wanted = np.sqrt(2 - 2 * np.exp(-1 / np.array([5.0, 20.0])))
    np.testing.assert_allclose(steps, wanted, rtol=0.1)
    np.testing.assert_allclose(drawn.std(axis=(0, 1)), 1, atol=0.05)


def test_windows_in_a_row_keep_the_spread_of_the_motion(prior: MotionPrior) -> None:
    rng = np.random.default_rng(3)
    motion = np.zeros((0, CHANNELS), np.float32)
    for _ in range(600):
        expected = prior.expect(prior.read_history(motion[-prior.past :]), 4)
        window = expected.mean + expected.deviation * expected.colour(
            rng.standard_normal((4, CHANNELS)).astype(np.float32)
        )
        motion = np.concatenate([motion, window.astype(np.float32)])
    np.testing.assert_allclose(motion.std(axis=0), 1, rtol=0.25)


@pytest.mark.parametrize("steps", [6, 20])
def test_the_sampler_finds_a_known_distribution(steps: int) -> None:
    mean, deviation = 0.7, 0.5

    def best_guess(state: np.ndarray, time: float) -> np.ndarray:
        angle = time * math.pi / 2
        alpha, sigma = math.cos(angle), math.sin(angle)
        gain = alpha * deviation**2 / (alpha**2 * deviation**2 + sigma**2)
        clean = mean + gain * (state - alpha * mean)
        noise = (state - alpha * clean) / sigma
        return alpha * noise - sigma * clean

    noise = np.random.default_rng(0).standard_normal(20_000).astype(np.float32)
    made = sample_velocity(best_guess, noise, steps)
    assert made.mean() == pytest.approx(mean, abs=0.1)
    assert made.std() == pytest.approx(deviation, abs=0.1)


@pytest.mark.parametrize("steps", [1, 3, 6])
def test_what_a_network_does_not_know_keeps_its_spread(steps: int) -> None:
    noise = np.random.default_rng(0).standard_normal(20_000).astype(np.float32)
    made = sample_velocity(lambda state, _: np.zeros_like(state), noise, steps)
    last = math.pi / 2 / steps
    assert made.std() == pytest.approx(math.cos(last), abs=0.02)
