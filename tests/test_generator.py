from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from openvasa.assets import EXAMPLE_VOICE
from openvasa.audio.decode import read_blocks
from openvasa.audio.moonshine import MoonshineEncoder
from openvasa.evaluate.motion_metrics import aperture, correlation, lip_activity, pose_change
from openvasa.face.canonical import POSE_DIM
from openvasa.face.dynamics import dynamics_code
from openvasa.motion.amount import Amount, code_parts, scale_motion
from openvasa.motion.generator import MotionGenerator
from openvasa.motion.row import without_tongue
from openvasa.motion.settings import MotionSettings
from openvasa.motion.speaker import average_amounts
from openvasa.motion.speech_motion import generate_motion
from openvasa.motion.window_network import window_network
from openvasa.rates import SAMPLE_RATE

DIM = MoonshineEncoder.dim


def features(frames: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (0.5 * rng.standard_normal((frames, DIM))).astype(np.float32)


@pytest.fixture(scope="module")
def silence() -> np.ndarray:
    return np.concatenate(list(MoonshineEncoder().stream([np.zeros(10 * SAMPLE_RATE)])))


def whole(heard: np.ndarray, settings: MotionSettings | None = None) -> np.ndarray:
    generator = MotionGenerator(window_network(2), settings or MotionSettings())
    return without_tongue(np.concatenate([generator.feed(heard), generator.finish()]))


@pytest.mark.parametrize("frames", [1, 7, 50, 51, 54, 60, 137])
def test_a_frame_of_motion_for_each_frame_of_speech(frames: int) -> None:
    motion = whole(features(frames))
    assert len(motion) == frames
    assert np.isfinite(motion).all()


def test_chunks_of_features_do_not_matter() -> None:
    heard = features(160)
    generator = MotionGenerator(window_network(2))
    pieces = [generator.feed(part) for part in np.split(heard, [3, 40, 111, 112])]
    np.testing.assert_allclose(
        without_tongue(np.concatenate([*pieces, generator.finish()])), whole(heard), atol=1e-4
    )


def test_the_seed_decides() -> None:
    heard = features(60)
    np.testing.assert_array_equal(whole(heard), whole(heard))
    assert np.abs(whole(heard) - whole(heard, MotionSettings(seed=1))).max() > 0.01


def test_windows_join_without_a_step(silence: np.ndarray) -> None:
    speeds = []
    for seed in range(4):
        motion = whole(silence, MotionSettings(seed=seed))
        speed = np.linalg.norm(np.diff(motion[:, :3], axis=0), axis=1)
        speeds.append(speed / speed.mean())
    joins = np.concatenate([speed[49::50] for speed in speeds])
    assert joins.mean() < 2


def test_the_first_second_is_as_alive_as_the_others(silence: np.ndarray) -> None:
    motions = [whole(silence, MotionSettings(seed=seed)) for seed in range(6)]
    speeds = np.array([np.linalg.norm(np.diff(m[:, :3], axis=0), axis=1) for m in motions])
    assert 0.4 < speeds[:, :25].mean() / speeds.mean() < 2.5


def test_silence_stills_the_lips_but_not_the_head(silence: np.ndarray) -> None:
    code = dynamics_code()
    quiet = [whole(silence, MotionSettings(seed=seed))[25:] for seed in range(3)]
    assert np.mean([lip_activity(code, motion) for motion in quiet]) < 0.04
    assert np.mean([pose_change(motion) for motion in quiet]) > 0.05


def test_strange_audio_does_not_throw_the_face() -> None:
    motion = whole(50 * features(100))
    assert np.degrees(np.abs(motion[:, :3])).max() < 60


def test_lips_follow_the_example_voice(silence: np.ndarray) -> None:
    blocks = list(read_blocks(EXAMPLE_VOICE))
    code = dynamics_code()
    motions = [generate_motion(blocks, MotionSettings(seed=seed)) for seed in range(4)]
    apertures = [aperture(code, np.hstack([m.pose, m.dynamics])) for m in motions]
    # What the seeds agree on is what the speech decides.
    assert np.mean([correlation(a, b) for a, b in combinations(apertures, 2)]) > 0.4
    heads = [m.pose[:, 1] for m in motions[:2]]
    assert abs(correlation(*heads)) < 0.9
    spoken = np.hstack([motions[0].pose, motions[0].dynamics])
    assert lip_activity(code, spoken) > 3 * lip_activity(code, whole(silence))
    assert len(motions[0]) == round(sum(map(len, blocks)) / SAMPLE_RATE * 25)


def test_amounts_scale_what_they_name() -> None:
    motion = whole(features(100))
    np.testing.assert_allclose(scale_motion(motion, Amount(eyes=1.0).factors), motion)
    still = scale_motion(motion, Amount(head=0).factors)
    assert np.abs(still[:, :POSE_DIM]).max() == 0
    np.testing.assert_allclose(still[:, POSE_DIM:], motion[:, POSE_DIM:], atol=1e-5)
    twice = scale_motion(motion, Amount(mouth=2).factors)
    parts = code_parts()
    added = twice[:, POSE_DIM:] - motion[:, POSE_DIM:]
    np.testing.assert_allclose(added, motion[:, POSE_DIM:] @ parts.mouth, atol=1e-4)


def test_the_first_speaker_moves_as_far_as_people_on_average() -> None:
    rng = np.random.default_rng(0)
    styles, deviation = rng.standard_normal((4000, 8)), np.linspace(0.4, 1.1, 8)
    average = average_amounts(styles, deviation, np.full(4000, 1 / 4000))
    amounts = np.exp(styles * deviation)
    assert np.exp(average * deviation) == pytest.approx(amounts.mean(axis=0), rel=1e-3)
    # The mean of the logarithms would blink three fifths as often.
    assert average[-1] * deviation[-1] > 0.5
    speakers = window_network(1).space.speakers
    assert speakers.draw(0).style == pytest.approx(speakers.average_style)


def test_two_speeches_with_one_seed_turn_the_head_differently() -> None:
    heads = []
    for seed in (1, 2, 1):
        generator = MotionGenerator(window_network(2), MotionSettings())
        rows = [generator.feed(features(60, seed)), generator.finish()]
        heads.append(np.concatenate(rows)[:, 1])
    assert np.array_equal(heads[0], heads[2])
    assert abs(np.corrcoef(heads[0], heads[1])[0, 1]) < 0.9


def test_speakers_are_calm_and_lively() -> None:
    speakers = window_network(1).space.speakers
    heads = [speakers.draw(seed).head for seed in range(60)]
    assert max(heads) > 2.5 * min(heads)
    assert speakers.draw(7).head == speakers.draw(7).head
