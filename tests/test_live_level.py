"""The running gain: same target as for files, causal, gliding, deaf to noise."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openvasa.assets import EXAMPLE_VOICE
from openvasa.audio.decode import read_blocks
from openvasa.audio.level import speech_gain
from openvasa.live.level import FALL_DB_S, RISE_DB_S, WINDOW, RunningGain


def spoken(change_db: float = 0.0) -> np.ndarray:
    voice = np.concatenate(list(read_blocks(EXAMPLE_VOICE)))
    return np.clip(voice * 10 ** (change_db / 20), -1, 1).astype(np.float32)


@pytest.mark.parametrize("change_db", [-20.0, -10.0, 0.0, 4.0])
def test_ends_near_the_gain_of_the_whole_file(change_db: float) -> None:
    voice = spoken(change_db)
    gain = RunningGain()
    gain.apply(voice)
    assert gain.gain_db == pytest.approx(20 * np.log10(speech_gain([voice])), abs=1.5)


@settings(max_examples=15, deadline=None)
@given(cuts=st.lists(st.integers(0, 60000), max_size=30))
def test_chunking_changes_nothing(cuts: list[int]) -> None:
    voice = spoken()[:60000]
    gain = RunningGain()
    pieces = [gain.apply(voice[a:b]) for a, b in pairwise([0, *sorted(cuts), len(voice)])]
    np.testing.assert_array_equal(np.concatenate(pieces), RunningGain().apply(voice))


def test_glides() -> None:
    gain, before = RunningGain(), 0.0
    loud_and_quiet = np.concatenate([spoken(-30), spoken(6), spoken(-30)])
    for start in range(0, len(loud_and_quiet), WINDOW):
        gain.apply(loud_and_quiet[start : start + WINDOW])
        assert -FALL_DB_S * 0.04 - 1e-9 <= gain.gain_db - before <= RISE_DB_S * 0.04 + 1e-9
        before = gain.gain_db


def test_noise_and_pauses_leave_it_alone() -> None:
    noise = np.random.default_rng(0).standard_normal(16000 * 20).astype(np.float32)
    gain = RunningGain()
    gain.apply(noise * 10 ** (-50 / 20))
    assert abs(gain.gain_db) < 1
    gain.apply(spoken(-15))
    after_speech = gain.gain_db
    gain.apply(noise * 10 ** (-65 / 20))
    gain.apply(np.zeros(160000, np.float32))
    assert gain.gain_db == pytest.approx(after_speech, abs=1.0)
