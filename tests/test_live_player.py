"""The player with painters that sleep: interruption and overload."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise

import numpy as np
from live_stand_in import StandInGenerator

from openvasa.live.compute_time import STEP
from openvasa.live.engine import Engine
from openvasa.live.frame import LiveSettings
from openvasa.live.governor import Pace
from openvasa.live.player import Player, Shown

RATE = 24000
VOICE = (0.3 * np.sin(np.arange(4 * RATE) / 5)).astype(np.float32)
PICTURE = np.zeros((8, 8, 3), np.uint8)


class TurnClock:
    """Time that passes by the turns of the engine's thread, not while a sleeper ought to wake."""

    def __init__(self) -> None:
        self._now = 0.0
        self._wakes_at = np.inf
        self._changed = threading.Condition()

    def __call__(self) -> float:
        with self._changed:
            if threading.current_thread().name == "player":
                self._wait_for(lambda: self._now < self._wakes_at)
                self._now += 0.008
                self._changed.notify_all()
            return self._now

    def sleep(self, seconds: float) -> None:
        with self._changed:
            self._wakes_at = self._now + seconds
            self._wait_for(lambda: self._now >= self._wakes_at)
            self._wakes_at = np.inf
            self._changed.notify_all()

    def _wait_for(self, holds: Callable[[], bool]) -> None:
        assert self._changed.wait_for(holds, 20), "no time passes"


@contextmanager
def playing(
    paint: Callable[[np.ndarray, float], np.ndarray],
    fps: int = 25,
    clock: Callable[[], float] = time.perf_counter,
) -> Iterator[tuple[Player, list[Shown]]]:
    shown: list[Shown] = []
    engine = Engine(StandInGenerator(), LiveSettings(fps=fps, rate=RATE))
    player = Player(engine, paint, shown.append, clock=clock)
    player.start()
    try:
        yield player, shown
    finally:
        player.stop()
        assert player.error is None


def say(player: Player) -> None:
    player.tell(lambda engine: engine.push(VOICE, RATE))
    player.tell(Engine.end_speech)


def wait_until(holds: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.02)


def ended(shown: list[Shown]) -> bool:
    return any(s.frame.speeches_ended for s in list(shown))


def heard(shown: list[Shown]) -> np.ndarray:
    return np.concatenate([s.frame.sound for s in shown])


def spoken_part(sound: np.ndarray) -> np.ndarray:
    """As much of a sound as the voice is long, from where it is no longer silent."""
    start = int(np.flatnonzero(sound)[0]) - 1
    return sound[start : start + len(VOICE)]


def test_an_interruption_is_not_followed_by_the_engines_fade() -> None:
    with playing(lambda motion, time_s: PICTURE) as (player, shown):
        say(player)
        wait_until(lambda: len(shown) > 3 and bool(shown[-1].frame.sound.any()), 20)
        player.interrupt()
        made = len(shown)
        wait_until(lambda: len(shown) > made + 10, 20)
        after = [player.current(s) for s in shown[made:]]
    assert not heard(after).any()
    assert not any(s.speaks for s in after)


def test_four_on_one_slow_core_give_way_and_lose_no_sound() -> None:
    core = threading.Lock()

    def paint(motion: np.ndarray, time_s: float) -> np.ndarray:
        with core:
            time.sleep(0.016)
        return PICTURE

    # 4 × 25 pictures of 16 ms ask for 1.6 cores.
    with (
        playing(paint) as one,
        playing(paint) as two,
        playing(paint) as three,
        playing(paint) as four,
    ):
        sessions = [one, two, three, four]
        for player, _ in sessions:
            say(player)
        wait_until(lambda: all(ended(shown) for _, shown in sessions), 60)
    for player, shown in sessions:
        assert player.governor.pace != Pace(25, 2), "hop or rate gave way"
        for frame, following in pairwise(shown):
            assert frame.frame.end_s == following.frame.time_s, "no gap in the timeline"
        np.testing.assert_allclose(spoken_part(heard(shown)), VOICE, atol=1e-6)
        pictures = sum(s.picture is not None for s in shown)
        assert pictures > 0.3 * len(shown)


def test_a_hop_that_grows_under_load_never_tears_the_speech() -> None:
    clock = TurnClock()

    def paint(motion: np.ndarray, time_s: float) -> np.ndarray:
        if time_s < 3:
            clock.sleep(0.039)
        return PICTURE

    with playing(paint, clock=clock) as (player, shown):
        say(player)
        wait_until(lambda: ended(shown), 60)
    assert player.stats.stalled_s == 0
    assert player.governor.pace.hop > 2
    waited = [s.due_at - s.sounded_at for s in shown]
    lengths = [s.frame.end_s - s.frame.time_s for s in shown]
    assert max(waited) > waited[0] + 0.05, "the hop is longer"
    # Frames of one length are given more little by little.
    for (before, was), (after, now) in pairwise(zip(waited, lengths, strict=True)):
        assert was != now or abs(after - before) <= STEP * now + 1e-6
    for frame, following in pairwise(shown):
        assert frame.frame.end_s == following.frame.time_s
    np.testing.assert_allclose(spoken_part(heard(shown)), VOICE, atol=1e-6)


def test_motion_goes_on_while_a_picture_is_painted() -> None:
    painting, go_on = threading.Event(), threading.Event()

    def paint(motion: np.ndarray, time_s: float) -> np.ndarray:
        painting.set()
        assert go_on.wait(20)
        return PICTURE

    with playing(paint) as (player, shown):
        assert painting.wait(20)
        made: list[float] = []

        def half_a_second_on() -> bool:
            player.tell(lambda engine: made.append(engine.shown_s))
            return bool(made) and made[-1] > made[0] + 0.5

        wait_until(half_a_second_on, 20)
        go_on.set()
        wait_until(lambda: len(shown) > 12, 20)
    times = [s.frame.time_s for s in shown]
    assert times == sorted(times)
    assert shown[0].picture is not None, "too late, but the first in a quarter of a second"
    assert shown[1].picture is None, "due while the first was painted"


def test_a_painter_that_fails_ends_the_player() -> None:
    def paint(motion: np.ndarray, time_s: float) -> np.ndarray:
        raise ValueError("no canvas")

    player = Player(Engine(StandInGenerator(), LiveSettings(fps=25, rate=RATE)), paint, print)
    player.start()
    wait_until(lambda: player.error is not None, 20)
    player.stop()
    assert str(player.error) == "no canvas"
