# pyright: reportAttributeAccessIssue=false
"""LiveKit Agents: the `VideoGenerator` that its `AvatarRunner` asks for.

generator = OpenVasaGenerator(openvasa.load_portrait("me.jpg"))
runner = AvatarRunner(room, audio_recv=..., video_gen=generator, options=generator.options)
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import numpy as np
from livekit import rtc
from livekit.agents.voice.avatar import AudioSegmentEnd, AvatarOptions, VideoGenerator

from openvasa.face.latent import CROP_SIDE, FaceLatent
from openvasa.live.avatar import LiveAvatar
from openvasa.live.engine import LiveSettings


class OpenVasaGenerator(VideoGenerator):
    """Speaks what the agent says; between speeches it is idle, never frozen.

    Args:
        face: the portrait.
        fps: frames a second.
        sample_rate: of the sound that comes out, Hz: 16000, 24000 or 48000.
        seed: same seed, same speech, same motion.
    """

    def __init__(self, face: FaceLatent, *, fps: int = 25, sample_rate: int = 24000, seed: int = 0):
        self.avatar = LiveAvatar(face, LiveSettings(fps=fps, rate=sample_rate), seed=seed)

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

    async def push_audio(self, frame: rtc.AudioFrame | AudioSegmentEnd) -> None:
        """Take the next piece of the agent's speech, or its end."""
        if isinstance(frame, AudioSegmentEnd):
            self.avatar.end_speech()
            return
        samples = np.frombuffer(frame.data, np.int16).reshape(-1, frame.num_channels)
        mono = samples.astype(np.float32).mean(axis=1) / 32768
        self.avatar.push(mono, frame.sample_rate)

    def clear_buffer(self) -> None:
        """Stop speaking: the agent was interrupted."""
        self.avatar.interrupt()

    async def __aiter__(self) -> AsyncIterator[rtc.VideoFrame | rtc.AudioFrame | AudioSegmentEnd]:
        """Frames for ever; sound only while it speaks, then the end of the segment."""
        await self.avatar.start()
        try:
            async for shown in self.avatar:
                frame = shown.frame
                if shown.picture is not None:
                    height, width = shown.picture.shape[:2]
                    data = shown.picture.tobytes()
                    yield rtc.VideoFrame(width, height, rtc.VideoBufferType.RGB24, data)
                if frame.speech_s is not None or frame.sound.any():
                    yield self._sound(frame.sound)
                for _ in range(frame.speeches_ended):
                    yield AudioSegmentEnd()
        finally:
            await self.avatar.stop()

    def _sound(self, samples: np.ndarray) -> rtc.AudioFrame:
        data = np.clip(samples * 32767, -32768, 32767).astype(np.int16).tobytes()
        return rtc.AudioFrame(data, self.avatar.settings.rate, 1, len(samples))
