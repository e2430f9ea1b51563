"""What `openvasa bench soak` reports: a portrait that lives on, minute by minute.

In each minute it speaks in bursts and is idle, its portrait changes once, and another process takes
a core for a third of the time. A receiver takes pictures and sound as a connection does. Sync is
how much later than their sound pictures come, in frames: the worst second of the minute.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from openvasa.assets import EXAMPLE_PORTRAIT, EXAMPLE_VOICE, GALLERY
from openvasa.audio.decode import read_blocks
from openvasa.errors import InputError
from openvasa.face.encode import load_portrait
from openvasa.live.frame import LiveSettings
from openvasa.live.memory import give_back_memory
from openvasa.live.metrics import Metrics
from openvasa.live.outlet import Outlet
from openvasa.live.player import Shown
from openvasa.live.scratch import server_folder
from openvasa.live.session import Session
from openvasa.machine import resident_memory
from openvasa.rates import SAMPLE_RATE
from openvasa.render.warp_renderer import WarpRenderer

MINUTE_S = 60.0
HOG_SHARE = (1 / 3, 2 / 3)
"""Part of a minute in which another process takes a core."""
BURST_S, IDLE_S = (1.0, 6.0), (0.5, 4.0)
"""A burst of speech, and the pause after it, are between these long."""
PACKET_S = 0.02
FEWEST = 5
"""Pictures and packets in a second that sync is told of."""


@dataclass(frozen=True)
class SoakMinute:
    """How a minute went.

    Attributes:
        fps: pictures a second that came out.
        sync_frames: how many frames pictures came after their sound, in the worst second.
        left_out: share of pictures that would have come too late.
        stalled_s: time for which the clock waited.
        rss_mb: memory of this process at the end.
    """

    fps: float
    sync_frames: float
    left_out: float
    stalled_s: float
    rss_mb: float


def soak(
    portrait: Path | None,
    live: LiveSettings,
    minutes: int,
    tell: Callable[[int, SoakMinute], None],
    *,
    refined: bool = False,
    minute_s: float = MINUTE_S,
) -> list[SoakMinute]:
    """Let a portrait live for so many minutes.

    Args:
        portrait: the first of those it changes between.
        live: settings.
        minutes: how many.
        tell: is told of each minute and its number.
        refined: as in `WarpRenderer`.
        minute_s: length of a minute, s.
    """
    if minutes < 1:
        raise InputError(f"minutes {minutes}: choose 1 or more")
    renderer = partial(WarpRenderer, refined=refined)
    first = portrait or EXAMPLE_PORTRAIT
    return asyncio.run(_soak(first, live, renderer, minutes, tell, minute_s))


def soak_line(number: int, minute: SoakMinute) -> str:
    """A minute as a line."""
    return (
        f"minute {number}: {minute.fps:.1f} fps, pictures {minute.sync_frames:+.2f} frames after "
        f"their sound, {100 * minute.left_out:.1f} % left out, stalled {minute.stalled_s:.1f} s, "
        f"{minute.rss_mb:.0f} MB"
    )


async def _soak(
    portrait: Path,
    live: LiveSettings,
    renderer: partial[WarpRenderer],
    minutes: int,
    tell: Callable[[int, SoakMinute], None],
    minute_s: float,
) -> list[SoakMinute]:
    faces = [await asyncio.to_thread(load_portrait, path) for path in (portrait, *GALLERY)]
    found = []
    with server_folder() as folder:
        session = await Session.open(faces[0], live, Metrics(), folder, renderer)
        receiver = _Receiver(session)
        speaking = asyncio.create_task(_speak_in_bursts(session))
        try:
            for number in range(1, minutes + 1):
                await _live_a_minute(minute_s)
                found.append(receiver.judge())
                tell(number, found[-1])
                await session.change_portrait(faces[number % len(faces)])
        finally:
            speaking.cancel()
            receiver.stop()
            await session.close("done")
    return found


async def _live_a_minute(minute_s: float) -> None:
    begin, end = (share * minute_s for share in HOG_SHARE)
    await asyncio.sleep(begin)
    with _busy_core():
        await asyncio.sleep(end - begin)
    await asyncio.sleep(minute_s - end)


@contextmanager
def _busy_core() -> Iterator[None]:
    hog = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        yield
    finally:
        hog.kill()
        hog.wait()


async def _speak_in_bursts(session: Session) -> None:
    voice = np.concatenate(list(read_blocks(EXAMPLE_VOICE)))
    random = np.random.default_rng(0)
    while True:
        length = random.uniform(*BURST_S)
        start = random.uniform(0, len(voice) / SAMPLE_RATE - length)
        burst = voice[round(start * SAMPLE_RATE) : round((start + length) * SAMPLE_RATE)]
        session.speeches.say(burst, SAMPLE_RATE)
        await asyncio.sleep(length + random.uniform(*IDLE_S))


class Delays:
    """How long after their place on the timeline pictures and sound came, by the second."""

    def __init__(self) -> None:
        self._pictures: dict[int, list[float]] = {}
        self._sound: dict[int, list[float]] = {}

    def note_picture(self, time_s: float, now: float) -> None:
        """A picture of a time came at a moment; both in s, of two clocks."""
        self._pictures.setdefault(int(now), []).append(now - time_s)

    def note_sound(self, time_s: float, now: float) -> None:
        """A packet of sound that begins at a time came at a moment."""
        self._sound.setdefault(int(now), []).append(now - time_s)

    def worst(self) -> float:
        """How much later pictures came than sound, in the worst second, s; NaN where none tells."""
        gaps = [
            float(np.median(self._pictures[second]) - np.median(self._sound[second]))
            for second in self._pictures.keys() & self._sound.keys()
            if min(len(self._pictures[second]), len(self._sound[second])) >= FEWEST
        ]
        return max(gaps, key=abs, default=float("nan"))


class _Receiver:
    """Takes pictures and sound as a connection does, and notes when they come."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._outlet: Outlet = session.connect()
        self._origin_s: float | None = None
        self._delays = Delays()
        self._pictures = 0
        self._since = time.perf_counter()
        self._stats = session.stats
        session.on_frame = self._note_first
        self._tasks = [asyncio.create_task(take()) for take in (self._see, self._hear)]

    def judge(self) -> SoakMinute:
        """How it went since the last call."""
        now, stats = time.perf_counter(), self._session.stats
        since = stats.since(self._stats)
        give_back_memory()
        minute = SoakMinute(
            fps=self._pictures / (now - self._since),
            sync_frames=self._delays.worst() * self._session.settings.fps,
            left_out=since.left_out / max(1, since.frames + since.left_out),
            stalled_s=since.stalled_s,
            rss_mb=resident_memory() / 1e6,
        )
        self._delays, self._pictures, self._since, self._stats = Delays(), 0, now, stats
        return minute

    def stop(self) -> None:
        """Take no more."""
        self._session.disconnect(self._outlet)
        for task in self._tasks:
            task.cancel()

    def _note_first(self, shown: Shown) -> None:
        if self._origin_s is None:
            self._origin_s = shown.frame.time_s

    async def _see(self) -> None:
        while (picture := await self._outlet.picture()) is not None:
            self._pictures += 1
            self._delays.note_picture(picture.time_s, time.perf_counter())

    async def _hear(self) -> None:
        while (sound := await self._outlet.sound(round(PACKET_S * self._outlet.rate))) is not None:
            assert self._origin_s is not None
            time_s = self._origin_s + sound.position / self._outlet.rate
            self._delays.note_sound(time_s, time.perf_counter())
