"""What hears, thinks and speaks: this machine, or servers that speak OpenAI's protocol."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from pipecat.frames.frames import ErrorFrame, Frame, TranscriptionFrame, TTSAudioRawFrame
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.services.settings import STTSettings, TTSSettings
from pipecat.services.stt_service import SegmentedSTTService
from pipecat.services.tts_service import TTSService
from pipecat.utils.time import time_now_iso8601

from openvasa.audio.pcm import from_int16, to_int16
from openvasa.errors import InputError
from openvasa.live.resample import StreamResampler
from openvasa.live.speech import TIMEOUT_S, Voice, speak
from openvasa.rates import MOTION_RATE, SAMPLE_RATE
from openvasa.talk.script import ScriptedAgent

if TYPE_CHECKING:
    from moonshine_voice import Transcriber

VOICE_RATE = 24_000
PIECE = VOICE_RATE // MOTION_RATE
LONGEST_HEARING_S = 3.0
"""A turn waits so long for its text where it has to."""
LONGEST_SPEAKING_S = TIMEOUT_S
"""A voice may take so long for a sentence, else its answer counts as one without sound, and after
three of those Pipecat gives the voice up. The end of an answer does not wait for it."""
KEY_VARIABLE = "OPENAI_API_KEY"


@dataclass(frozen=True)
class Endpoint:
    """A server that speaks the protocol of OpenAI.

    Attributes:
        url: its base, as `http://localhost:11434/v1`.
        model: name of the model there.
    """

    url: str
    model: str


@dataclass(frozen=True)
class TalkSettings:
    """Who hears, thinks and speaks.

    Attributes:
        voice: of this machine, for where no speech endpoint is named.
        llm, stt, tts: endpoints; None for what this machine has.
        instructions: system message for the language model.
        tts_voice: name of the endpoint's voice.
    """

    voice: Voice | None
    llm: Endpoint | None = None
    stt: Endpoint | None = None
    tts: Endpoint | None = None
    instructions: str = (
        "You are a talking portrait. Your answers are spoken: be brief and friendly, use plain "
        "sentences, no lists and no markup."
    )
    tts_voice: str = "alloy"


def make_ears(settings: TalkSettings) -> FrameProcessor:
    """The speech-to-text service."""
    if settings.stt is None:
        return MoonshineEars()
    from pipecat.services.openai.stt import OpenAISTTService

    chosen = OpenAISTTService.Settings(model=settings.stt.model)
    return OpenAISTTService(api_key=_key(), base_url=settings.stt.url, settings=chosen)


def make_mind(settings: TalkSettings) -> FrameProcessor:
    """The language model, or the script."""
    if settings.llm is None:
        return ScriptedAgent()
    from pipecat.services.openai.llm import OpenAILLMService

    chosen = OpenAILLMService.Settings(
        model=settings.llm.model, system_instruction=settings.instructions
    )
    return OpenAILLMService(api_key=_key(), base_url=settings.llm.url, settings=chosen)


def make_voice(settings: TalkSettings) -> FrameProcessor:
    """The text-to-speech service.

    Raises:
        InputError: this machine has no voice and no endpoint is named.
    """
    if settings.tts is not None:
        from pipecat.services.openai.tts import OpenAITTSService

        chosen = OpenAITTSService.Settings(model=settings.tts.model, voice=settings.tts_voice)
        return OpenAITTSService(
            api_key=_key(),
            base_url=settings.tts.url,
            settings=chosen,
            stop_frame_timeout_s=LONGEST_SPEAKING_S,
        )
    if settings.voice is None:
        raise InputError(
            "voice: this machine has none; run pip install espeakng-loader, or name a server with "
            "--tts URL"
        )
    return MachineVoice(settings.voice)


class MoonshineEars(SegmentedSTTService):
    """Moonshine-tiny (Jeffries et al., arXiv:2410.15608), English; its wheel has the weights."""

    def __init__(self) -> None:
        super().__init__(
            sample_rate=SAMPLE_RATE,
            ttfs_p99_latency=LONGEST_HEARING_S,
            settings=STTSettings(model="moonshine-tiny", language=None),
        )
        load_moonshine()

    @property
    def wants_wav_segments(self) -> bool:
        """Segments come as plain 16-bit samples."""
        return False

    def can_generate_metrics(self) -> bool:
        """How long it takes is measured."""
        return True

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame, None]:
        """16-bit samples of one turn → its text."""
        await self.start_processing_metrics()
        text = await asyncio.to_thread(_transcribe, from_int16(np.frombuffer(audio, "<i2")))
        await self.stop_processing_metrics()
        if text:
            yield TranscriptionFrame(text, self._user_id, time_now_iso8601())


_loading, _transcribing = threading.Lock(), threading.Lock()


def load_moonshine() -> Transcriber:
    """One for all conversations of a process: each would take 7 MB that never come back.

    Its library is not ready for two conversations that load it at the same time.
    """
    with _loading:
        return _moonshine()


@lru_cache(maxsize=1)
def _moonshine() -> Transcriber:
    from moonshine_voice import ModelArch, Transcriber, get_model_path

    return Transcriber(str(get_model_path("tiny-en")), ModelArch.TINY)


def _transcribe(samples: np.ndarray) -> str:
    """(n,) float32 samples at 16 kHz → what was said."""
    ears = load_moonshine()
    with _transcribing:
        heard = ears.transcribe_without_streaming(samples.tolist(), SAMPLE_RATE)
    return " ".join(line.text for line in heard.lines).strip()


class MachineVoice(TTSService):
    """A voice that is installed on this machine, sentence by sentence."""

    def __init__(self, voice: Voice) -> None:
        super().__init__(
            push_start_frame=True,
            push_stop_frames=True,
            stop_frame_timeout_s=LONGEST_SPEAKING_S,
            sample_rate=VOICE_RATE,
            settings=TTSSettings(model=None, voice=voice.name, language=None),
        )
        self._chosen = voice

    def can_generate_metrics(self) -> bool:
        """How long the first sound takes is measured."""
        return True

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame, None]:
        """A sentence → its sound."""
        try:
            samples, rate = await asyncio.to_thread(speak, text, self._chosen)
        except InputError as error:
            yield ErrorFrame(str(error))
            return
        await self.stop_ttfb_metrics()
        resampler = StreamResampler(rate, VOICE_RATE)
        sound = resampler.push(from_int16(samples))
        sound = np.concatenate([sound, resampler.finish()])
        whole = to_int16(sound)
        for start in range(0, len(whole), PIECE):
            data = whole[start : start + PIECE].tobytes()
            yield TTSAudioRawFrame(data, VOICE_RATE, 1, context_id=context_id)


def _key() -> str:
    """Servers on one's own machine take any key."""
    return os.environ.get(KEY_VARIABLE) or "none"
