"""Pipecat: a service for after the TTS service, which turns its sound into a talking portrait.

pipeline = Pipeline([..., tts, OpenVasaVideo(openvasa.load_portrait("me.jpg")), output])
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from pipecat.frames.frames import (
    CancelFrame,
    EndFrame,
    Frame,
    InputAudioRawFrame,
    InterruptionFrame,
    OutputImageRawFrame,
    ServiceUpdateSettingsFrame,
    StartFrame,
    TTSAudioRawFrame,
    TTSStoppedFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
)
from pipecat.processors.frame_processor import FrameDirection
from pipecat.services.ai_service import AIService
from pipecat.services.settings import ServiceSettings
from pipecat.utils.types import NOT_GIVEN, NotGiven

from openvasa.audio.pcm import from_int16, to_int16
from openvasa.errors import InputError
from openvasa.face.latent import FaceLatent
from openvasa.live.adapter import PortraitOptions, make_avatar
from openvasa.live.player import Shown
from openvasa.motion.controls import Controls

if TYPE_CHECKING:
    from typing_extensions import Unpack

LAST_WORDS_S = 60.0
"""Longest wait, at the end of a pipeline, for what is still being said."""


@dataclass
class PortraitSettings(ServiceSettings):
    """What may change while the pipeline runs; None leaves it to the portrait.

    Attributes:
        gaze: yaw and pitch in degrees, to the picture's right and up.
        distance: factor of the portrait's own.
        emotion: intensity 0–1 by name: happy, angry, sad, surprised.
    """

    gaze: tuple[float, float] | NotGiven | None = field(default_factory=lambda: NOT_GIVEN)
    distance: float | NotGiven | None = field(default_factory=lambda: NOT_GIVEN)
    emotion: Mapping[str, float] | NotGiven | None = field(default_factory=lambda: NOT_GIVEN)

    def controls(self) -> Controls:
        """Of complete settings.

        Raises:
            InputError: a value is out of range.
        """
        return Controls(self.gaze, self.distance, self.emotion)  # type: ignore[arg-type]


@dataclass
class PortraitUpdateSettingsFrame(ServiceUpdateSettingsFrame[PortraitSettings]):
    """Changes the settings of the portraits in a pipeline."""


class OpenVasaVideo(AIService):
    """`TTSAudioRawFrame` in; `OutputImageRawFrame` and the same speech, beside them, out.

    Give the transport the same frame rate and size. An interruption stops it at once. It listens to
    the user's sound where the pipeline passes it on. `PortraitUpdateSettingsFrame` steers it, and
    with metrics enabled it tells the time from an answer's first sample to its first frame.

    Args:
        face: the portrait.
        settings: how it begins; what is not given is left to the portrait.
        name: of the service, in logs and metrics.
        options: as in `make_avatar`.
    """

    Settings = PortraitSettings
    _settings: PortraitSettings

    def __init__(
        self,
        face: FaceLatent,
        *,
        settings: PortraitSettings | None = None,
        name: str | None = None,
        **options: Unpack[PortraitOptions],
    ) -> None:
        complete = PortraitSettings(model=None, gaze=None, distance=None, emotion=None)
        if settings is not None:
            complete.apply_update(settings)
        super().__init__(settings=complete, name=name)
        self.avatar = make_avatar(face, complete.controls(), **options)
        self._sending: asyncio.Task | None = None
        self._context: str | None = None
        self._stopped: list[TTSStoppedFrame] = []
        self._answering = False

    def can_generate_metrics(self) -> bool:
        """How late its first frame comes is measured."""
        return True

    async def start(self, frame: StartFrame) -> None:
        """Begin to live."""
        await super().start(frame)
        await self.avatar.start()
        self._sending = self.create_task(self._send())

    async def stop(self, frame: EndFrame) -> None:
        """Say what is still to be said, then end."""
        await super().stop(frame)
        await self._finish_speaking()
        await self._close()

    async def cancel(self, frame: CancelFrame) -> None:
        """End at once."""
        await super().cancel(frame)
        await self._close()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Take a frame of the pipeline."""
        await super().process_frame(frame, direction)
        if isinstance(frame, TTSAudioRawFrame) and direction is FrameDirection.DOWNSTREAM:
            await self._speak(frame)
            return
        if isinstance(frame, TTSStoppedFrame) and direction is FrameDirection.DOWNSTREAM:
            # It is passed on when its speech has really been shown.
            self._stopped.append(frame)
            self.avatar.end_speech()
            return
        if isinstance(frame, PortraitUpdateSettingsFrame) and frame.service in (None, self):
            await self._take_settings(frame)
        elif isinstance(frame, InterruptionFrame):
            self._stopped.clear()
            self._answering = False
            self.avatar.interrupt()
        elif isinstance(frame, UserStartedSpeakingFrame | UserStoppedSpeakingFrame):
            self.avatar.listen(isinstance(frame, UserStartedSpeakingFrame))
        elif isinstance(frame, InputAudioRawFrame):
            self.avatar.hear(_mono(frame.audio, frame.num_channels), frame.sample_rate)
        await self.push_frame(frame, direction)

    async def _update_settings(self, delta: PortraitSettings) -> dict[str, Any]:
        changed = await super()._update_settings(delta)
        if changed:
            self.avatar.steer(self._settings.controls())
        return changed

    async def _take_settings(self, frame: PortraitUpdateSettingsFrame) -> None:
        delta = frame.delta
        if delta is None:
            return
        wanted = self._settings.copy()
        wanted.apply_update(delta)
        try:
            wanted.controls()
        except InputError as error:
            await self.push_error(str(error))
            return
        await self._update_settings(delta)

    async def cleanup(self) -> None:
        """Let go of everything."""
        await super().cleanup()
        await self._close()

    async def _speak(self, frame: TTSAudioRawFrame) -> None:
        self._context = frame.context_id
        if not self._answering:
            self._answering = True
            await self.start_ttfb_metrics()
        self.avatar.push(_mono(frame.audio, frame.num_channels), frame.sample_rate)

    async def _send(self) -> None:
        async for shown in self.avatar:
            await self._send_frame(shown)

    async def _send_frame(self, shown: Shown) -> None:
        frame = shown.frame
        if shown.speaks and self._answering:
            await self.stop_ttfb_metrics()
        if shown.picture is not None:
            height, width = shown.picture.shape[:2]
            image = OutputImageRawFrame(shown.picture.tobytes(), (width, height), "RGB")
            image.sync_with_audio = shown.speaks
            await self.push_frame(image)
        if shown.speaks:
            data = to_int16(frame.sound).tobytes()
            sound = TTSAudioRawFrame(data, self.avatar.settings.rate, 1)
            sound.context_id = self._context
            await self.push_frame(sound)
        for _ in range(min(frame.speeches_ended, len(self._stopped))):
            self._answering = False
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


def _mono(audio: bytes, channels: int) -> np.ndarray:
    """16-bit samples → (n,) float32."""
    samples = np.frombuffer(audio, np.int16).reshape(-1, channels)
    return from_int16(samples).mean(axis=1)
