"""LiveKit Agents: the `VideoGenerator` from which its `AvatarRunner` takes picture and sound.

generator = OpenVasaGenerator(openvasa.load_portrait("me.jpg"))
runner = AvatarRunner(room, audio_recv=..., video_gen=generator, options=generator.options)

The runner counts all sound that it is given as played, and any `AudioSegmentEnd` as the end of
what it passed on last. So sound comes out only while something is said, an end only for a segment
that was begun and not cleared, and the next segment is not taken before the last one was played.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import numpy as np
from livekit.agents.voice.avatar import AudioSegmentEnd, AvatarOptions, VideoGenerator
from livekit.rtc import AudioFrame, VideoBufferType, VideoFrame

from openvasa.face.latent import CROP_SIDE, FaceLatent
from openvasa.live.avatar import LiveAvatar
from openvasa.live.frame import LiveSettings
from openvasa.live.painter import UNREFINED
from openvasa.motion.model import MotionModel
from openvasa.rates import MOTION_RATE
from openvasa.render.renderer import RendererFactory


class OpenVasaGenerator(VideoGenerator):
    """Speaks what the agent says; between speeches it is idle, never frozen.

    Args:
        face: the portrait.
        fps: frames a second.
        sample_rate: of the sound that comes out, Hz: 16000, 24000 or 48000.
        seed: of the shipped motion model: same seed, same speech, same motion.
        renderer: draws the pictures.
        model: generates the motion; None takes the shipped one.
    """

    def __init__(
        self,
        face: FaceLatent,
        *,
        fps: int = MOTION_RATE,
        sample_rate: int = 24000,
        seed: int = 0,
        renderer: RendererFactory = UNREFINED,
        model: MotionModel | None = None,
    ) -> None:
        settings = LiveSettings(fps=fps, rate=sample_rate)
        self.avatar = LiveAvatar(face, settings, seed=seed, renderer=renderer, model=model)
        self._in_segment = False
        self._played = asyncio.Event()

    @property
    def options(self) -> AvatarOptions:
        """What `AvatarRunner` must know about the frames."""
        settings = self.avatar.settings
        return AvatarOptions(
            video_width=CROP_SIDE,
            video_height=CROP_SIDE,
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
        self.avatar.push(samples.astype(np.float32).mean(axis=1) / 32768, frame.sample_rate)

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
        data = np.clip(samples * 32767, -32768, 32767).astype(np.int16).tobytes()
        return AudioFrame(data, self.avatar.settings.rate, 1, len(samples))
