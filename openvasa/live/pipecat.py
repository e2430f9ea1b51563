"""Pipecat: a processor for after the TTS service, which turns its sound into a talking portrait.

pipeline = Pipeline([..., tts, OpenVasaVideo(openvasa.load_portrait("me.jpg")), output])
"""

from __future__ import annotations

import asyncio

import numpy as np
from pipecat.frames.frames import (
    CancelFrame,
    EndFrame,
    Frame,
    InterruptionFrame,
    OutputImageRawFrame,
    StartFrame,
    TTSAudioRawFrame,
    TTSStoppedFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from openvasa.face.latent import FaceLatent
from openvasa.live.avatar import LiveAvatar
from openvasa.live.frame import LiveSettings
from openvasa.live.painter import UNREFINED
from openvasa.live.player import Shown
from openvasa.motion.model import MotionModel
from openvasa.rates import MOTION_RATE
from openvasa.render.renderer import RendererFactory

LAST_WORDS_S = 60.0
"""Longest wait, at the end of a pipeline, for what is still being said."""


class OpenVasaVideo(FrameProcessor):
    """`TTSAudioRawFrame` in; `OutputImageRawFrame` and the same speech, beside them, out.

    An interruption stops it at once, and while the user speaks it listens.

    Args:
        face: the portrait.
        fps: frames a second; give the transport the same, and 512×512 as its video size.
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
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        settings = LiveSettings(fps=fps, rate=sample_rate)
        self.avatar = LiveAvatar(face, settings, seed=seed, renderer=renderer, model=model)
        self._sending: asyncio.Task | None = None
        self._context: str | None = None
        self._stopped: list[TTSStoppedFrame] = []

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Take a frame of the pipeline."""
        await super().process_frame(frame, direction)
        if isinstance(frame, TTSAudioRawFrame) and direction is FrameDirection.DOWNSTREAM:
            self._speak(frame)
            return
        if isinstance(frame, TTSStoppedFrame) and direction is FrameDirection.DOWNSTREAM:
            # It is passed on when its speech has really been shown.
            self._stopped.append(frame)
            self.avatar.end_speech()
            return
        if isinstance(frame, StartFrame):
            await self.avatar.start()
            self._sending = self.create_task(self._send())
        elif isinstance(frame, InterruptionFrame):
            self._stopped.clear()
            self.avatar.interrupt()
        elif isinstance(frame, UserStartedSpeakingFrame | UserStoppedSpeakingFrame):
            self.avatar.listen(isinstance(frame, UserStartedSpeakingFrame))
        elif isinstance(frame, EndFrame):
            await self._finish_speaking()
            await self._close()
        elif isinstance(frame, CancelFrame):
            await self._close()
        await self.push_frame(frame, direction)

    async def cleanup(self) -> None:
        """Let go of everything."""
        await super().cleanup()
        await self._close()

    def _speak(self, frame: TTSAudioRawFrame) -> None:
        self._context = frame.context_id
        samples = np.frombuffer(frame.audio, np.int16).reshape(-1, frame.num_channels)
        self.avatar.push(samples.astype(np.float32).mean(axis=1) / 32768, frame.sample_rate)

    async def _send(self) -> None:
        async for shown in self.avatar:
            await self._send_frame(shown)

    async def _send_frame(self, shown: Shown) -> None:
        frame = shown.frame
        if shown.picture is not None:
            height, width = shown.picture.shape[:2]
            image = OutputImageRawFrame(shown.picture.tobytes(), (width, height), "RGB")
            image.sync_with_audio = shown.speaks
            await self.push_frame(image)
        if shown.speaks:
            data = np.clip(frame.sound * 32767, -32768, 32767).astype(np.int16).tobytes()
            sound = TTSAudioRawFrame(data, self.avatar.settings.rate, 1)
            sound.context_id = self._context
            await self.push_frame(sound)
        for _ in range(min(frame.speeches_ended, len(self._stopped))):
            await self.push_frame(self._stopped.pop(0))

    async def _finish_speaking(self) -> None:
        self.avatar.end_speech()
        for _ in range(round(LAST_WORDS_S / 0.05)):
            if not self.avatar.unfinished:
                return
            await asyncio.sleep(0.05)

    async def _close(self) -> None:
        await self.avatar.stop()
        if self._sending is not None:
            task, self._sending = self._sending, None
            await self.cancel_task(task)
