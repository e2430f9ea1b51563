"""Rooms are muted between words, words are not, and chunks do not matter."""

from __future__ import annotations

import numpy as np
import pytest

from openvasa.audio.gate import FEWEST, HELD, STEP, NoiseGate
from openvasa.rates import SAMPLE_RATE

SECOND = SAMPLE_RATE


def noise(seconds: float, dbfs: float, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    sound = rng.normal(size=round(seconds * SECOND)) * 10 ** (dbfs / 20)
    return sound.astype(np.float32)


def word(seconds: float = 0.5, dbfs: float = -20.0) -> np.ndarray:
    return noise(seconds, dbfs, seed=1)


def said_in(room_dbfs: float) -> tuple[np.ndarray, slice, slice]:
    """Room, a word, room; where the word is, and where only the room is, well after it."""
    sound = noise(3.0, room_dbfs)
    start, stop = SECOND, SECOND + SECOND // 2
    sound[start:stop] += word()
    return sound, slice(start, stop), slice(stop + (HELD + 2) * STEP, len(sound))


@pytest.mark.parametrize("room", [-60.0, -45.0, -40.0])
def test_a_room_is_muted_and_the_word_in_it_passes(room: float) -> None:
    sound, said, after = said_in(room)
    heard = NoiseGate().apply(sound)
    assert not heard[(FEWEST + HELD) * STEP : said.start - STEP].any()
    assert not heard[after].any()
    inside = slice(said.start + STEP, said.stop)
    np.testing.assert_array_equal(heard[inside], sound[inside])


def test_speech_from_the_first_sample_on_passes() -> None:
    heard = NoiseGate().apply(word(2.0))
    np.testing.assert_array_equal(heard[STEP:], word(2.0)[STEP:])


def test_a_steady_loud_sound_is_no_room() -> None:
    hum = noise(6.0, -25.0)
    np.testing.assert_array_equal(NoiseGate().apply(hum)[STEP:], hum[STEP:])


@pytest.mark.parametrize("chunk", [1000, 640, 77])
def test_chunks_do_not_matter(chunk: int) -> None:
    sound, *_ = said_in(-45.0)
    gate = NoiseGate()
    pieces = [gate.apply(sound[at : at + chunk]) for at in range(0, len(sound), chunk)]
    whole = NoiseGate().apply(sound)
    np.testing.assert_array_equal(np.concatenate(pieces), whole)


def test_what_is_foreseen_is_what_comes() -> None:
    sound, *_ = said_in(-45.0)
    gate = NoiseGate()
    at = SECOND + 100
    gate.apply(sound[:at])
    foreseen = gate.foresee(sound[at : at + 3200])
    np.testing.assert_array_equal(foreseen, gate.apply(sound[at : at + 3200]))


@pytest.mark.parametrize("gap", [(0.0, 1.0), (1.7, 1.74)])
def test_a_streams_own_silence_is_no_room(gap: tuple[float, float]) -> None:
    sound, said, after = said_in(-45.0)
    start, stop = (round(second * SECOND) for second in gap)
    sound = np.concatenate([sound[:start], np.zeros(stop - start, np.float32), sound[start:]])
    heard = NoiseGate().apply(sound)
    late = after.start + stop - start
    assert not heard[late:].any()
    first, last = (
        (said.start + stop - start, said.stop + stop - start)
        if not start
        else (
            said.start,
            said.stop,
        )
    )
    np.testing.assert_array_equal(heard[first + STEP : last], sound[first + STEP : last])


def test_a_soft_onset_after_silence_passes() -> None:
    onset = word(0.2, -35.0)
    sound = np.concatenate([np.zeros(SECOND, np.float32), onset[: 4 * STEP], word(0.5)])
    heard = NoiseGate().apply(sound)
    np.testing.assert_array_equal(heard[SECOND + STEP :], sound[SECOND + STEP :])
