"""LiveKit Agents: the `VideoGenerator` from which its `AvatarRunner` takes picture and sound.

generator = OpenVasaGenerator(openvasa.load_portrait("me.jpg"))
runner = AvatarRunner(room, audio_recv=..., video_gen=generator, options=generator.options)

`AvatarSession` does that for an agent whose portrait lives in the agent's own process:

    avatar = AvatarSession(openvasa.load_portrait("me.jpg"))
    await avatar.start(session, room=ctx.room)
    await session.start(agent, room=ctx.room)

The runner counts all sound that it is given as played, and any `AudioSegmentEnd` as the end of
what it passed on last. So sound comes out only while something is said, an end only for a segment
that was begun and not cleared, and the next segment is not taken before the last one was played.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import numpy as np
from livekit.agents import AgentSession
from livekit.agents.voice.avatar import (
    AudioSegmentEnd,
    AvatarOptions,
    AvatarRunner,
    QueueAudioOutput,
    VideoGenerator,
)
from livekit.agents.voice.avatar import AvatarSession as BaseAvatarSession
from livekit.rtc import AudioFrame, Room, VideoBufferType, VideoFrame

from openvasa.audio.pcm import from_int16, to_int16
from openvasa.face.latent import FaceLatent
from openvasa.live.adapter import PortraitOptions, make_avatar
from openvasa.motion.controls import Controls

if TYPE_CHECKING:
    from typing_extensions import Unpack


class OpenVasaGenerator(VideoGenerator):
    """Speaks what the agent says; between speeches it is idle, never frozen.

    Args:
        face: the portrait.
        controls: gaze, distance and emotion at the start; `avatar.steer` changes them.
        options: as in `make_avatar`.
    """

    def __init__(
        self,
        face: FaceLatent,
        *,
        controls: Controls | None = None,
        **options: Unpack[PortraitOptions],
    ) -> None:
        self.avatar = make_avatar(face, controls or Controls(), **options)
        self._in_segment = False
        self._played = asyncio.Event()

    @property
    def options(self) -> AvatarOptions:
        """What `AvatarRunner` must know about the frames."""
        settings = self.avatar.settings
        return AvatarOptions(
            video_width=settings.size,
            video_height=settings.size,
            video_fps=settings.fps,
            audio_sample_rate=settings.rate,
            audio_channels=1,
        )

    async def push_audio(self, frame: AudioFrame | AudioSegmentEnd) -> None:
        """Take the next piece of the agent's speech; its end is taken when it has been played."""
        if isinstance(frame, AudioSegmentEnd):
            # The end of what was cleared still comes; given back, it would end what is said next.
            if self._in_segment:
                self._in_segment = False
                self._played.clear()
                self.avatar.end_speech()
                await self._played.wait()
            return
        self._in_segment = True
        samples = np.frombuffer(frame.data, np.int16).reshape(-1, frame.num_channels)
        self.avatar.push(from_int16(samples).mean(axis=1), frame.sample_rate)

    def clear_buffer(self) -> None:
        """Stop speaking: the agent was interrupted."""
        self._in_segment = False
        self.avatar.interrupt()
        self._played.set()

    async def __aiter__(self) -> AsyncIterator[VideoFrame | AudioFrame | AudioSegmentEnd]:
        """Pictures until `aclose`, and beside them the sound of each segment, then its end."""
        await self.avatar.start()
        try:
            async for shown in self.avatar:
                # First: while the runner waits to pass on a picture, the buffer may be cleared.
                if shown.speaks:
                    yield self._sound(shown.frame.sound)
                if shown.picture is not None:
                    height, width = shown.picture.shape[:2]
                    data = shown.picture.tobytes()
                    yield VideoFrame(width, height, VideoBufferType.RGB24, data)
                for _ in range(shown.frame.speeches_ended):
                    yield AudioSegmentEnd()
                    self._played.set()
        finally:
            await self.aclose()

    async def aclose(self) -> None:
        """Stop for good; for after the runner was closed."""
        self._played.set()
        await self.avatar.stop()

    def _sound(self, samples: np.ndarray) -> AudioFrame:
        data = to_int16(samples).tobytes()
        return AudioFrame(data, self.avatar.settings.rate, 1, len(samples))


class AvatarSession(BaseAvatarSession):
    """Gives an agent a face: its speech goes through a portrait into the agent's room.

    The portrait is published by the agent itself, without a second participant. Start it before
    the agent's session.

    Args:
        face: the portrait.
        controls, options: as in `OpenVasaGenerator`.
    """

    def __init__(
        self,
        face: FaceLatent,
        *,
        controls: Controls | None = None,
        **options: Unpack[PortraitOptions],
    ) -> None:
        super().__init__()
        self.generator = OpenVasaGenerator(face, controls=controls, **options)
        self._runner: AvatarRunner | None = None

    @property
    def provider(self) -> str:
        """Who the metrics name."""
        return "openvasa"

    @property
    def avatar_identity(self) -> str:
        """The agent's own: it publishes the portrait."""
        assert self._room is not None, "start the portrait first"
        return self._room.local_participant.identity

    async def start(self, agent_session: AgentSession, room: Room) -> None:
        """Take the agent's speech and begin to show the portrait."""
        await super().start(agent_session, room)
        options = self.generator.options
        speech = QueueAudioOutput(sample_rate=options.audio_sample_rate, wait_playback_start=True)
        agent_session.output.audio = speech
        self._runner = AvatarRunner(
            room, audio_recv=speech, video_gen=self.generator, options=options
        )
        await self._runner.start()

    async def aclose(self) -> None:
        """Stop showing it; the agent stays in its room."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.aclose()
            await self.generator.aclose()
        # The base class would remove the participant, which is the agent itself.
        self._room = None
        await super().aclose()
