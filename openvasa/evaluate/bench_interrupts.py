"""What `openvasa bench interrupts` reports: a portrait is cut short, and speaks anew, many times.

What is due to be shown and heard is noted when it is due: a network comes on top. Lips are the
weights of jaw and mouth; those of a first phone are told by their largest change within
`FIRST_PHONE_S` of the timeline.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from openvasa.assets import EXAMPLE_PORTRAIT, EXAMPLE_VOICE
from openvasa.audio.decode import read_blocks
from openvasa.errors import InputError
from openvasa.face.encode import load_portrait
from openvasa.face.landmarker import BLENDSHAPE_NAMES
from openvasa.live.frame import LiveSettings
from openvasa.live.metrics import Metrics
from openvasa.live.scratch import server_folder
from openvasa.live.session import Session
from openvasa.live.speeches import Event
from openvasa.rates import SAMPLE_RATE
from openvasa.render.warp_renderer import WarpRenderer

AUDIBLE = 1e-3
"""Sample from which on a sound is heard."""
FIRST_PHONE_S = 0.24
LIPS_MOVE = 0.05
"""Change of a weight in a first phone from which on there are lips. In as long a time idle ones
drift by 0.035 in the median and 0.07 at the 95th percentile: one phone alone proves little."""
SILENCE_S = 0.12
"""Between an interruption and the new speech: what sounds meanwhile is the old one."""
LATEST_S = 3.0
"""A speech that is not heard by then is never heard."""
SPOKEN_S = (0.2, 1.2)
"""A speech is cut short after a time between these."""
_LIPS = [i for i, name in enumerate(BLENDSHAPE_NAMES) if name.startswith(("jaw", "mouth"))]


@dataclass(frozen=True)
class InterruptFigures:
    """One number an interruption.

    Attributes:
        silence_ms: from the interruption to the last sound of the old speech.
        heard_ms: from the first sample of the new speech to its first sound.
        lips: largest change of a lip's weight in the first phone of the new speech.
    """

    silence_ms: list[float] = field(default_factory=list)
    heard_ms: list[float] = field(default_factory=list)
    lips: list[float] = field(default_factory=list)

    @property
    def mute(self) -> int:
        """Speeches that were not heard, or whose first phone had no lips."""
        return sum(not change >= LIPS_MOVE for change in self.lips)


def bench_interrupts(
    portrait: Path | None, live: LiveSettings, times: int, *, refined: bool = False
) -> InterruptFigures:
    """Interrupt a portrait so many times, and let it speak anew at once each time."""
    if times < 1:
        raise InputError(f"times {times}: choose 1 or more")
    return asyncio.run(_bench(portrait or EXAMPLE_PORTRAIT, live, times, refined=refined))


def interrupts_table(figures: InterruptFigures) -> str:
    """The table that the command prints."""
    lines = [f"{'':<44}{'median':>8}{'worst':>8}"]
    for name, values, worst in (
        ("interruption → last sound, ms", figures.silence_ms, max),
        ("new speech → its first sound, ms", figures.heard_ms, max),
    ):
        lines.append(f"{name:<44}{np.median(values):>8.0f}{worst(values):>8.0f}")
    lips = f"{np.median(figures.lips):>8.2f}{min(figures.lips):>8.2f}"
    lines.append(f"{'lips of its first phone (0 to 1)':<44}{lips}")
    lines.append(
        f"{len(figures.lips)} interruptions, {figures.mute} speeches without sound or lips"
    )
    return "\n".join(lines)


async def _bench(
    portrait: Path, live: LiveSettings, times: int, *, refined: bool
) -> InterruptFigures:
    face = await asyncio.to_thread(load_portrait, portrait)
    with server_folder() as folder:
        renderer = partial(WarpRenderer, refined=refined)
        session = await Session.open(face, live, Metrics(), folder, renderer)
        outlet = session.connect()
        speaker = _Speaker(session)
        try:
            await asyncio.sleep(2)
            return await _interrupt_again_and_again(speaker, times)
        finally:
            session.disconnect(outlet)
            await session.close("done")


async def _interrupt_again_and_again(speaker: _Speaker, times: int) -> InterruptFigures:
    figures, random = InterruptFigures(), np.random.default_rng(0)
    await speaker.begin()
    for _ in range(times):
        await asyncio.sleep(random.uniform(*SPOKEN_S))
        figures.silence_ms.append(1000 * await speaker.interrupt())
        heard = await speaker.begin()
        figures.heard_ms.append(1000 * heard)
        figures.lips.append(speaker.lips_of_first_phone())
    return figures


@dataclass(frozen=True)
class _Seen:
    """A frame when it was due: the moment, s of the event loop, its time, its sound, its lips."""

    at: float
    time_s: float
    loud: bool
    lips: np.ndarray


class _Speaker:
    """Speaks, is interrupted, and watches."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._loop = asyncio.get_running_loop()
        self._seen: deque[_Seen] = deque(maxlen=400)
        self._loud = False
        self._first: _Seen | None = None
        voice = np.concatenate(list(read_blocks(EXAMPLE_VOICE)))
        self._speech = voice[np.flatnonzero(np.abs(voice) > 10 * AUDIBLE)[0] :]
        session.listeners.add(self._see)
        session.weights_wanted += 1
        session.on_sound = self._hear

    async def begin(self) -> float:
        """Begin to speak; gives the time to the first sound, once the first phone is over."""
        began_at = self._loop.time()
        self._session.speeches.say(self._speech, SAMPLE_RATE)
        self._first = None
        while self._first is None or self._seen[-1].time_s < self._first.time_s + FIRST_PHONE_S:
            await asyncio.sleep(0.01)
            self._first = next((s for s in self._seen if s.loud and s.at > began_at), None)
            if self._first is None and self._loop.time() > began_at + LATEST_S:
                return float("inf")
        return self._first.at - began_at

    async def interrupt(self) -> float:
        """Cut the speech short; gives the time to its last sound."""
        at = self._loop.time()
        self._session.interrupt()
        await asyncio.sleep(SILENCE_S)
        return max((s.at for s in self._seen if s.loud and s.at >= at), default=at) - at

    def lips_of_first_phone(self) -> float:
        """Largest change of a lip's weight while the first phone is heard; 0 where none is."""
        if self._first is None:
            return 0.0
        start = self._first.time_s
        lips = [s.lips for s in self._seen if start <= s.time_s <= start + FIRST_PHONE_S]
        return float(np.ptp(np.array(lips), axis=0).max())

    def _hear(self, sound: np.ndarray) -> None:
        # The weights of the same frame are told next.
        self._loud = float(np.abs(sound).max(initial=0.0)) > AUDIBLE

    def _see(self, event: Event) -> None:
        if event["type"] == "weights":
            time_s, weights = event["time_s"], np.array(event["weights"])
            assert isinstance(time_s, float)
            self._seen.append(_Seen(self._loop.time(), time_s, self._loud, weights[_LIPS]))
