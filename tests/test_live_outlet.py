"""One receiver's queue of pictures and sound."""

from __future__ import annotations

import asyncio
import time

import numpy as np
import pytest

from openvasa.live.frame import TICKS, LiveFrame, State
from openvasa.live.outlet import Outlet
from openvasa.live.player import Shown

RATE = 24000


def shown(time_s: float, due_at: float = 0.0) -> Shown:
    start, length = round(time_s * TICKS), TICKS // 25
    frame = LiveFrame(start, length, np.zeros(4, np.float32), np.zeros(RATE // 25), State.IDLE)
    return Shown(frame, np.zeros((2, 2, 3), np.uint8), 0, 0.0, 0.0, 0.0, due_at)


@pytest.mark.parametrize("joined_s", [0.0, 19.8])
def test_who_joins_later_hears_and_sees_the_same_moment(joined_s: float) -> None:
    async def take() -> None:
        outlet = Outlet(RATE)
        due_at = time.perf_counter() + 0.2
        for number in range(5):
            outlet.put(shown(joined_s + number / 25, due_at))
        for number in range(4):
            picture, sound = await outlet.picture(), await outlet.sound(RATE // 25)
            assert picture is not None
            assert sound is not None
            assert picture.time_s == pytest.approx(joined_s + number / 25)
            assert sound.position / RATE == pytest.approx(picture.time_s)

    asyncio.run(take())


def test_sound_that_is_lost_keeps_its_place_on_the_timeline() -> None:
    async def take() -> None:
        outlet = Outlet(RATE)
        for number in range(75):
            outlet.put(shown(10 + number / 25))
        sound = await outlet.sound(RATE // 25)
        assert sound is not None
        assert sound.position / RATE == pytest.approx(11)

    asyncio.run(take())


@pytest.mark.parametrize("fps", [25, 60])
def test_pictures_that_are_made_early_wait_until_they_are_due(fps: int) -> None:
    """As many as a long hop's time holds: 0.3 s."""

    async def take() -> None:
        outlet = Outlet(RATE)
        begun = time.perf_counter() + 0.2
        for number in range(round(0.3 * fps)):
            outlet.put(shown(number / fps, begun + number / fps))
        assert outlet.pictures_lost == 0
        first = await outlet.picture()
        assert first is not None
        assert first.time_s == 0
        assert time.perf_counter() >= begun

    asyncio.run(take())


def test_a_receiver_that_is_behind_gets_the_last_picture_that_is_due() -> None:
    async def take() -> None:
        outlet = Outlet(RATE)
        now = time.perf_counter()
        for number in range(8):
            outlet.put(shown(number / 25, now + (number - 5) * 10))
        assert outlet.pictures_lost == 5
        picture = await outlet.picture()
        assert picture is not None
        assert picture.time_s == pytest.approx(5 / 25)

    asyncio.run(take())
