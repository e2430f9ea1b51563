"""Sound of any rate into a stream and out of it."""

from __future__ import annotations

import numpy as np
import pytest
from live_runs import engine, run, sounds

from openvasa.live.frame_resampler import FrameResampler
from openvasa.live.resample import StreamResampler
from openvasa.rates import FRAME_SAMPLES, SAMPLE_RATE


@pytest.mark.parametrize("rate", [8000, 16000, 22050, 44100, 48000])
@pytest.mark.parametrize("out", [16000, 24000, 48000])
def test_any_rate_keeps_its_length_and_pitch(rate: int, out: int) -> None:
    live = engine(rate=out)
    time = np.arange(rate) / rate
    live.push((0.3 * np.sin(2 * np.pi * 440 * time)).astype(np.float32), rate)
    live.end_speech()
    sound = sounds(run(live, 2.0))[:out]
    wanted = 0.3 * np.sin(2 * np.pi * 440 * np.arange(out) / out)
    np.testing.assert_allclose(sound[200:-200], wanted[200:-200], atol=2e-3)


@pytest.mark.parametrize("rate", [16000, 24000, 44100, 48000])
def test_frames_come_whole_and_as_soon_as_their_sound_is_in(rate: int) -> None:
    sound = np.random.default_rng(0).uniform(-0.5, 0.5, rate).astype(np.float32)
    frames, stream = FrameResampler(rate), StreamResampler(rate, SAMPLE_RATE)
    asked, heard = 0, np.zeros(0, np.float32)
    given = np.zeros(0, np.float32)
    for piece in np.split(sound, range(rate // 100, rate, rate // 100)):
        heard = np.concatenate([heard, stream.push(piece)])
        new = frames.push(piece)
        asked += len(new) > 0
        given = np.concatenate([given, new])
        np.testing.assert_array_equal(given, heard[: len(given)])
        assert len(given) // FRAME_SAMPLES == len(heard) // FRAME_SAMPLES
    # 25 frames; an extra time where a sample is missing.
    assert asked <= 50
    given = np.concatenate([given, frames.flush()])
    np.testing.assert_array_equal(given, heard)
