"""The judge of sentence ends tells a mouth that closes from one that hangs open."""

from __future__ import annotations

import numpy as np

from openvasa.evaluate.sentence_ends import (
    FLOORS,
    OPEN_GAP,
    Ends,
    end_in_room,
    ends_report,
    find_word_ends,
    judge_ends,
)
from openvasa.face.canonical import POSE_DIM
from openvasa.face.dynamics import dynamics_code, lip_gap
from openvasa.rates import FRAME_SAMPLES, SAMPLE_RATE

WORD_ENDS = (2.0, 3.0)


def speech() -> np.ndarray:
    """Two bursts of noise at the level of speech, up to `WORD_ENDS`."""
    sound = 0.1 * np.random.default_rng(0).standard_normal(4 * SAMPLE_RATE)
    time = np.arange(len(sound)) / SAMPLE_RATE
    sound[(time > 2.0) & (time < 2.4) | (time > 3.0)] *= 1e-3
    return sound.astype(np.float32)


def opening(gaps: np.ndarray) -> np.ndarray:
    """(T, 6 + D) motion whose lips are (T,) canonical units apart."""
    code = dynamics_code()
    reading = lip_gap(code.basis)
    motion = np.zeros((len(gaps), POSE_DIM + code.size), np.float32)
    motion[:, POSE_DIM:] = gaps[:, None] * reading / (reading @ reading)
    return motion


def follow_loudness(sound: np.ndarray, hold: int = 0) -> np.ndarray:
    """A mouth that is open where it is loud and `hold` frames longer."""
    frames = sound[: len(sound) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)
    loud = np.sqrt(np.square(frames).mean(axis=1)) > 0.03
    held = np.array([loud[max(0, at - hold) : at + 1].any() for at in range(len(loud))])
    return opening(np.where(held, 4 * OPEN_GAP, 0))


def test_words_end_where_speech_falls_silent() -> None:
    found = np.array(find_word_ends(speech())) / SAMPLE_RATE
    assert np.abs(found - WORD_ENDS).max() < 0.02


def test_a_room_goes_on_after_the_word() -> None:
    rng = np.random.default_rng(0)
    sound, last = end_in_room(speech(), 2 * SAMPLE_RATE, -40.0, rng)
    after = sound[(last + 2) * FRAME_SAMPLES : (last + 25) * FRAME_SAMPLES]
    assert abs(20 * np.log10(np.sqrt(np.square(after).mean())) + 40) < 2


def test_a_mouth_that_closes_passes_and_one_that_hangs_open_does_not() -> None:
    closing = judge_ends([speech()], lambda sound, seed: follow_loudness(sound))
    hanging = judge_ends([speech()], lambda sound, seed: follow_loudness(sound, hold=40))
    slow = judge_ends([speech()], lambda sound, seed: follow_loudness(sound, hold=8))
    assert [end.floor for end in closing] == list(FLOORS)
    assert all(end == Ends(end.floor, 2, 0.0, 0.0, 0.0, 0.0) for end in closing)
    assert all(end.hanging == end.slow == 1 for end in hanging)
    assert all(end.hanging == 0 and end.slow == 1 for end in slow)
    assert "| generator | digital silence | 2 | 0 | 0 | 0 | 0 |" in ends_report(
        {"generator": closing}
    )
