"""Live as it ships: the streaming generator joined to the engine, for a few seconds of speech."""

from __future__ import annotations

import numpy as np
import pytest

from openvasa.assets import EXAMPLE_VOICE
from openvasa.audio.decode import read_blocks
from openvasa.face.dynamics import dynamics_code, lip_gap
from openvasa.live.assemble import assemble_engine
from openvasa.live.frame import LiveFrame, LiveSettings, State
from openvasa.motion.amount import Amount
from openvasa.motion.row import Row
from openvasa.motion.settings import MotionSettings
from openvasa.motion.speech_motion import SpeechMotion

SAMPLE_RATE = 16000
SETTINGS = LiveSettings(fps=40, rate=16000)
SPEECH_S = 3.0


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    voice = np.concatenate(list(read_blocks(EXAMPLE_VOICE)))
    return voice[: round(SPEECH_S * SAMPLE_RATE)]


def stream(speech: np.ndarray, settings: MotionSettings, chunk_s: float) -> list[LiveFrame]:
    """Frames of a speech that is pushed in chunks as it is spoken, and of a second of silence."""
    engine = assemble_engine(SETTINGS, SpeechMotion(settings))
    frames, count = [], round(chunk_s * SAMPLE_RATE)
    for start in range(0, len(speech), count):
        engine.push(speech[start : start + count], SAMPLE_RATE, live=True)
        frames += engine.advance((start + count) / SAMPLE_RATE)
    engine.end_speech()
    return frames + engine.advance(SPEECH_S + 1.0)


def measure_gaps(frames: list[LiveFrame]) -> np.ndarray:
    """(n,) distance of the lips, canonical units."""
    dynamics = np.array([Row.split(frame.row).codes for frame in frames])
    return lip_gap(dynamics_code().mean_shape + dynamics_code().decode(dynamics))


def test_the_shipped_model_speaks_through_the_engine(speech: np.ndarray) -> None:
    frames = stream(speech, MotionSettings(), 0.02)
    assert len(frames) > 40 * (SPEECH_S + 0.7)
    assert np.isfinite([frame.row for frame in frames]).all()
    assert State.SPEAKING in {frame.state for frame in frames}
    heard = np.concatenate([frame.sound for frame in frames])
    np.testing.assert_array_equal(heard[: len(speech)], speech)
    gaps = measure_gaps(frames)
    spoken, resting = gaps[: round(40 * SPEECH_S)], gaps[-10:]
    assert np.ptp(spoken) > 0.5, "the mouth moves"
    assert resting.max() < 0.5 * spoken.max(), "and closes"
    loudness = np.array([np.sqrt(np.mean(frame.sound**2)) for frame in frames])
    assert np.corrcoef(loudness, gaps)[0, 1] > 0.25, "with the sound beside it"


def test_the_shipped_model_moves_alike_in_chunks_that_tell_nothing_ahead(
    speech: np.ndarray,
) -> None:
    # Chunks of up to one row of motion; of longer ones the rest is heard ahead.
    first, second = (stream(speech[:SAMPLE_RATE], MotionSettings(), s) for s in (0.01, 0.04))
    a, b = (np.array([frame.row for frame in frames]) for frames in (first, second))
    np.testing.assert_allclose(a, b, atol=1e-5)


def test_amounts_reach_a_stream(speech: np.ndarray) -> None:
    calm, lively = (
        np.array([f.row for f in stream(speech, MotionSettings(amount=Amount(head=head)), 0.02)])
        for head in (0.5, 1.5)
    )
    assert lively[:, :3].std(axis=0).sum() > 1.3 * calm[:, :3].std(axis=0).sum()
