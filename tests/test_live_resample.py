"""Sound of any rate into a stream and out of it."""

from __future__ import annotations

import numpy as np
import pytest
from live_runs import engine, run, sounds


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
