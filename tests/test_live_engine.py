"""The live engine on a timeline of its own: chunking, accounts, late sound, interruption."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from live_runs import RATE, engine, lips, motions, run, sounds, voice
from live_stand_in import StandInControls, StandInGenerator

from openvasa.assets import EXAMPLE_VOICE
from openvasa.audio.decode import read_blocks
from openvasa.errors import InputError
from openvasa.face.dynamics import dynamics_code
from openvasa.live.assemble import assemble_engine
from openvasa.live.engine import Engine
from openvasa.live.frame import LiveSettings, State
from openvasa.live.sound_timeline import BACKLOG_S, LIVE_BACKLOG_S, LIVE_TARGET_S, PATIENCE_S
from openvasa.live.timeline import RELIEF_RATES, TICKS
from openvasa.motion.amount import Amount
from openvasa.motion.controls import Controls
from openvasa.motion.row import Row
from openvasa.rates import FRAME_RATES, SAMPLE_RATE

FPS = st.sampled_from(FRAME_RATES)
RATES = RELIEF_RATES + FRAME_RATES


@settings(max_examples=25, deadline=None)
@given(
    cuts=st.lists(st.integers(0, 2 * RATE), max_size=40),
    steps=st.lists(st.floats(0.001, 0.3), min_size=1, max_size=30),
    fps=FPS,
)
def test_any_chunking_gives_the_same_motion(cuts: list[int], steps: list[float], fps: int) -> None:
    spoken = voice(2)
    whole = engine(fps)
    whole.push(spoken, RATE)
    whole.end_speech()
    wanted = whole.advance(3.0)

    cut = engine(fps)
    bounds = [0, *sorted(cuts), len(spoken)]
    for start, stop in pairwise(bounds):
        cut.push(spoken[start:stop], RATE)
    cut.end_speech()
    frames, now, index = [], 0.0, 0
    while now < 3.0:
        now = min(3.0, now + steps[index % len(steps)])
        index += 1
        frames += cut.advance(now)
    assert len(frames) == len(wanted)
    np.testing.assert_array_equal(motions(frames), motions(wanted))
    np.testing.assert_array_equal(sounds(frames), sounds(wanted))
    assert [f.state for f in frames] == [f.state for f in wanted]


@settings(max_examples=20, deadline=None)
@given(
    sizes=st.lists(st.integers(1, round(0.03 * RATE)), min_size=1, max_size=20),
    delays=st.lists(st.floats(0, 0.9 * PATIENCE_S), min_size=1, max_size=20),
    fps=FPS,
)
def test_paced_chunks_are_as_good_as_one_push(
    sizes: list[int], delays: list[float], fps: int
) -> None:
    spoken = voice(1.5)
    wanted = engine(fps)
    wanted.push(spoken, RATE)
    paced = engine(fps)
    position, index, frames = 0, 0, []
    while position < len(spoken):
        # Small chunks come in bundles, so that the test does not take thousands of steps.
        for _ in range(max(1, 200 // sizes[index % len(sizes)])):
            chunk = sizes[index % len(sizes)]
            paced.push(spoken[position : position + chunk], RATE, live=True)
            position += chunk
        now = position / RATE + delays[index % len(delays)]
        frames += paced.advance(min(now, 1.5))
        index += 1
    assert paced.stats.stretched_s == paced.stats.dropped_s == 0
    same = wanted.advance(1.5)
    assert len(same) >= len(frames) > 20
    np.testing.assert_array_equal(motions(frames), motions(same[: len(frames)]))
    np.testing.assert_array_equal(sounds(frames), sounds(same[: len(frames)]))


@settings(max_examples=8, deadline=None)
@given(fps=FPS, hop=st.integers(1, 3), lookahead=st.integers(1, 3))
def test_budget_is_the_longest_wait(fps: int, hop: int, lookahead: int) -> None:
    live = engine(fps, hop, lookahead)
    waits = []
    # Frames and hops fall together again within 0.6 s at the latest.
    for now in np.arange(0, 1.2, 0.001):
        waits += [live.heard_s - frame.time_s for frame in live.advance(float(now))]
    assert max(waits) <= live.budget.total_s + 1e-9
    # No slack either: what is accounted for is really waited for.
    assert max(waits) > live.budget.total_s - 0.002


@given(fps=FPS)
@settings(max_examples=5, deadline=None)
def test_frames_and_sound_tile_the_timeline(fps: int) -> None:
    live = engine(fps)
    live.push(voice(1), RATE)
    frames = run(live, 3.0)
    for frame, after in pairwise(frames):
        assert frame.start + frame.length == after.start
        assert len(frame.sound) == (frame.length * RATE) // TICKS
    assert frames[0].start == 0


def test_sound_comes_out_as_it_went_in() -> None:
    live = engine()
    spoken = voice(1)
    run(live, 0.5)
    begins = live.heard_s
    live.push(spoken, RATE)
    live.end_speech()
    frames = run(live, 2.5, start=0.5)
    out = sounds(frames)
    start = round((begins - frames[0].time_s) * RATE)
    np.testing.assert_array_equal(out[start : start + len(spoken)], spoken)
    assert not out[:start].any()
    assert not out[start + len(spoken) :].any()
    ended = [f for f in frames if f.speeches_ended]
    assert len(ended) == 1
    last = begins + len(spoken) / RATE
    assert ended[0].time_s <= last <= ended[0].end_s


def test_lips_move_with_the_sound_that_is_beside_them() -> None:
    live = engine(fps=50)
    run(live, 0.4)
    live.push(voice(2), RATE)
    frames = run(live, 3, start=0.4)
    loudness = np.array([np.sqrt(np.mean(f.sound**2)) for f in frames])
    opening = lips(frames)
    shifts = range(-5, 6)
    fits = [np.corrcoef(np.roll(loudness, shift), opening)[0, 1] for shift in shifts]
    assert max(fits) > 0.85
    assert abs(shifts[int(np.argmax(fits))]) <= 1


def test_states_follow_the_voice() -> None:
    live = engine()
    run(live, 0.5)
    live.push(voice(1), RATE)
    live.end_speech()
    frames = run(live, 2.5, start=0.5)
    speaking = [f.time_s for f in frames if f.state is State.SPEAKING]
    assert 0.4 < speaking[0] < 0.6
    assert 1.5 < speaking[-1] < 2.0
    assert frames[-1].state is State.IDLE
    live.listening = True
    assert {f.state for f in run(live, 3.5, start=2.5)} == {State.LISTENING}


def test_it_listens_to_what_it_hears_and_not_while_it_speaks() -> None:
    other = np.concatenate(list(read_blocks(EXAMPLE_VOICE)))[: 8 * SAMPLE_RATE]
    live = engine()
    listening = []
    for start in range(8):
        live.hear(other[start * SAMPLE_RATE : (start + 1) * SAMPLE_RATE], SAMPLE_RATE)
        listening += run(live, start + 1, start=start)
    assert listening[-1].state is State.LISTENING
    pitch = motions(listening)[:, 0]
    assert np.ptp(pitch) > 0.015, "a nod"
    assert np.abs(np.diff(pitch)).max() < 0.02, "no jump"
    assert lips(listening).max() < 0.1, "the mouth stays shut"
    live.push(voice(2), RATE)
    live.hear(other, SAMPLE_RATE)
    assert State.LISTENING not in {f.state for f in run(live, 9.5, start=8)[20:]}


def test_interrupt_stops_within_a_tenth_of_a_second() -> None:
    live = engine()
    live.push(voice(5), RATE)
    before = run(live, 2.0)
    assert lips(before[-20:]).max() > 0.5
    live.interrupt()
    after = run(live, 4.0, start=2.0)
    out = sounds(after)
    assert not out[round(0.1 * RATE) :].any()
    steps = np.abs(np.diff(np.concatenate([sounds(before)[-200:], out])))
    assert steps.max() < 0.05, "no click"
    opening = lips(before + after)
    count = len(before)
    rest = lips(after[-10:]).max()
    assert opening[count + 8 :].max() < rest + 0.05, "closed within 200 ms"
    assert np.abs(np.diff(opening[count - 4 : count + 12])).max() < 0.35 * opening.max(), "gently"
    assert live.backlog_s == 0
    assert all(f.state is State.IDLE for f in after[10:])


def test_speech_right_after_an_interruption_is_heard_in_full() -> None:
    live = engine()
    live.push(voice(5), RATE)
    run(live, 2.0)
    live.interrupt()
    begins = live.heard_s
    live.push(voice(2, level=0.25), RATE)
    frames = run(live, 4.5, start=2.0)
    out = sounds(frames)
    start = round((begins - frames[0].time_s) * RATE)
    np.testing.assert_array_equal(out[start : start + 2 * RATE], voice(2, level=0.25))
    speaking = [f for f in frames if begins + 0.4 < f.time_s < begins + 1.9]
    assert lips(speaking).max() > 0.5


@pytest.mark.parametrize("pause", [0.0, 0.06, 0.12, 0.2])
def test_the_first_phone_after_an_interruption_opens_the_lips(pause: float) -> None:
    live = engine()
    live.push(voice(5), RATE)
    before = run(live, 2.0)
    live.interrupt()
    after = run(live, 2.0 + pause, start=2.0)
    begins = max(live.heard_s, 2.0 + pause)
    live.push(voice(2), RATE)
    after += run(live, 3.5, start=2.0 + pause)
    phone = [f for f in after if begins <= f.time_s < begins + 0.24]
    fluent = [f for f in before if 1.0 <= f.time_s < 1.24]
    assert lips(phone).max() > 0.6 * lips(fluent).max()
    cut = [f for f in after if f.time_s < begins]
    assert lips(cut[-1:]).max() < 0.3 * lips(fluent).max(), "the old speech is over by then"
    steps = np.abs(np.diff(lips(before[-2:] + after)))
    assert steps.max() < 0.35 * lips(fluent).max(), "no jump"


def test_controls_show_within_a_fifth_of_a_second() -> None:
    waits = []
    for phase in np.arange(0, 0.08, 0.01):
        live = engine()
        run(live, 1.0 + phase)
        live.controls = StandInControls(gaze=(0.5, 0.0))
        for now in np.arange(1.0 + phase, 2, 0.005):
            frames = live.advance(float(now))
            if any(abs(f.row[1]) > 0.25 for f in frames):
                waits.append(now - 1.0 - phase)
                break
    assert len(waits) == 8
    assert max(waits) <= 0.2


def test_late_sound_is_stretched_and_counted() -> None:
    live = engine()
    spoken = voice(1)
    live.push(spoken[:12000], RATE)
    frames = run(live, 0.7)
    live.push(spoken[12000:], RATE)
    frames += run(live, 3, start=0.7)
    gap = live.stats.stretched_s
    assert gap == pytest.approx(0.2, abs=0.02)
    out = sounds(frames)
    np.testing.assert_array_equal(out[:12000], spoken[:12000])
    second = 12000 + round(gap * RATE)
    assert not out[12000:second].any()
    np.testing.assert_array_equal(out[second : second + 6000], spoken[12000:18000])


def test_a_live_source_that_falls_behind_is_cut_back() -> None:
    live = engine()
    for chunk in np.split(voice(2), 100):
        live.push(chunk, RATE, live=True)
        assert live.backlog_s <= LIVE_BACKLOG_S
    assert live.stats.dropped_s > 1.5
    frames = run(live, 1.0)
    places = [f.speech_s for f in frames if f.speech_s is not None]
    assert 2.0 - LIVE_BACKLOG_S - 0.1 < places[0] < places[-1] < 2.0
    kept = live.stats.spoken_s
    assert kept + live.stats.dropped_s == pytest.approx(2.0, abs=1e-6)
    assert LIVE_TARGET_S <= kept <= LIVE_BACKLOG_S + 0.1
    assert np.abs(np.diff(sounds(frames))).max() < 0.1, "no click"


def test_a_microphone_does_not_talk_over_a_whole_speech() -> None:
    live, spoken = engine(), voice(1.0)
    live.push(spoken, RATE)
    live.end_speech()
    frames = []
    for i, chunk in enumerate(np.split(0.01 * voice(1.5), 150)):
        live.push(chunk, RATE, live=True)
        frames += live.advance(0.01 * i)
    out = sounds(frames)
    np.testing.assert_array_equal(out[:RATE], spoken)
    assert 0.9 < live.stats.dropped_s < 1.2, "only what came after the speech is heard"
    assert out[RATE:].any()


def test_more_than_fits_is_refused_and_counted() -> None:
    live = engine()
    hour = np.zeros(RATE * 3600, np.int16)
    refused = live.push(hour, RATE)
    assert refused == pytest.approx(3600 - BACKLOG_S, abs=1e-3)
    assert live.stats.refused_s == refused
    assert live.backlog_s == pytest.approx(BACKLOG_S, abs=1e-3)
    live.interrupt()
    assert live.backlog_s == 0


def test_idle_goes_on_and_takes_no_memory() -> None:
    live = engine()
    frames = 0
    for now in np.arange(0, 240, 0.1):
        frames += len(live.advance(float(now)))
        assert len(live._rows) < 20
        assert len(live._sound) < RATE
    assert frames == pytest.approx(240 * 40, abs=20)


def test_frame_rate_changes_without_a_seam() -> None:
    live = engine(fps=60)
    live.push(voice(3), RATE)
    frames = []
    for index, now in enumerate(np.arange(0, 3, 0.01)):
        if index % 40 == 39:
            live.fps = RATES[(index // 40) % len(RATES)]
        frames += live.advance(float(now))
    for frame, after in pairwise(frames):
        assert frame.start + frame.length == after.start
    np.testing.assert_array_equal(sounds(frames)[: 2 * RATE], voice(3)[: 2 * RATE])


def test_steering_reaches_the_generator() -> None:
    generator = StandInGenerator()
    live = Engine(generator, LiveSettings(rate=RATE))
    live.steer(StandInControls(gaze=(0.5, 0.0)), Amount(head=0.5))  # pyright: ignore[reportArgumentType]
    assert generator.amount == Amount(head=0.5)
    assert generator.controls.gaze == (0.5, 0.0)


def test_the_head_goes_no_farther_than_its_picture_allows() -> None:
    generator = StandInGenerator()
    live = Engine(generator, LiveSettings(rate=RATE))
    live.farthest = 1.1
    live.steer(Controls(distance=1.3), Amount())
    assert generator.controls.distance == 1.1
    live.farthest = 1.2
    assert generator.controls.distance == 1.2
    live.steer(Controls(distance=0.9), Amount())
    assert generator.controls.distance == 0.9


def test_strange_numbers_are_silence() -> None:
    live = engine()
    live.push(np.full(RATE, np.nan, np.float32), RATE)
    live.push(np.full(RATE, np.inf, np.float32), RATE)
    live.push(np.full(RATE, -1e9, np.float32), RATE)
    frames = run(live, 4)
    assert np.isfinite(motions(frames)).all()
    assert np.abs(sounds(frames)).max() <= 1.0


@pytest.mark.parametrize(("name", "value"), [("fps", 33), ("fps", 0), ("rate", 44100)])
def test_settings_are_checked(name: str, value: int) -> None:
    with pytest.raises(InputError, match=f"{name} {value}: choose one of"):
        LiveSettings(**{name: value})
    with pytest.raises(InputError, match="sound at 1000 Hz"):
        engine().push(np.zeros(10, np.float32), 1000)


@pytest.mark.slow
def test_an_emotion_that_is_put_away_is_gone_within_two_seconds() -> None:
    code, begun_s, put_away_s = dynamics_code(), 0.5, 2.0

    def mean_shape(emotion: dict[str, float] | None) -> np.ndarray:
        """Weights from two seconds after the emotion was put away, of silence."""
        live, rows = assemble_engine(LiveSettings(fps=25)), []
        for step in range(1, 63):
            now = step * 0.08
            steered = emotion if begun_s <= now < put_away_s else None
            live.steer(Controls(emotion=steered), Amount())
            rows += [frame for frame in live.advance(now) if frame.time_s > put_away_s + 2]
        return code.read_arkit(np.array([Row.split(frame.row).codes for frame in rows])).mean(
            axis=0
        )

    rest = mean_shape(None)
    for name in ("surprised", "happy"):
        np.testing.assert_allclose(mean_shape({name: 1.0}), rest, atol=0.05, err_msg=name)
