"""One conversation: a session's microphone and typed turns in, its portrait's answers out."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from urllib.parse import urlsplit

import numpy as np
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.audio.vad.vad_analyzer import VADParams
from pipecat.frames.frames import (
    ErrorFrame,
    Frame,
    InputAudioRawFrame,
    InterruptionFrame,
    LLMMessagesAppendFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (
    LLMContextAggregatorPair,
    LLMUserAggregatorParams,
    UserTurnStoppedMessage,
)
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.turns.user_start import VADUserTurnStartStrategy
from pipecat.turns.user_stop import SpeechTimeoutUserTurnStopStrategy
from pipecat.turns.user_turn_strategies import UserTurnStrategies
from pipecat.workers.runner import WorkerRunner

from openvasa.audio.pcm import from_int16, to_int16
from openvasa.live.resample import StreamResampler
from openvasa.live.session import Session
from openvasa.live.speeches import Event
from openvasa.rates import SAMPLE_RATE
from openvasa.talk.echo_gate import BLOCK, EchoGate
from openvasa.talk.mouth import Mouth
from openvasa.talk.services import (
    VOICE_RATE,
    Endpoint,
    TalkSettings,
    make_ears,
    make_mind,
    make_voice,
)

LONGEST_EARLY = SAMPLE_RATE
"""Samples: what is older when the pipeline comes up is not answered any more."""
PIECE_END_S = 0.5
"""Silence after which a piece of a turn is heard. A shorter one cuts sentences at their commas, and
pieces are understood worse than the whole."""
THINKING_PAUSE_S = 0.1
"""Silence after `PIECE_END_S` for which a turn goes on."""
LONGEST_REASON = 300
MOST_TURNS = 200
"""Of the history that a page is given."""


class Dialogue:
    """Runs from `start` to `stop`; all methods belong to the event loop's thread.

    Attributes:
        turns: what was said, oldest first: `who` and `text`, of the portrait's also the `speech`,
            and `cut` where it was cut short.
    """

    def __init__(self, session: Session, settings: TalkSettings) -> None:
        self.turns: list[dict[str, object]] = []
        self._session = session
        self._gate = EchoGate()
        self._resampler: StreamResampler | None = None
        self._said: StreamResampler = StreamResampler(session.settings.rate, SAMPLE_RATE)
        self._running: asyncio.Task | None = None
        self._up = False
        self._waiting: list[Frame] = []
        """Typed turns that are to go through the pipeline once it is up."""
        self._early = np.zeros(0, np.float32)
        """The newest sound of the microphone until then."""
        self._putting: set[asyncio.Future] = set()
        self.mouth = Mouth(session)
        context = LLMContext()
        user, assistant = LLMContextAggregatorPair(
            context,
            user_params=LLMUserAggregatorParams(
                vad_analyzer=SileroVADAnalyzer(params=VADParams(stop_secs=PIECE_END_S)),
                user_turn_strategies=UserTurnStrategies(
                    start=[VADUserTurnStartStrategy()],
                    stop=[SpeechTimeoutUserTurnStopStrategy(user_speech_timeout=THINKING_PAUSE_S)],
                ),
            ),
        )
        user.add_event_handler("on_user_turn_stopped", self._note_turn)
        ears, mind, voice = make_ears(settings), make_mind(settings), make_voice(settings)
        self._named: dict[FrameProcessor | None, str] = {
            ears: _name("what hears", settings.stt),
            mind: _name("the language model" if settings.llm else "the script", settings.llm),
            voice: _name("what speaks", settings.tts),
        }
        self._worker = PipelineWorker(
            Pipeline([ears, user, mind, voice, self.mouth, assistant]),
            params=PipelineParams(
                audio_in_sample_rate=SAMPLE_RATE,
                audio_out_sample_rate=VOICE_RATE,
                enable_metrics=True,
            ),
            idle_timeout_secs=None,
        )
        self._worker.add_event_handler("on_pipeline_started", self._put_waiting)
        self._worker.add_event_handler("on_pipeline_error", self._tell_error)

    async def start(self) -> None:
        """Begin to listen."""
        runner = WorkerRunner(handle_sigint=False)
        await runner.add_workers(self._worker)
        self._running = asyncio.create_task(runner.run())
        self._session.listeners.add(self._hear_event)
        self._session.partner = self.hear
        self._session.on_sound = self._note_said
        self._session.on_interrupt = self._take_interruption

    async def stop(self) -> None:
        """End it; safe to call twice."""
        running, self._running = self._running, None
        if running is None:
            return
        self._session.listeners.discard(self._hear_event)
        self._session.partner = self._session.on_sound = self._session.on_interrupt = None
        await self._worker.cancel()
        with suppress(asyncio.CancelledError, asyncio.TimeoutError):
            await asyncio.wait_for(running, 5)
        self._up = False
        self._waiting.clear()
        self._early = self._early[:0]

    def hear(self, samples: np.ndarray, rate: int) -> None:
        """Take (n,) mono samples of the microphone, int16 or float32."""
        if self._resampler is None or self._resampler.source != rate:
            self._resampler = StreamResampler(rate, SAMPLE_RATE)
        heard = self._gate.hear(self._resampler.push(from_int16(samples)))
        if not self._up:
            self._early = np.concatenate([self._early, heard])[-LONGEST_EARLY:]
        elif len(heard):
            self._put(*_sound_frames(heard))

    def take_turn(self, text: str) -> None:
        """Take a turn that the user typed; it interrupts what is being said."""
        self._note("user", text)
        turn = LLMMessagesAppendFrame([{"role": "user", "content": text}], run_llm=True)
        if self._up:
            self._put(InterruptionFrame(), turn)
        else:
            self._waiting += [InterruptionFrame(), turn]

    def _take_interruption(self) -> None:
        """Have the pipeline stop, too, where a client has stopped the portrait."""
        if self._up:
            self.mouth.take_interruption()
        else:
            # Inside the pipeline an interruption would overtake the turns that wait with it.
            self._waiting.clear()

    async def _put_waiting(self, *_: object) -> None:
        waiting, self._waiting = [*self._waiting, *_sound_frames(self._early)], []
        self._early = self._early[:0]
        self._up = True
        # At once: a client that stops now must not go ahead of them.
        await self._worker.queue_frames(waiting)

    def _put(self, *frames: Frame) -> None:
        task = asyncio.ensure_future(self._worker.queue_frames(list(frames)))
        self._putting.add(task)
        task.add_done_callback(self._putting.discard)

    async def _note_turn(
        self, aggregator: object, strategy: object, message: UserTurnStoppedMessage
    ) -> None:
        if message.content:
            self._note("user", message.content)

    async def _tell_error(self, worker: object, frame: ErrorFrame) -> None:
        """Say on the page what did not work: else a turn is met with silence."""
        who = self._named.get(frame.processor, "the conversation")
        words = " ".join(frame.error.split())[:LONGEST_REASON]
        self._session.announce({"type": "error", "error": f"{who} failed: {words}"})

    def _note_said(self, samples: np.ndarray) -> None:
        self._gate.say(self._said.push(samples))

    def _note(self, who: str, text: str) -> None:
        self._session.announce({"type": "caption", "who": who, "text": text})

    def _hear_event(self, event: Event) -> None:
        turn = {key: value for key, value in event.items() if key != "type"}
        if event["type"] == "caption":
            self.turns.append(turn)
            del self.turns[:-MOST_TURNS]
        elif event["type"] == "caption.cut":
            self._cut_short(turn)

    def _cut_short(self, turn: dict[str, object]) -> None:
        """Put what was heard of an answer in place of it; nothing, where nothing was."""
        of_it = [at for at, t in enumerate(self.turns) if t.get("speech") == turn["speech"]]
        if of_it and turn["text"]:
            self.turns[of_it.pop(0)] = {**turn, "cut": True}
        for at in reversed(of_it):
            del self.turns[at]


def _sound_frames(samples: np.ndarray) -> list[Frame]:
    """Frames of 20 ms: the voice detector judges a frame once, however long it is."""
    return [
        InputAudioRawFrame(to_int16(samples[at : at + BLOCK]).tobytes(), SAMPLE_RATE, 1)
        for at in range(0, len(samples), BLOCK)
    ]


def _name(what: str, server: Endpoint | None) -> str:
    """What does it, and on which host; an address may hold a password."""
    if server is None:
        return what
    return f"{what} ({server.model} at {urlsplit(server.url).hostname or 'a server'})"
