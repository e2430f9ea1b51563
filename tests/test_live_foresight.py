"""Speech that was pushed faster than it is said is known ahead: its motion hears it."""

from __future__ import annotations

import numpy as np
import pytest
from live_runs import RATE, run, voice
from live_stand_in import StandInGenerator

from openvasa.assets import EXAMPLE_VOICE
from openvasa.audio.decode import read_blocks
from openvasa.audio.level import speech_gain
from openvasa.cli import make_parser
from openvasa.commands.streaming import read_streaming
from openvasa.errors import InputError
from openvasa.evaluate.motion_metrics import aperture, correlation
from openvasa.face.dynamics import dynamics_code
from openvasa.live.engine import Engine
from openvasa.live.frame import LiveSettings
from openvasa.live.frame_resampler import FrameResampler
from openvasa.live.samples import SampleQueue
from openvasa.motion.row import without_tongue
from openvasa.motion.settings import MotionSettings
from openvasa.motion.speech_motion import SpeechMotion
from openvasa.motion.streaming import LONGEST, StreamingGenerator
from openvasa.rates import FRAME_SAMPLES, SAMPLE_RATE

HOP, LOOKAHEAD = 2, 1
ROOM = (LONGEST - HOP - LOOKAHEAD) * FRAME_SAMPLES
"""Samples that a window may hear behind its look-ahead."""
LEVEL = 0.14
"""Of a voice that needs no gain: a gain that glides while a voice waits is not foreseen."""


class AskingGenerator(StreamingGenerator):
    """Writes down what it was told of what comes, by where that begins."""

    def __init__(self) -> None:
        super().__init__(hop=HOP, lookahead=LOOKAHEAD)
        self.pushed = np.zeros(0, np.float32)
        self.told: list[tuple[int, np.ndarray]] = []

    def push(self, samples: np.ndarray) -> np.ndarray:
        self.pushed = np.concatenate([self.pushed, samples])
        return super().push(samples)

    def _foresee(self, need: int) -> np.ndarray:
        told = super()._foresee(need)
        waiting = len(self._held) - need + self._gate.waiting
        self.told.append((len(self.pushed) - waiting, told))
        return told


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    samples = np.concatenate(list(read_blocks(EXAMPLE_VOICE)))[: 6 * SAMPLE_RATE]
    return samples * np.float32(speech_gain([samples]))


def asked(rate: int) -> tuple[Engine, AskingGenerator]:
    generator = AskingGenerator()
    return Engine(generator, LiveSettings(rate=rate, hop=HOP, lookahead=LOOKAHEAD)), generator


@pytest.mark.parametrize("rate", [16000, 24000, 48000])
def test_speech_that_waits_is_foreseen_as_it_is_heard_later(rate: int) -> None:
    live, generator = asked(rate)
    live.push(voice(2, rate, LEVEL), rate)
    live.end_speech()
    run(live, 2.5)
    foreseen = [(at, told) for at, told in generator.told if at < 1.5 * SAMPLE_RATE]
    assert len(foreseen) > 15
    for at, told in foreseen:
        assert len(told) == ROOM
        heard = generator.pushed[at : at + ROOM]
        np.testing.assert_allclose(told, heard, atol=0.1 * np.abs(heard).max() + 1e-4)


def test_the_silence_after_a_speech_is_foreseen() -> None:
    live, generator = asked(RATE)
    live.push(voice(1), RATE)
    live.end_speech()
    run(live, 1.2)
    told = [told for at, told in generator.told if 0.9 * SAMPLE_RATE < at < 0.98 * SAMPLE_RATE]
    assert told
    for foreseen in told:
        assert len(foreseen) == ROOM
        assert not foreseen[-FRAME_SAMPLES:].any()


def test_nothing_is_foreseen_of_a_voice_that_comes_as_it_is_said() -> None:
    live, generator = asked(RATE)
    for at in range(0, RATE, RATE // 50):
        live.push(voice(1)[at : at + RATE // 50], RATE, live=True)
        live.advance(at / RATE)
    assert max(len(told) for _, told in generator.told) <= FRAME_SAMPLES


def test_a_generator_that_foresees_nothing_is_not_asked_to() -> None:
    generator = StandInGenerator()
    live = Engine(generator, LiveSettings(rate=RATE))
    live.push(voice(1), RATE)
    assert run(live, 0.8)
    assert not hasattr(generator, "coming")


def test_lips_of_speech_that_is_known_are_nearer_to_those_of_files(speech: np.ndarray) -> None:
    code = dynamics_code()

    def lips(known: bool, seed: int) -> np.ndarray:
        source = SpeechMotion(MotionSettings(seed=seed)).live(HOP, LOOKAHEAD)
        rows = []
        for at in range(0, len(speech), FRAME_SAMPLES):
            if known:
                source.coming = lambda n, end=at + FRAME_SAMPLES: speech[end : end + n]
            rows.append(source.push(speech[at : at + FRAME_SAMPLES]))
        return aperture(code, without_tongue(np.concatenate(rows)))

    agreement = {True: [], False: []}
    for seed in range(3):
        file = np.concatenate(list(SpeechMotion(MotionSettings(seed=seed)).frames([speech])))
        wanted = aperture(code, without_tongue(file))
        for known in agreement:
            made = lips(known, seed)
            agreement[known].append(correlation(made, wanted[: len(made)]))
    assert np.mean(agreement[True]) > np.mean(agreement[False])


def test_a_window_that_the_network_does_not_know_is_refused_before_a_server_starts() -> None:
    options = make_parser().parse_args(["talk", "--hop", "1", "--lookahead", "0"])
    with pytest.raises(InputError, match="hop 1, look-ahead 0: together 2 to 7"):
        read_streaming(options)


@pytest.mark.parametrize("rate", [16000, 24000, 44100, 48000])
def test_what_is_foreseen_joins_what_was_given(rate: int) -> None:
    sound = np.random.default_rng(0).uniform(-0.5, 0.5, rate).astype(np.float32)
    whole = FrameResampler(rate)
    heard = np.concatenate([whole.push(sound), whole.flush()])
    stream, given, done = FrameResampler(rate), 0, 0
    for step in (rate // 100, rate // 30, rate // 50, rate // 25, rate // 7):
        given += len(stream.push(sound[done : done + step]))
        done += step
        count = stream.foreseen_from(ROOM)
        told = stream.foresee(sound[done : done + count])
        assert len(told) >= ROOM
        np.testing.assert_allclose(told[:ROOM], heard[given : given + ROOM], atol=1e-3)


def test_a_queue_that_was_looked_at_stays_as_it_was() -> None:
    queue = SampleQueue()
    queue.append(np.arange(3, dtype=np.float32))
    queue.append(np.arange(3, 5, dtype=np.float32))
    queue.mark()
    np.testing.assert_array_equal(queue.peek(4), [0, 1, 2, 3])
    assert (queue.taken, len(queue), queue.ends_at_mark) == (0, 5, True)
    np.testing.assert_array_equal(queue.take(9), np.arange(5))
