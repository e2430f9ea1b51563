"""How late a portrait answers and how soon it falls silent, in a conversation on one machine.

A synthetic user speaks into the microphone in real time. What is due to be shown and heard is
noted when it is due: the network to a browser comes on top.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from openvasa.assets import EXAMPLE_PORTRAIT
from openvasa.errors import InputError
from openvasa.face.encode import load_portrait
from openvasa.face.landmarker import BLENDSHAPE_NAMES
from openvasa.live.frame import LiveSettings
from openvasa.live.metrics import Metrics
from openvasa.live.player import Shown
from openvasa.live.scratch import server_folder
from openvasa.live.session import Session
from openvasa.live.speech import speak
from openvasa.live.speeches import Event
from openvasa.render.renderer import RendererFactory
from openvasa.talk.dialogue import Dialogue
from openvasa.talk.services import TalkSettings

QUESTIONS = ("Hello, how are you?", "What can you do?", "Who are you?", "Can you count?")
OBJECTION = "Wait, please stop now."
CHUNK_S = 0.02
AUDIBLE = 1e-3
"""Sample from which on a sound is heard."""
LIPS_APART = 0.05
"""`jawOpen` over its level at rest from which on a mouth is not at rest."""
LIPS_MOVE = 0.1
"""Change of a weight of jaw or mouth from which on lips move; idle they drift by 0.06 a second."""
_JAW = BLENDSHAPE_NAMES.index("jawOpen")
_LIPS = [i for i, name in enumerate(BLENDSHAPE_NAMES) if name.startswith(("jaw", "mouth"))]
LONGEST_S = 40.0
SPOKEN_S = 1.5
"""Of a story, before the user objects."""
STAGES = ("laid on the timeline", "motion made", "painted", "due", "lips move")


@dataclass(frozen=True)
class TalkFigures:
    """Milliseconds, one number a round.

    Attributes:
        answer_ms: from the end of the user's voice to the first moving lips.
        added_ms: from the first sample of the answer's voice to the first moving lips.
        stages_ms: where that time goes, by stage: each from the end of the one before.
        detect_ms: from the beginning of the user's voice to the interruption.
        silence_ms: from the interruption to the last sound.
        rest_ms: from the interruption to lips at rest.
    """

    answer_ms: list[float] = field(default_factory=list)
    added_ms: list[float] = field(default_factory=list)
    detect_ms: list[float] = field(default_factory=list)
    silence_ms: list[float] = field(default_factory=list)
    rest_ms: list[float] = field(default_factory=list)
    stages_ms: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in STAGES})


def bench_talk(
    portrait: Path | None,
    settings: TalkSettings,
    live: LiveSettings,
    rounds: int,
    renderer: RendererFactory,
) -> TalkFigures:
    """Hold a conversation of so many answers and so many interruptions."""
    if settings.voice is None:
        raise InputError("bench talk: the user needs a voice of this machine; install espeak-ng")
    return asyncio.run(_bench(portrait or EXAMPLE_PORTRAIT, settings, live, rounds, renderer))


def talk_report(figures: TalkFigures) -> str:
    """The table that the command prints."""
    rows = {
        "end of the user's voice → lips": figures.answer_ms,
        "first sample of the answer → lips": figures.added_ms,
        "user's voice → interruption": figures.detect_ms,
        "interruption → sound stopped": figures.silence_ms,
        "interruption → lips at rest": figures.rest_ms,
    }
    rows |= {f"  first sample → … → {name}": values for name, values in figures.stages_ms.items()}
    lines = [f"{'ms':<36}{'median':>8}{'worst':>8}{'rounds':>8}"]
    for name, values in rows.items():
        lines.append(f"{name:<36}{np.median(values):>8.0f}{max(values):>8.0f}{len(values):>8}")
    return "\n".join(lines)


async def _bench(
    portrait: Path,
    settings: TalkSettings,
    live: LiveSettings,
    rounds: int,
    renderer: RendererFactory,
) -> TalkFigures:
    face = await asyncio.to_thread(load_portrait, portrait)
    with server_folder() as folder:
        session = await Session.open(face, live, Metrics(), folder, renderer)
        outlet = session.connect()
        dialogue = await asyncio.to_thread(Dialogue, session, settings)
        await dialogue.start()
        user = _User(session, dialogue, settings)
        speaking = asyncio.create_task(user.run())
        try:
            await asyncio.sleep(2)
            figures = TalkFigures()
            for index in range(rounds):
                await user.ask(QUESTIONS[index % len(QUESTIONS)], figures)
            for _ in range(rounds):
                await user.interrupt(figures)
            return figures
        finally:
            speaking.cancel()
            await dialogue.stop()
            session.disconnect(outlet)
            await session.close("done")


class _User:
    """Speaks into the microphone and watches."""

    def __init__(self, session: Session, dialogue: Dialogue, settings: TalkSettings) -> None:
        self._session, self._dialogue, self._voice = session, dialogue, settings.voice
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[np.ndarray] = deque()
        self._rate = 48_000
        self._lips: list[tuple[float, np.ndarray]] = []
        self._first: Shown | None = None
        self._clock_ahead = self._loop.time() - time.perf_counter()
        self._sounds: list[tuple[float, float]] = []
        self._done = asyncio.Event()
        session.listeners.add(self._see)
        session.weights_wanted += 1
        session.on_frame = self._note_frame
        heard = session.on_sound

        def listen(sound: np.ndarray) -> None:
            if heard is not None:
                heard(sound)
            loud = float(np.abs(sound).max(initial=0.0))
            self._sounds.append((self._loop.time(), loud))

        session.on_sound = listen

    async def run(self) -> None:
        """Send the microphone's sound, silence where nothing is said."""
        due = self._loop.time()
        while True:
            count = round(CHUNK_S * self._rate)
            chunk = self._waiting.popleft() if self._waiting else np.zeros(count, np.int16)
            self._session.microphone(chunk, self._rate)
            due += CHUNK_S
            await asyncio.sleep(max(0.0, due - self._loop.time()))

    async def ask(self, question: str, figures: TalkFigures) -> None:
        """Ask, and note when the answer begins."""
        self._done.clear()
        _, ended = await self._say(question)
        self._first = None
        await self._until_done()
        first_at, first = self._dialogue.mouth.first_sound_at, self._first
        assert first_at is not None
        assert first is not None
        rest = self._resting_lips(until=first_at)
        lips = next(
            at
            for at, weights in self._lips
            if at > first_at and np.abs(weights - rest)[_LIPS].max() > LIPS_MOVE
        )
        figures.answer_ms.append(1000 * (lips - ended))
        figures.added_ms.append(1000 * (lips - first_at))
        moments = (first.sounded_at, first.made_at, first.ready_at, first.due_at)
        ends = [first_at, *(moment + self._clock_ahead for moment in moments), lips]
        for name, taken in zip(STAGES, np.diff(ends), strict=True):
            figures.stages_ms[name].append(1000 * taken)
        await asyncio.sleep(1)

    async def interrupt(self, figures: TalkFigures) -> None:
        """Let it tell a story, object, and note when it falls silent."""
        rest = self._resting_lips(until=self._loop.time())[_JAW]
        self._dialogue.take_turn("Tell me a story.")
        await self._until_heard()
        await asyncio.sleep(SPOKEN_S)
        self._dialogue.mouth.interrupted_at = None
        self._done.clear()
        began, _ = await self._say(OBJECTION)
        at = self._dialogue.mouth.interrupted_at
        if at is None:
            raise InputError("bench talk: the interruption was not noticed; use a plainer voice")
        if not any(at - SPOKEN_S < t < at and value > AUDIBLE for t, value in self._sounds):
            raise InputError("bench talk: the answer was over when it was interrupted; try again")
        if not any(at - SPOKEN_S < t < at and w[_JAW] > rest + LIPS_APART for t, w in self._lips):
            raise InputError("bench talk: lips did not move before they were interrupted")
        await asyncio.sleep(0.5)
        soon = [(t, value) for t, value in self._lips if t >= at]
        still = [t for t, w in soon if w[_JAW] > rest + LIPS_APART and t < at + 1]
        loud = [t for t, value in self._sounds if at <= t < at + 1 and value > AUDIBLE]
        figures.detect_ms.append(1000 * (at - began))
        figures.silence_ms.append(1000 * (max(loud, default=at) - at))
        figures.rest_ms.append(1000 * (max(still, default=at) - at))
        await self._until_done()
        await asyncio.sleep(1)

    async def _say(self, text: str) -> tuple[float, float]:
        """Say something; when its first and its last sound left, s of the event loop."""
        assert self._voice is not None
        samples, self._rate = await asyncio.to_thread(speak, text, self._voice)
        heard = np.flatnonzero(np.abs(samples.astype(np.float32)) > 32768 * AUDIBLE * 10)
        samples = samples[heard[0] : heard[-1] + 1]
        count = round(CHUNK_S * self._rate)
        samples = np.pad(samples, (0, -len(samples) % count))
        began = self._loop.time()
        self._waiting.extend(samples.reshape(-1, count))
        while self._waiting:
            await asyncio.sleep(0.005)
        return began, self._loop.time()

    async def _until_heard(self) -> None:
        first = len(self._sounds)
        for _ in range(round(LONGEST_S / 0.02)):
            if any(loud > AUDIBLE for _, loud in self._sounds[first:]):
                return
            await asyncio.sleep(0.02)
        raise InputError("bench talk: no answer came; is the language model's server there?")

    async def _until_done(self) -> None:
        try:
            await asyncio.wait_for(self._done.wait(), LONGEST_S)
        except asyncio.TimeoutError:
            raise InputError(
                f"bench talk: nothing was answered within {LONGEST_S:.0f} s; is the machine busy?"
            ) from None

    def _resting_lips(self, until: float) -> np.ndarray:
        """(52,) weights of the last half second before a moment."""
        before = [weights for at, weights in self._lips if at < until]
        return np.median(before[-20:], axis=0)

    def _note_frame(self, shown: Shown) -> None:
        if self._first is None and shown.frame.sound.any():
            self._first = shown

    def _see(self, event: Event) -> None:
        if event["type"] == "weights":
            self._lips.append((self._loop.time(), np.array(event["weights"])))
        elif event["type"] == "speech.done" and not event["interrupted"]:
            self._done.set()
