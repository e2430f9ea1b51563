from __future__ import annotations

import numpy as np
import pytest

from openvasa.assets import EXAMPLE_VOICE
from openvasa.audio.decode import read_blocks
from openvasa.audio.level import speech_gain
from openvasa.audio.moonshine import MoonshineEncoder
from openvasa.errors import InputError
from openvasa.evaluate.motion_metrics import aperture, correlation, lip_activity, pose_change
from openvasa.face.dynamics import dynamics_code, lip_gap
from openvasa.face.gaze import head_gaze, read_eye_turn
from openvasa.motion.amount import Amount
from openvasa.motion.articulation import RISE
from openvasa.motion.controls import Controls
from openvasa.motion.row import TONGUE_DIM, Row, without_tongue
from openvasa.motion.settings import MotionSettings
from openvasa.motion.speech_motion import generate_motion
from openvasa.motion.streaming import StreamingGenerator
from openvasa.rates import FRAME_SAMPLES, SAMPLE_RATE

OPEN = 0.3
"""Lip gap beyond rest, canonical units (3 mm), of lips that are plainly apart."""


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    samples = np.concatenate(list(read_blocks(EXAMPLE_VOICE)))[: 5 * SAMPLE_RATE]
    return samples * np.float32(speech_gain([samples]))


@pytest.fixture(scope="module")
def spoken(speech: np.ndarray) -> np.ndarray:
    """Rows of the speech, live."""
    return whole(speech, 1280)


def whole(samples: np.ndarray, chunk: int, **options) -> np.ndarray:
    generator = StreamingGenerator(**options)
    pieces = [generator.push(samples[at : at + chunk]) for at in range(0, len(samples), chunk)]
    return np.concatenate([*pieces, generator.finish()])


def test_the_same_sound_in_any_chunks_gives_the_same_motion(speech: np.ndarray) -> None:
    speech = speech[: 2 * SAMPLE_RATE]
    once = whole(speech, len(speech))
    assert len(once) == 50
    np.testing.assert_array_equal(whole(speech, 333), once)
    np.testing.assert_array_equal(whole(speech, 1600), once)


@pytest.mark.parametrize(("hop", "lookahead"), [(2, 1), (1, 2), (3, 3), (2, 0), (4, 3)])
def test_a_hop_comes_out_as_soon_as_its_lookahead_is_in(hop: int, lookahead: int) -> None:
    generator = StreamingGenerator(hop=hop, lookahead=lookahead)
    need = (hop + lookahead) * FRAME_SAMPLES
    assert len(generator.push(np.zeros(need - 1, np.float32))) == 0
    assert len(generator.push(np.zeros(1, np.float32))) == hop
    assert len(generator.push(np.zeros(hop * FRAME_SAMPLES, np.float32))) == hop
    assert len(generator.ahead) - lookahead in (1, 2)
    assert (hop + len(generator.ahead)) % 2 == 0
    assert len(generator.finish()) == lookahead


def test_a_hop_changes_behind_the_one_that_is_heard(speech: np.ndarray) -> None:
    generator = StreamingGenerator()
    made: list[int] = []
    for at in range(0, 40 * FRAME_SAMPLES, FRAME_SAMPLES):
        generator.hop = 4 if 10 * FRAME_SAMPLES <= at < 26 * FRAME_SAMPLES else 2
        made.append(len(generator.push(speech[at : at + FRAME_SAMPLES])))
    lengths = [rows for rows in made if rows]
    assert lengths == [2] * 5 + [4] * 4 + [2] * 6
    # Each comes with its own sound and the look-ahead, none sooner or later.
    assert [frame for frame, rows in enumerate(made) if rows] == list(np.cumsum(lengths))
    assert len(generator.finish()) == 40 - sum(lengths)


def test_windows_the_network_does_not_know_are_refused() -> None:
    with pytest.raises(InputError, match="together 2 to 7"):
        StreamingGenerator(hop=8, lookahead=8)


def test_live_lips_agree_with_those_of_the_whole_file(
    speech: np.ndarray, spoken: np.ndarray
) -> None:
    """More than with the file's lips at another time. On the mean of seeds: of 5 s, one alone may
    agree or not."""
    code = dynamics_code()
    agree, tongues = [], []
    for seed in range(4):
        settings = MotionSettings(seed=seed)
        live = spoken if seed == 0 else whole(speech, 1280, settings=settings)
        file = generate_motion([speech], settings).rows()
        np.testing.assert_array_equal(live.shape, file.shape)
        lips, others = (aperture(code, without_tongue(rows)) for rows in (live, file))
        # From half a second on, so that it is another time indeed.
        rolls = [0, *range(12, len(lips) - 12)]
        agree.append([correlation(lips, np.roll(others, roll)) for roll in rolls])
        # The tongue's tip comes up for the same sounds.
        tips = (rows[:, -TONGUE_DIM + RISE] for rows in (live, file))
        tongues.append(correlation(*tips))
    now, *then = np.mean(agree, axis=0)
    assert now > np.percentile(then, 90)
    assert np.mean(tongues) > 0.7


def test_live_silence_stills_the_lips_and_not_the_head(spoken: np.ndarray) -> None:
    code = dynamics_code()
    quiet = without_tongue(whole(np.zeros(6 * SAMPLE_RATE, np.float32), 1280))[25:]
    loud = without_tongue(spoken)
    assert lip_activity(code, quiet) < 0.4 * lip_activity(code, loud)
    assert pose_change(quiet) > 0.05


def test_live_lips_stay_closed_in_silence() -> None:
    opening = lip_gap(dynamics_code().basis)
    silence = np.zeros(6 * SAMPLE_RATE, np.float32)
    rows = [whole(silence, 1280, settings=MotionSettings(seed=seed))[25:] for seed in range(4)]
    gaps = np.array([Row.split(part).codes @ opening for part in rows])
    assert np.mean(gaps > OPEN) < 0.05


def test_silence_is_read_once(speech: np.ndarray) -> None:
    read: list[bool] = []

    class CountingEncoder(MoonshineEncoder):
        def segment(self, samples: np.ndarray, *, first: int = 0) -> np.ndarray:
            read.append(bool(samples.any()))
            return super().segment(samples, first=first)

    silence = np.zeros(2 * SAMPLE_RATE, np.float32)
    sound = np.concatenate([silence, speech[:SAMPLE_RATE], silence])
    generator = StreamingGenerator(encoder=CountingEncoder())
    rows = generator.push(sound)
    assert read.count(False) == 1
    read_anew = StreamingGenerator()
    pieces = []
    for at in range(0, len(sound), 2 * FRAME_SAMPLES):
        read_anew._silence = None
        pieces.append(read_anew.push(sound[at : at + 2 * FRAME_SAMPLES]))
    np.testing.assert_array_equal(np.concatenate(pieces), rows)


def test_the_amount_scales_heads_and_changes_without_a_jump() -> None:
    silence = np.zeros(round(2.4 * SAMPLE_RATE), np.float32)

    def heads(amounts: tuple[float, float]) -> np.ndarray:
        generator = StreamingGenerator(MotionSettings(seed=1))
        parts = []
        for amount in amounts:
            generator.amount = Amount(head=amount)
            parts.append(generator.push(silence)[:, :3])
        return np.concatenate(parts)

    plain, half, risen = heads((1, 1)), heads((0.5, 0.5)), heads((0.5, 2))
    np.testing.assert_allclose(half, 0.5 * plain, atol=1e-5)
    np.testing.assert_allclose(risen[-25:], 2 * plain[-25:], atol=2e-3)
    step = np.linalg.norm(np.diff(risen, axis=0), axis=1)
    reached = np.abs(plain).max()
    # 1.5 times the head's offset is reached over half a second, not in a frame.
    assert step.max() < 2 * np.linalg.norm(np.diff(plain, axis=0), axis=1).max() + 0.3 * reached


def test_controls_can_change_while_it_runs() -> None:
    generator = StreamingGenerator()
    silence = np.zeros(3 * SAMPLE_RATE, np.float32)
    generator.controls = Controls(gaze=(15.0, 0.0))
    right = generator.push(silence)[-25:]
    generator.controls = Controls(gaze=(-15.0, 0.0))
    left = generator.push(silence)[-25:]
    yaws = [
        np.degrees((head_gaze(row.pose) + read_eye_turn(row.codes))[:, 0].mean())
        for row in map(Row.split, (right, left))
    ]
    assert yaws[0] > 8
    assert yaws[1] < -8


@pytest.mark.parametrize("samples", [2520, 3600, 4 * FRAME_SAMPLES])
def test_the_end_of_a_sound_is_no_frame_short(samples: int) -> None:
    generator = StreamingGenerator()
    sound = 0.1 * np.sin(np.arange(samples, dtype=np.float32))
    rows = len(generator.push(sound)) + len(generator.finish())
    assert rows == round(samples / FRAME_SAMPLES)
