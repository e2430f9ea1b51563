"""Between the painting thread and whoever sends: frames wait for the moment they are due.

Picture and sound of a frame are let go at the same moment, so whatever clock the receiver keeps,
their distance stays what it is on the timeline.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import dataclass

import numpy as np

from openvasa.live.player import Shown
from openvasa.live.sound_timeline import FADE_S

SOUND_S = 2.0
"""Sound that may wait, s; a receiver that stops taking it loses the oldest."""


@dataclass(frozen=True)
class Picture:
    """A picture to show from `time_s` of the timeline on; due at `due_at` on the player's clock."""

    time_s: float
    pixels: np.ndarray
    due_at: float


@dataclass(frozen=True)
class Sound:
    """A stretch of sound: (n,) float32 from sample `position` of the timeline, due at `due_at`."""

    position: int
    samples: np.ndarray
    due_at: float


class Outlet:
    """One receiver's queue of pictures and sound; lives in the event loop.

    Args:
        rate: of the sound, Hz.
    """

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self.pictures_lost = 0
        self._pictures: deque[Shown] = deque()
        self._sound: deque[tuple[float, np.ndarray]] = deque()
        self._waiting = 0
        self._position: int | None = None
        self._news = asyncio.Event()
        self._closed = False

    def put(self, shown: Shown) -> None:
        """Add a frame. A receiver that is behind loses the pictures whose successors are due."""
        if shown.picture is not None:
            self._pictures.append(shown)
            now = time.perf_counter()
            while len(self._pictures) > 1 and self._pictures[1].due_at <= now:
                self._pictures.popleft()
                self.pictures_lost += 1
        if self._position is None:
            # Who comes later begins where the timeline is, as its pictures do.
            self._position = round(shown.frame.time_s * self.rate)
        self._sound.append((shown.due_at, shown.frame.sound))
        self._waiting += len(shown.frame.sound)
        while self._waiting > SOUND_S * self.rate:
            _, lost = self._sound.popleft()
            self._waiting -= len(lost)
            # Its place on the timeline stays: what comes later must not move.
            self._position += len(lost)
        self._wake()

    def hush(self) -> None:
        """Fade out the sound that waits; its length stays."""
        fade = round(FADE_S * self.rate)
        ramp = np.concatenate([np.linspace(1, 0, fade), np.zeros(self._waiting)])
        done = 0
        for index, (due_at, samples) in enumerate(self._sound):
            quiet = samples * ramp[done : done + len(samples)].astype(np.float32)
            self._sound[index] = (due_at, quiet)
            done += len(samples)

    def close(self) -> None:
        """No more will come: whoever waits gets None."""
        self._closed = True
        self._wake()

    async def picture(self) -> Picture | None:
        """The next picture, when it is due; None at the end."""
        while not self._pictures:
            if not await self._more():
                return None
        shown = self._pictures.popleft()
        assert shown.picture is not None
        await _until(shown.due_at)
        return Picture(shown.frame.time_s, shown.picture, shown.due_at)

    async def sound(self, count: int) -> Sound | None:
        """The next `count` samples, when the first of them is due; None at the end."""
        while self._waiting < count:
            if not await self._more():
                return None
        assert self._position is not None, "there is sound, so it has a place"
        due_at, position = self._sound[0][0], self._position
        pieces, missing = [], count
        while missing:
            started, samples = self._sound.popleft()
            if len(samples) > missing:
                rest = (started + missing / self.rate, samples[missing:])
                self._sound.appendleft(rest)
                samples = samples[:missing]
            pieces.append(samples)
            missing -= len(samples)
        self._waiting -= count
        self._position += count
        await _until(due_at)
        return Sound(position, np.concatenate(pieces), due_at)

    def _wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    async def _more(self) -> bool:
        if self._closed:
            return False
        await self._news.wait()
        return True


async def _until(moment: float) -> None:
    wait = moment - time.perf_counter()
    if wait > 0:
        await asyncio.sleep(wait)
