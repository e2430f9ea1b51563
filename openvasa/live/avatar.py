"""A live portrait for asyncio programs: sound in, frames with their own sound out, in real time."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from functools import partial

import numpy as np

from openvasa.face.latent import FaceLatent
from openvasa.live.assemble import LivePortrait, assemble_portrait, shipped_motion
from openvasa.live.engine import Engine
from openvasa.live.frame import LiveSettings
from openvasa.live.painter import UNREFINED
from openvasa.live.player import COMMANDS, Player, Shown
from openvasa.motion.amount import Amount
from openvasa.motion.controls import Controls
from openvasa.motion.model import MotionModel
from openvasa.render.renderer import RendererFactory

Command = Callable[[Engine], object]

WAITING_S = 0.24
"""While frames of so much time wait to be taken, the clock stands still: whoever is held up finds
speech and pictures where they were."""
LATE_S = 0.08
"""Silent frames later than this are passed over for newer ones: what was held up returns to the
present."""


class LiveAvatar:
    """One portrait; `start` it, push speech, and iterate over its frames as they are due.

    Args:
        face: the portrait.
        settings: frame rate and sound rate.
        seed: of the shipped motion model: same seed, same speech, same motion.
        renderer: draws the pictures.
        model: generates the motion, as `SpeechMotion(MotionSettings(seed=3))`; None takes
            the shipped one.
    """

    def __init__(
        self,
        face: FaceLatent,
        settings: LiveSettings | None = None,
        *,
        seed: int = 0,
        renderer: RendererFactory = UNREFINED,
        model: MotionModel | None = None,
    ) -> None:
        self.settings = settings or LiveSettings()
        self.content_id = secrets.randbits(32)
        """What the watermark of its pictures carries."""
        self.unfinished = 0
        """Speeches ended by `end_speech` whose last sample has not been shown."""
        self._face = face
        self._seed = seed
        self._renderer = renderer
        self._model = model
        self._frames: deque[Shown] = deque()
        self._news = asyncio.Event()
        self._player: Player | None = None
        self._early: list[Command] = []

    async def start(self) -> None:
        """Prepare everything off the event loop and start the clock."""

        def prepare() -> LivePortrait:
            return assemble_portrait(
                self._face,
                self.settings,
                content_id=self.content_id,
                model=self._model or shipped_motion(self._seed),
                renderer=self._renderer,
            )

        portrait = await asyncio.to_thread(prepare)
        loop = asyncio.get_running_loop()

        def show(shown: Shown) -> None:
            self._frames.append(shown)
            loop.call_soon_threadsafe(self._news.set)

        self._player = portrait.make_player(show, self._has_room)
        for command in self._early:
            self._player.tell(command)
        self._early.clear()
        self._player.start()

    async def stop(self) -> None:
        """Stop the clock; whoever iterates comes to the end. Safe to call twice."""
        player, self._player = self._player, None
        if player is not None:
            await asyncio.to_thread(player.stop)
        self._news.set()

    def push(self, samples: np.ndarray, rate: int) -> None:
        """Speak (n,) mono samples, float32 or int16, after what was pushed before."""
        self._tell(partial(Engine.push, samples=samples, rate=rate))

    def end_speech(self) -> None:
        """Say that a speech is complete; the frame with its end has `speeches_ended`."""
        self.unfinished += 1
        self._tell(Engine.end_speech)

    def interrupt(self) -> None:
        """Stop speaking now."""
        self.unfinished = 0
        if self._player is not None:
            self._player.interrupt()
        self._early.clear()

    def hear(self, samples: np.ndarray, rate: int) -> None:
        """Listen to (n,) mono samples of who talks to the portrait, as they come in."""
        self._tell(partial(Engine.hear, samples=samples, rate=rate))

    def listen(self, listening: bool) -> None:
        """Say whether somebody is talking to the portrait."""
        self._tell(lambda engine: setattr(engine, "listening", listening))

    def steer(self, controls: Controls, amount: Amount | None = None) -> None:
        """Change gaze, distance, emotion and how much of the movement is shown."""
        self._tell(partial(Engine.steer, controls=controls, amount=amount or Amount()))

    async def __aiter__(self) -> AsyncIterator[Shown]:
        """Frames, each when it is due, until `stop`.

        Raises:
            Exception: whatever the player failed with.
        """
        while self._player is not None or self._frames:
            if self._player is not None and self._player.error is not None:
                raise self._player.error
            if not self._frames:
                self._news.clear()
                # Woken now and then to see whether the player has failed.
                with suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(self._news.wait(), 0.5)
                continue
            shown = self._frames.popleft()
            late = time.perf_counter() - shown.due_at
            if late > LATE_S and self._frames and not (shown.speaks or shown.frame.speeches_ended):
                continue
            await asyncio.sleep(max(0.0, -late))
            if self._player is not None:
                shown = self._player.current(shown)
            self.unfinished = max(0, self.unfinished - shown.frame.speeches_ended)
            yield shown

    def _tell(self, command: Command) -> None:
        if self._player is not None:
            self._player.tell(command)
        elif len(self._early) < COMMANDS:
            # Speech may come before everything is prepared; it is the first that is said.
            self._early.append(command)

    def _has_room(self) -> bool:
        return len(self._frames) < WAITING_S * self.settings.fps
