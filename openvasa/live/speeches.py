"""Speeches under way: take them in piece by piece, and tell how far each has been said."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from openvasa.errors import InputError
from openvasa.live.engine import Engine
from openvasa.live.frame import LiveFrame
from openvasa.live.player import Player
from openvasa.live.sound_timeline import BACKLOG_S

PROGRESS_S = 0.1
"""Time between two events about how far a speech has been said."""

Event = dict[str, object]
"""What a session tells its clients: a `type`, and what belongs to it."""


@dataclass
class Speech:
    """One speech, from its first sample to the moment its last one is heard.

    Attributes:
        id: as its client calls it.
        rate: of its samples, Hz.
        start_s: where its first sample lies among all speech of the engine, s; None until known.
        samples: pushed so far.
        said: samples that have been heard by whoever watches.
        open: whether more samples may come.
    """

    id: str
    rate: int
    start_s: float | None = None
    samples: int = 0
    said: int = 0
    open: bool = True


class Speeches:
    """Those of one session that have not been said to their end, in the order of their speaking.

    All methods belong to the event loop's thread.

    Args:
        engine: only its backlog is read.
        player: carries out what the engine is told.
        tell: takes `spoken` and `speech.done`.
    """

    def __init__(self, engine: Engine, player: Player, tell: Callable[[Event], None]) -> None:
        self._engine = engine
        self._player = player
        self._tell = tell
        self._loop = asyncio.get_running_loop()
        self._speeches: deque[Speech] = deque()
        self._named = 0
        self._untaken_s = 0.0
        self._told_at = 0.0

    @property
    def open(self) -> Speech | None:
        """The one that is being streamed in."""
        last = self._speeches[-1] if self._speeches else None
        return last if last is not None and last.open else None

    @property
    def waiting_s(self) -> float:
        """Speech that was taken and not yet heard, s."""
        return self._engine.backlog_s + self._untaken_s

    def begin(self, key: str | None, rate: int) -> str:
        """Begin a speech that comes in pieces; it queues behind what is being said.

        Args:
            key: what events call it; None for a name of ours.
            rate: of its samples, Hz.

        Returns:
            The id by which events name it.

        Raises:
            InputError: another is still open, or one of that id is not yet said.
        """
        if self.open is not None:
            raise InputError(f"speech: {self.open.id} is still open; end it first")
        if any(speech.id == key for speech in self._speeches):
            raise InputError(f"speech: {key} is still being said; choose another id")
        if key is None:
            self._named += 1
            key = f"speech-{self._named}"
        speech = Speech(key, rate)
        self._speeches.append(speech)
        self._player.tell(partial(_begin, speech))
        return key

    def push(self, samples: np.ndarray) -> bool:
        """Add (n,) int16 or float32 samples to the open speech, as fast as they come.

        Returns:
            False where they are not taken because too much is waiting already.

        Raises:
            InputError: no speech is open.
        """
        speech = self.open
        if speech is None:
            raise InputError("speech: none is open; begin one first")
        seconds = len(samples) / speech.rate
        if self.waiting_s + seconds > BACKLOG_S:
            return False
        if not self._player.tell(partial(self._push_into_engine, samples, speech.rate)):
            return False
        self._untaken_s += seconds
        speech.samples += len(samples)
        return True

    def end(self) -> None:
        """Say that the open speech is complete; harmless where none is open."""
        speech = self.open
        if speech is not None:
            speech.open = False
            self._player.tell(Engine.end_speech)

    def say(self, samples: np.ndarray, rate: int) -> str:
        """Speak a whole speech; it queues behind what is being said.

        Returns:
            The id by which events name it.

        Raises:
            InputError: more is waiting already than is kept, or another speech is open.
        """
        if self.waiting_s + len(samples) / rate > BACKLOG_S:
            raise InputError("speech: too much is waiting already; interrupt first")
        key = self.begin(None, rate)
        self.push(samples)
        self.end()
        return key

    def cut(self) -> None:
        """Forget all of them: they were interrupted."""
        cut, self._speeches = self._speeches, deque()
        for speech in cut:
            self._tell_end(speech, interrupted=True)

    def hear(self, frame: LiveFrame) -> None:
        """Note that a frame has been shown, and tell what it says of speeches."""
        if frame.speech_s is not None:
            self._tell_progress(frame.speech_s + frame.end_s - frame.time_s)
        for _ in range(frame.speeches_ended):
            if self._speeches and not self._speeches[0].open:
                speech = self._speeches.popleft()
                speech.said = speech.samples
                self._tell_end(speech, interrupted=False)

    def _tell_progress(self, position_s: float) -> None:
        begun = [s for s in self._speeches if s.start_s is not None and s.start_s < position_s]
        now = time.monotonic()
        if not begun:
            return
        speech = begun[-1]
        assert speech.start_s is not None
        said = min(round((position_s - speech.start_s) * speech.rate), speech.samples)
        if said > speech.said:
            speech.said = said
            if now - self._told_at >= PROGRESS_S:
                self._told_at = now
                self._tell({"type": "spoken", "speech": speech.id, "sample": said})

    def _tell_end(self, speech: Speech, *, interrupted: bool) -> None:
        end = {"speech": speech.id, "sample": speech.said, "interrupted": interrupted}
        self._tell({"type": "speech.done", **end})

    def _push_into_engine(self, samples: np.ndarray, rate: int, engine: Engine) -> None:
        """In the engine's thread."""
        engine.push(samples, rate)
        self._loop.call_soon_threadsafe(self._note_taken, len(samples) / rate)

    def _note_taken(self, seconds: float) -> None:
        self._untaken_s -= seconds


def _begin(speech: Speech, engine: Engine) -> None:
    """In the engine's thread."""
    engine.begin_speech()
    speech.start_s = engine.pushed_s
