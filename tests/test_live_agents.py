"""The adapters against the real packages: LiveKit Agents and Pipecat."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest
from live_stand_in import StandInGenerator

import openvasa
from openvasa.audio.decode import read_blocks
from openvasa.face.latent import FaceLatent
from openvasa.live import avatar as avatar_module
from openvasa.live.engine import Engine

EXAMPLES = Path(__file__).parents[1] / "examples"
RATE = 16000


@pytest.fixture(scope="module")
def face() -> FaceLatent:
    return openvasa.load_portrait(EXAMPLES / "portrait.jpg")


@pytest.fixture(autouse=True)
def _stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    def engine(settings, seed) -> Engine:
        return Engine(StandInGenerator(settings.hop, settings.lookahead), settings)

    monkeypatch.setattr(avatar_module, "live_engine", engine)


def speech(seconds: float) -> np.ndarray:
    """(n,) int16 at 16 kHz."""
    voice = np.concatenate(list(read_blocks(EXAMPLES / "voice.wav")))[: round(seconds * RATE)]
    return (voice * 32767).astype(np.int16)


class TestLiveKit:
    rtc = pytest.importorskip("livekit.rtc", reason="needs the livekit extra")
    voice = pytest.importorskip("livekit.agents.voice.avatar", reason="needs the livekit extra")

    def generator(self, face: FaceLatent):
        from openvasa.live.livekit import OpenVasaGenerator

        return OpenVasaGenerator(face, fps=25)

    async def push(self, generator, seconds: float) -> None:
        for chunk in np.array_split(speech(seconds), round(seconds * 50)):
            await generator.push_audio(self.rtc.AudioFrame(chunk.tobytes(), RATE, 1, len(chunk)))
        await generator.push_audio(self.voice.AudioSegmentEnd())

    def test_speech_comes_out_beside_its_frames_and_ends(self, face: FaceLatent) -> None:
        generator = self.generator(face)
        seen: list = []

        async def run() -> None:
            async for item in generator:
                seen.append(item)
                if len(seen) == 10:
                    await self.push(generator, 2.0)
                if isinstance(item, self.voice.AudioSegmentEnd):
                    break

        asyncio.run(asyncio.wait_for(run(), 60))
        frames = [i for i in seen if isinstance(i, self.rtc.VideoFrame)]
        sounds = [i for i in seen if isinstance(i, self.rtc.AudioFrame)]
        assert all(isinstance(i, self.rtc.VideoFrame) for i in seen[:10]), "idle shows, silent"
        assert (frames[0].width, frames[0].height) == (512, 512)
        assert sum(s.duration for s in sounds) == pytest.approx(2.0, abs=0.1)
        assert {s.sample_rate for s in sounds} == {24000}
        assert np.abs(np.frombuffer(sounds[10].data, np.int16)).max() > 500

    def test_clear_buffer_stops_it(self, face: FaceLatent) -> None:
        generator = self.generator(face)

        async def run() -> float:
            after, cleared = 0.0, False
            loop = asyncio.get_running_loop()
            end = None
            async for item in generator:
                if end is None:
                    await self.push(generator, 8.0)
                    end = loop.time() + 2.0
                if not cleared and loop.time() > end:
                    generator.clear_buffer()
                    cleared, end = True, loop.time() + 2.0
                elif cleared and isinstance(item, self.rtc.AudioFrame):
                    after += item.duration * bool(np.frombuffer(item.data, np.int16).any())
                elif cleared and loop.time() > end:
                    return after
            return after

        assert asyncio.run(asyncio.wait_for(run(), 60)) < 0.1

    def test_runs_under_the_real_avatar_runner(self, face: FaceLatent) -> None:
        """Up to the publishing, for which LiveKit needs a server: frames reach its synchroniser."""
        generator = self.generator(face)

        async def run() -> tuple[int, int]:
            room = self.rtc.Room()
            output = self.voice.QueueAudioOutput(sample_rate=RATE)
            runner = self.voice.AvatarRunner(
                room, audio_recv=output, video_gen=generator, options=generator.options
            )
            kinds = {self.rtc.VideoFrame: 0, self.rtc.AudioFrame: 0}

            async def push(frame, timestamp=None) -> None:
                kinds[type(frame)] += 1

            async def publish() -> None:
                return None

            runner.av_sync.push = push
            runner._publish_track = publish
            finished = asyncio.Event()
            output.on("playback_finished", lambda event: finished.set())
            await runner.start()
            chunk = speech(1.0)
            await output.capture_frame(self.rtc.AudioFrame(chunk.tobytes(), RATE, 1, len(chunk)))
            output.flush()
            await asyncio.wait_for(finished.wait(), 30)
            await runner.aclose()
            await generator.avatar.stop()
            return kinds[self.rtc.VideoFrame], kinds[self.rtc.AudioFrame]

        frames, sounds = asyncio.run(run())
        assert frames > 3
        assert sounds > 20


class TestPipecat:
    pipecat = pytest.importorskip("pipecat", reason="needs the pipecat extra")

    def run(self, face: FaceLatent, frames: list) -> list:
        from pipecat.tests.utils import run_test

        from openvasa.live.pipecat import OpenVasaVideo

        processor = OpenVasaVideo(face, fps=25)
        down, _ = asyncio.run(run_test(processor, frames_to_send=frames, start_timeout=30.0))
        return list(down)

    def tts(self, seconds: float) -> list:
        from pipecat.frames.frames import TTSAudioRawFrame, TTSStartedFrame, TTSStoppedFrame

        chunks = np.array_split(speech(seconds), round(seconds * 10))
        sound = [TTSAudioRawFrame(c.tobytes(), RATE, 1) for c in chunks]
        return [TTSStartedFrame(), *sound, TTSStoppedFrame()]

    def test_speech_comes_out_beside_images_and_ends(self, face: FaceLatent) -> None:
        from pipecat.frames.frames import OutputImageRawFrame, TTSAudioRawFrame, TTSStoppedFrame

        down = self.run(face, self.tts(2.0))
        images = [f for f in down if isinstance(f, OutputImageRawFrame)]
        sounds = [f for f in down if isinstance(f, TTSAudioRawFrame)]
        assert len(images) > 15
        assert images[0].size == (512, 512)
        assert len(images[0].image) == 512 * 512 * 3
        seconds = sum(len(f.audio) for f in sounds) / 2 / 24000
        assert seconds == pytest.approx(2.0, abs=0.1)
        kinds = [type(f) for f in down]
        assert kinds.index(TTSStoppedFrame) > len(kinds) - 1 - kinds[::-1].index(TTSAudioRawFrame)

    def test_interruption_stops_it(self, face: FaceLatent) -> None:
        from pipecat.frames.frames import InterruptionFrame, TTSAudioRawFrame
        from pipecat.tests.utils import SleepFrame

        down = self.run(
            face, [*self.tts(8.0)[:-1], SleepFrame(2.0), InterruptionFrame(), SleepFrame(1.0)]
        )
        sounds = [f for f in down if isinstance(f, TTSAudioRawFrame)]
        heard = sum(np.frombuffer(f.audio, np.int16).any() for f in sounds) * 0.04
        assert 0.5 < heard < 3.0
        index = next(i for i, f in enumerate(down) if isinstance(f, InterruptionFrame))
        after = [f for f in down[index:] if isinstance(f, TTSAudioRawFrame)]
        assert sum(np.frombuffer(f.audio, np.int16).any() for f in after) * 0.04 < 0.15
