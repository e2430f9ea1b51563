"""The LiveKit adapter against the real package, as far as that goes without a LiveKit server.

Runner, synchroniser, sources, tracks and the queue that speech comes through are LiveKit's own.
Only the room is a stand-in: it takes the tracks and says when somebody watches them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from live_example import check_example
from live_stand_in import StandInModel

from openvasa.assets import EXAMPLE_VOICE
from openvasa.audio.decode import read_blocks
from openvasa.face.latent import FaceLatent, FrameGeometry
from openvasa.render.renderer import Renderer

rtc = pytest.importorskip("livekit.rtc", reason="needs the livekit extra")
avatar = pytest.importorskip("livekit.agents.voice.avatar", reason="needs the livekit extra")
from openvasa.live.livekit import OpenVasaGenerator  # noqa: E402

RATE = 16000
PATIENCE_S = 120
"""Everything here takes seconds; a loaded machine takes longer."""
EDGES_S = 0.2
"""Silence in the first and last frame of a segment, when load has lowered the frame rate."""


class StandInRenderer(Renderer):
    """Shows the portrait as it is."""

    def __init__(self, face: FaceLatent) -> None:
        self._picture = face.image

    def render(self, geometry: FrameGeometry) -> np.ndarray:
        return self._picture.copy()

    def twin(self) -> StandInRenderer:
        return self


def make_generator(face: FaceLatent) -> OpenVasaGenerator:
    return OpenVasaGenerator(face, renderer=StandInRenderer, model=StandInModel())


@pytest.fixture(scope="module")
def voice() -> np.ndarray:
    """(n,) int16 at 16 kHz."""
    return (np.concatenate(list(read_blocks(EXAMPLE_VOICE))) * 32767).astype(np.int16)


def pieces(samples: np.ndarray) -> list:
    """Audio frames of 20 ms."""
    parts = np.split(samples, range(320, len(samples), 320))
    return [rtc.AudioFrame(part.tobytes(), RATE, 1, len(part)) for part in parts]


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, PATIENCE_S))


async def until(holds) -> None:
    while not holds():
        await asyncio.sleep(0.02)


class Collector:
    """Takes what a generator makes, as the runner does: one thing after another."""

    def __init__(self, generator: OpenVasaGenerator) -> None:
        self.seen: list = []
        self._generator = generator

    async def __aenter__(self) -> Collector:
        self._task = asyncio.create_task(self._take())
        await until(lambda: self.seen or self._task.done())
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._generator.aclose()
        await self._task

    async def _take(self) -> None:
        async for item in self._generator:
            self.seen.append(item)

    def count(self, kind: type) -> int:
        return sum(isinstance(item, kind) for item in self.seen)

    def seconds(self, start: int = 0) -> float:
        return sum(i.duration for i in self.seen[start:] if isinstance(i, rtc.AudioFrame))


async def say(generator: OpenVasaGenerator, samples: np.ndarray) -> None:
    for piece in pieces(samples):
        await generator.push_audio(piece)
    await generator.push_audio(avatar.AudioSegmentEnd())


def test_speech_comes_out_beside_its_frames_and_ends(face: FaceLatent, voice: np.ndarray) -> None:
    async def work() -> None:
        generator = make_generator(face)
        async with Collector(generator) as made:
            await until(lambda: len(made.seen) >= 10)
            assert made.count(rtc.AudioFrame) == 0, "idle is silent"
            await say(generator, voice[: 2 * RATE])
            assert isinstance(made.seen[-1], avatar.AudioSegmentEnd), "taken when it was played"
            await until(lambda: not isinstance(made.seen[-1], avatar.AudioSegmentEnd))
        assert made.count(avatar.AudioSegmentEnd) == 1
        assert made.seconds() == pytest.approx(2.0, abs=EDGES_S)
        sounds = [i for i in made.seen if isinstance(i, rtc.AudioFrame)]
        assert {s.sample_rate for s in sounds} == {generator.options.audio_sample_rate}
        heard = np.concatenate([np.frombuffer(s.data, np.int16) for s in sounds])
        spoken = voice[: 2 * RATE].astype(float)
        assert np.abs(heard).max() == pytest.approx(np.abs(spoken).max(), rel=0.05)
        for item in made.seen:
            if isinstance(item, rtc.VideoFrame):
                assert (item.width, item.height) == (512, 512)

    run(work())


def test_colours_survive_livekits_own_conversion(face: FaceLatent) -> None:
    async def work() -> None:
        generator = make_generator(face)
        async with Collector(generator) as made:
            pass
        frame = made.seen[0]
        before = np.frombuffer(frame.data, np.uint8).reshape(512, 512, 3).astype(float)
        through = frame.convert(rtc.VideoBufferType.I420).convert(rtc.VideoBufferType.RGB24)
        after = np.frombuffer(through.data, np.uint8).reshape(512, 512, 3)
        assert np.abs(before - after).mean() < 4
        assert np.abs(before - before[..., ::-1]).mean() > 8, "red and blue differ"

    run(work())


def test_clear_buffer_silences_it_at_once_and_for_good(face: FaceLatent, voice: np.ndarray) -> None:
    async def work() -> None:
        generator = make_generator(face)
        async with Collector(generator) as made:
            speaking = asyncio.create_task(say(generator, voice))
            await until(lambda: made.seconds() > 1.0)
            generator.clear_buffer()
            await speaking
            cleared = len(made.seen)
            # The runner still passes on the end of what was cleared.
            await generator.push_audio(avatar.AudioSegmentEnd())
            await until(lambda: len(made.seen) > cleared + 15)
            after = made.seen[cleared:]
            assert all(isinstance(i, rtc.VideoFrame) for i in after)

            again = len(made.seen)
            await say(generator, voice[:RATE])
            assert made.count(avatar.AudioSegmentEnd) == 1
            assert made.seconds(again) == pytest.approx(1.0, abs=EDGES_S)

    run(work())


class Publication:
    def __init__(self, watched: asyncio.Event) -> None:
        self._watched = watched

    async def wait_for_subscription(self) -> None:
        await self._watched.wait()


class StandInRoom:
    """A room that is connected and takes tracks; somebody watches once `watched` is set."""

    def __init__(self) -> None:
        self.watched = asyncio.Event()
        self.tracks: list = []
        self.local_participant = self

    def isconnected(self) -> bool:
        return True

    def on(self, event: str, callback: object) -> None:
        pass

    def off(self, event: str, callback: object) -> None:
        pass

    async def publish_track(self, track, options) -> Publication:
        self.tracks.append(track)
        return Publication(self.watched)


class Sent:
    """What the runner's sources were given, and when; they get it all the same."""

    def __init__(self, runner) -> None:
        self.pictures: list[tuple[float, Any]] = []
        self.sounds: list[tuple[float, Any]] = []
        self._picture = runner._video_source.capture_frame
        self._sound = runner._audio_source.capture_frame
        runner._video_source.capture_frame = self._take_picture
        runner._audio_source.capture_frame = self._take_sound

    def _take_picture(self, frame, **kwargs) -> None:
        self._picture(frame, **kwargs)
        self.pictures.append((time.monotonic(), frame))

    async def _take_sound(self, frame) -> None:
        self.sounds.append((time.monotonic(), frame))
        await self._sound(frame)

    def seconds(self) -> float:
        return sum(frame.duration for _, frame in self.sounds)


@asynccontextmanager
async def under_the_runner(face: FaceLatent) -> AsyncIterator[tuple]:
    room = StandInRoom()
    output = avatar.QueueAudioOutput(sample_rate=RATE, wait_playback_start=True)
    events: list[tuple[str, Any]] = []
    output.on("playback_started", lambda event: events.append(("started", event)))
    output.on("playback_finished", lambda event: events.append(("finished", event)))
    generator = make_generator(face)
    runner = avatar.AvatarRunner(
        room, audio_recv=output, video_gen=generator, options=generator.options
    )
    sent = Sent(runner)
    await runner.start()
    try:
        yield room, output, events, sent
    finally:
        await runner.aclose()
        await generator.aclose()


async def speak(output, samples: np.ndarray) -> None:
    for piece in pieces(samples):
        await output.capture_frame(piece)
    output.flush()


def test_the_runner_plays_two_segments_and_says_so(face: FaceLatent, voice: np.ndarray) -> None:
    async def work() -> None:
        async with under_the_runner(face) as (room, output, events, sent):
            room.watched.set()
            await until(lambda: len(sent.pictures) > 5)
            assert len(room.tracks) == 2
            assert not sent.sounds
            # Both at once, as an agent does that does not wait for the first to be played.
            await speak(output, voice[:RATE])
            await speak(output, voice[2 * RATE : 4 * RATE])
            await output.wait_for_playout()
            assert [name for name, _ in events] == ["started", "finished"] * 2
            for seconds, event in ((1.0, events[1][1]), (2.0, events[3][1])):
                assert not event.interrupted
                assert event.playback_position == pytest.approx(seconds, abs=EDGES_S)
            assert sent.seconds() == pytest.approx(3.0, abs=2 * EDGES_S)

    run(work())


def test_the_runner_is_interrupted(face: FaceLatent, voice: np.ndarray) -> None:
    async def work() -> None:
        async with under_the_runner(face) as (room, output, _, sent):
            room.watched.set()
            await speak(output, voice)
            await until(lambda: sent.seconds() > 1.0)
            output.clear_buffer()
            event = await output.wait_for_playout()
            assert event.interrupted
            assert 1.0 - EDGES_S <= event.playback_position < 0.9 * len(voice) / RATE
            played, shown = sent.seconds(), len(sent.pictures)
            await until(lambda: len(sent.pictures) > shown + 20)
            assert sent.seconds() - played <= EDGES_S / 2, "silent, but alive"

            await speak(output, voice[:RATE])
            event = await output.wait_for_playout()
            assert not event.interrupted
            assert event.playback_position == pytest.approx(1.0, abs=EDGES_S)

    run(work())


def test_what_is_said_before_anybody_watches_waits_for_them(
    face: FaceLatent, voice: np.ndarray
) -> None:
    async def work() -> None:
        async with under_the_runner(face) as (room, output, _, sent):
            await until(lambda: len(room.tracks) == 1)
            await speak(output, voice[: 2 * RATE])
            await asyncio.sleep(3)
            assert not sent.sounds
            room.watched.set()
            event = await output.wait_for_playout()
            assert event.playback_position == pytest.approx(2.0, abs=EDGES_S)
            first, last = sent.sounds[0][0], sent.sounds[-1][0]
            beside = [at for at, _ in sent.pictures if first <= at <= last]
            assert len(beside) > 8, "its pictures waited too"

    run(work())


@pytest.mark.slow
def test_the_example_writes_a_marked_talking_video(tmp_path: Path) -> None:
    """With the real portrait and the real models."""
    check_example("livekit", tmp_path)


def test_avatar_session_takes_the_agents_speech_into_its_room(
    face: FaceLatent, voice: np.ndarray
) -> None:
    from livekit.agents import AgentSession

    from openvasa.live.livekit import AvatarSession

    async def run() -> None:
        room, session = StandInRoom(), AgentSession()
        room.identity = "agent"
        portrait = AvatarSession(face, renderer=StandInRenderer, model=StandInModel(), size=256)
        assert portrait.generator.options.video_width == 256
        await portrait.start(session, room)
        room.watched.set()
        speech = session.output.audio
        assert speech is not None
        assert portrait.avatar_identity == "agent"
        for piece in pieces(voice[:RATE]):
            await speech.capture_frame(piece)
        speech.flush()
        done = await asyncio.wait_for(speech.wait_for_playout(), PATIENCE_S)
        assert done.playback_position == pytest.approx(1.0, abs=EDGES_S)
        assert not done.interrupted
        assert len(room.tracks) == 2
        await portrait.aclose()
        await portrait.aclose()

    asyncio.run(run())


def test_worker_example_registers_its_session() -> None:
    import runpy

    names = runpy.run_path(str(Path(__file__).parents[1] / "examples" / "livekit_worker.py"))
    assert names["server"]._entrypoint_fnc is names["talk"]
