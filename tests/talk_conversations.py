"""A conversation on the real Pipecat with a stand-in's motion, for tests of what it does."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
from live_stand_in import StandInModel

from openvasa.audio.pcm import write_wav
from openvasa.live.frame import LiveSettings
from openvasa.live.metrics import Metrics
from openvasa.live.session import Session
from openvasa.live.speech import Voice
from openvasa.rates import SAMPLE_RATE
from openvasa.talk.dialogue import Dialogue
from openvasa.talk.services import TalkSettings

RNG = np.random.default_rng(0)


def noise(seconds: float, level: float) -> np.ndarray:
    return (level * RNG.standard_normal(round(seconds * SAMPLE_RATE))).astype(np.float32)


async def converse(face, folder: Path, settings: TalkSettings, script) -> list[dict]:
    """Events of a session in which `script` (session, dialogue, events) runs."""
    live = LiveSettings(fps=25)
    session = await Session.open(face, live, Metrics(), folder, model=lambda _: StandInModel())
    outlet, events = session.connect(), []
    session.listeners.add(events.append)
    dialogue = Dialogue(session, settings)
    await dialogue.start()
    try:
        await script(session, dialogue, events)
    finally:
        await dialogue.stop()
        session.disconnect(outlet)
        await session.close("done")
    return events


async def until(events: list[dict], wanted, seconds: float = 30.0) -> dict:
    for _ in range(round(seconds / 0.05)):
        for event in events:
            if wanted(event):
                return event
        await asyncio.sleep(0.05)
    raise AssertionError(f"not in {[e for e in events if e['type'] == 'caption']}")


async def speak_into(session: Session, samples: np.ndarray, rate: int) -> None:
    step = rate // 50
    for at in range(0, len(samples), step):
        session.microphone(samples[at : at + step], rate)
        await asyncio.sleep(0.02)


def slow_voice(folder: Path, wait_s: float, said_s: float) -> Voice:
    """A voice that waits before each sentence, and makes the same noise of all."""
    said = folder / "said.wav"
    write_wav(said, [noise(said_s, 0.1)], SAMPLE_RATE)
    return Voice("slow", "Slow", ("sh", "-c", f"sleep {wait_s}; cat {said}"))


def ends(events: list[dict]) -> list[dict]:
    return [e for e in events if e["type"] == "speech.done" and not e["interrupted"]]
