"""Conversations that a voice or a client cuts short."""

# What is tested imports packages that may be missing.
# ruff: noqa: E402

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest

for package in ("pipecat", "moonshine_voice"):
    pytest.importorskip(package, reason="needs the talk extra")

from pipecat.frames.frames import (
    Frame,
    InterruptionFrame,
    LLMMessagesAppendFrame,
    TTSAudioRawFrame,
    TTSTextFrame,
)
from talk_conversations import converse, ends, noise, slow_voice, speak_into, until

from openvasa.live.speech import Voice, speak
from openvasa.rates import SAMPLE_RATE
from openvasa.talk.dialogue import Dialogue
from openvasa.talk.mouth import Mouth
from openvasa.talk.services import VOICE_RATE, TalkSettings


async def begin_story(dialogue: Dialogue, events: list[dict]) -> None:
    """Ask for a story, and wait until it is told."""
    dialogue.take_turn("Tell me a story.")
    await until(events, lambda e: e["type"] == "state" and e["state"] == "speaking")


@pytest.mark.slow
def test_a_typed_turn_is_answered_and_a_voice_interrupts(
    face, tmp_path: Path, voice: Voice
) -> None:
    samples, rate = speak("Wait, please stop now.", voice)

    async def script(session, dialogue, events) -> None:
        await begin_story(dialogue, events)
        quiet = np.zeros(rate, np.int16)
        await speak_into(session, np.concatenate([quiet, samples, quiet]), rate)
        cut = await until(events, lambda e: e["type"] == "speech.done")
        assert cut["interrupted"]

    asyncio.run(converse(face, tmp_path, TalkSettings(voice), script))


@pytest.mark.slow
def test_what_a_client_stops_is_not_taken_up_again(face, tmp_path: Path) -> None:
    slow = slow_voice(tmp_path, wait_s=0.5, said_s=2)

    async def script(session, dialogue, events) -> None:
        await begin_story(dialogue, events)
        session.interrupt()
        stopped = len(events)
        await asyncio.sleep(4)
        assert "speaking" not in [e["state"] for e in events[stopped:] if e["type"] == "state"]
        dialogue.take_turn("Thanks.")
        await until(events, lambda _: bool(ends(events)))

    asyncio.run(converse(face, tmp_path, TalkSettings(slow), script))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "count"),
    [(TTSTextFrame, 1), (TTSTextFrame, 2), (TTSAudioRawFrame, 2), (TTSAudioRawFrame, 40)],
)
def test_nothing_of_an_answer_comes_after_its_stop(
    face, tmp_path: Path, monkeypatch, kind: type[Frame], count: int
) -> None:
    """The stop comes just before a frame of the answer, that is before the pipeline's own."""
    quick = slow_voice(tmp_path, wait_s=0, said_s=1.2)
    take, taken, stopped = Mouth.process_frame, [], []

    async def script(session, dialogue, events) -> None:
        async def stop_first(mouth, frame, direction) -> None:
            taken.append(type(frame))
            if isinstance(frame, kind) and taken.count(kind) == count and not stopped:
                stopped.append(len(events))
                session.interrupt()
            await take(mouth, frame, direction)

        monkeypatch.setattr(Mouth, "process_frame", stop_first)
        dialogue.take_turn("Tell me a story.")
        while not stopped:
            await asyncio.sleep(0.05)
        before = [e["type"] for e in events[: stopped[0]]].count("caption")
        await asyncio.sleep(1)
        captions = [e["type"] for e in events].count("caption")
        assert captions == before, "no caption comes after the stop"
        assert session.speeches.open is None
        answers = [t for t in dialogue.turns if t["who"] == "portrait"]
        assert all("cut" in turn for turn in answers)
        dialogue.take_turn("Thanks.")
        await until(events, lambda _: bool(ends(events)))
        assert dialogue.turns[-1]["text"] == "You are welcome."
        assert len(ends(events)) == 1

    asyncio.run(converse(face, tmp_path, TalkSettings(quick), script))


@pytest.mark.slow
def test_an_answer_of_which_nothing_was_heard_leaves_no_turn(face, tmp_path: Path) -> None:
    quick = slow_voice(tmp_path, wait_s=0, said_s=2)

    async def script(session, dialogue, events) -> None:
        dialogue.take_turn("Tell me a story.")
        shown = await until(events, lambda e: e["type"] == "caption" and e["who"] == "portrait")
        session.announce({**shown, "speech": "unheard"})
        session.announce({**shown, "speech": "unheard"})
        dialogue.mouth._captions.add("unheard", str(shown["text"]), VOICE_RATE)
        end = {"speech": "unheard", "sample": 0, "interrupted": True}
        session.announce({"type": "speech.done", **end})
        cut = await until(events, lambda e: e["type"] == "caption.cut")
        assert cut["text"] == ""
        assert "unheard" not in [turn.get("speech") for turn in dialogue.turns]
        others = [turn["text"] for turn in dialogue.turns if turn["who"] == "portrait"]
        assert others[0] == shown["text"]

    asyncio.run(converse(face, tmp_path, TalkSettings(quick), script))


def test_a_cut_is_told_after_the_end_of_its_speech(face, tmp_path: Path, voice: Voice) -> None:
    async def script(session, dialogue, events) -> None:
        mouth = dialogue.mouth
        # A set has no order: the mouth hears of the end first, or last.
        for key, again in (("one", events.append), ("two", mouth._hear_event)):
            session.listeners.remove(again)
            session.listeners.add(again)
            mouth._captions.add(key, "It was late.", 100)
            end = {"speech": key, "sample": 50, "interrupted": True}
            session.announce({"type": "speech.done", **end})
            await asyncio.sleep(0)
            told = [e["type"] for e in events if e.get("speech") == key]
            assert told == ["speech.done", "caption.cut"]

    asyncio.run(converse(face, tmp_path, TalkSettings(voice), script))


@pytest.mark.slow
def test_captions_end_where_the_sound_was_cut(face, tmp_path: Path) -> None:
    quick = slow_voice(tmp_path, wait_s=0, said_s=2)

    async def script(session, dialogue, events) -> None:
        await begin_story(dialogue, events)
        await until(events, lambda e: e["type"] == "spoken" and e["sample"] > 0.7 * VOICE_RATE)
        session.interrupt()
        cut = await until(events, lambda e: e["type"] == "caption.cut")
        shown = [e["text"] for e in events if e["type"] == "caption" and e["who"] == "portrait"]
        assert cut["text"]
        assert " ".join(shown).startswith(cut["text"])
        assert len(cut["text"]) < len(shown[0])
        told = [turn for turn in dialogue.turns if turn["who"] == "portrait"]
        assert told == [
            {"who": "portrait", "speech": cut["speech"], "text": cut["text"], "cut": True}
        ]

    asyncio.run(converse(face, tmp_path, TalkSettings(quick), script))


@pytest.mark.slow
def test_what_a_client_stops_before_the_pipeline_is_up_is_not_said(face, tmp_path: Path) -> None:
    quick = slow_voice(tmp_path, wait_s=0, said_s=0.3)

    async def script(session, dialogue, events) -> None:
        dialogue.take_turn("Tell me a story.")
        session.interrupt()
        dialogue.take_turn("Thanks.")
        await until(events, lambda _: bool(ends(events)))
        captions = [e for e in events if e["type"] == "caption" and e["who"] == "portrait"]
        assert [caption["text"] for caption in captions] == ["You are welcome."]

    asyncio.run(converse(face, tmp_path, TalkSettings(quick), script))


def test_turns_and_the_newest_sound_wait_for_the_pipeline(
    face, tmp_path: Path, voice: Voice
) -> None:
    async def script(session, dialogue, events) -> None:
        said = noise(1.0, 0.1)
        session.microphone(np.zeros(2 * SAMPLE_RATE, np.float32), SAMPLE_RATE)
        session.microphone(said, SAMPLE_RATE)
        dialogue.take_turn("Hello!")
        kinds = [type(frame) for frame in dialogue._waiting]
        assert kinds == [InterruptionFrame, LLMMessagesAppendFrame]
        assert len(dialogue._early) == SAMPLE_RATE
        np.testing.assert_allclose(dialogue._early, said, atol=1e-3)
        await dialogue.stop()
        assert not dialogue._waiting
        assert not len(dialogue._early)

    asyncio.run(converse(face, tmp_path, TalkSettings(voice), script))
