"""One receiver's queue of pictures and sound."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from openvasa.live.frame import TICKS, LiveFrame, State
from openvasa.live.outlet import Outlet
from openvasa.live.player import Shown

RATE = 24000


def shown(time_s: float) -> Shown:
    start, length = round(time_s * TICKS), TICKS // 25
    frame = LiveFrame(start, length, np.zeros(4, np.float32), np.zeros(RATE // 25), State.IDLE)
    return Shown(frame, np.zeros((2, 2, 3), np.uint8), 0, 0.0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize("joined_s", [0.0, 19.8])
def test_who_joins_later_hears_and_sees_the_same_moment(joined_s: float) -> None:
    async def take() -> None:
        outlet = Outlet(RATE)
        for number in range(5):
            outlet.put(shown(joined_s + number / 25))
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
