"""The end of a pipeline: what was to be said is said by a live portrait, and heard in its time."""

from __future__ import annotations

import numpy as np
from pipecat.frames.frames import (
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    Frame,
    InterruptionFrame,
    LLMFullResponseStartFrame,
    TTSAudioRawFrame,
    TTSStoppedFrame,
    TTSTextFrame,
    UserStartedSpeakingFrame,
    UserStoppedSpeakingFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from openvasa.audio.pcm import from_int16
from openvasa.live.session import Session
from openvasa.live.speeches import Event
from openvasa.talk.captions import Captions

_OF_AN_ANSWER = TTSAudioRawFrame | TTSTextFrame | TTSStoppedFrame


class Mouth(FrameProcessor):
    """Speaks through a session; the pipeline is told when its speech begins and ends.

    Attributes:
        first_sound_at: when the first sample of the last answer came in, s of the event loop.
        interrupted_at: when speech was last interrupted.
    """

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.first_sound_at: float | None = None
        self.interrupted_at: float | None = None
        self._session = session
        self._speaking = self._interrupting = False
        self._dropping = False
        """Whether what comes in belongs to an answer that was stopped."""
        self._stopped: list[TTSStoppedFrame] = []
        self._captions = Captions()
        session.listeners.add(self._hear_event)

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Take a frame of the pipeline."""
        await super().process_frame(frame, direction)
        if direction is FrameDirection.DOWNSTREAM:
            if isinstance(frame, LLMFullResponseStartFrame):
                self._dropping = False
            if self._dropping and isinstance(frame, _OF_AN_ANSWER):
                return
            if isinstance(frame, TTSAudioRawFrame):
                await self._speak(frame)
                return
            if isinstance(frame, TTSStoppedFrame):
                # It is passed on when its speech has been heard.
                self._stopped.append(frame)
                self._session.speeches.end()
                return
        if isinstance(frame, InterruptionFrame):
            if self._speaking:
                self.interrupted_at = self.get_event_loop().time()
            self._interrupting = self._dropping = True
            self._session.interrupt()
            self._interrupting = False
            await self._fall_silent()
        elif isinstance(frame, UserStartedSpeakingFrame | UserStoppedSpeakingFrame):
            self._session.listen(isinstance(frame, UserStartedSpeakingFrame))
        elif isinstance(frame, TTSTextFrame):
            self._caption(str(frame.text))
        await self.push_frame(frame, direction)

    def take_interruption(self) -> None:
        """Have the pipeline stop, too, where a client has stopped the portrait.

        Else the sentences that are still to come would be said. Voices learn of it later: what
        they have sent until then is dropped, up to the beginning of the next answer.
        """
        self._dropping = True
        if not self._interrupting:
            self.create_task(self._interrupt_pipeline())

    async def _interrupt_pipeline(self) -> None:
        await self.broadcast_interruption()
        await self._fall_silent()

    async def _fall_silent(self) -> None:
        self._stopped.clear()
        await self._rest()

    async def cleanup(self) -> None:
        """Let go of the session."""
        await super().cleanup()
        self._session.listeners.discard(self._hear_event)

    async def _speak(self, frame: TTSAudioRawFrame) -> None:
        speeches, taken_at = self._session.speeches, self.get_event_loop().time()
        if speeches.open is None:
            speeches.begin(None, frame.sample_rate)
        samples = np.frombuffer(frame.audio, "<i2").reshape(-1, frame.num_channels)
        speeches.push(from_int16(samples).mean(axis=1))
        if not self._speaking:
            self._speaking = True
            self.first_sound_at = taken_at
            await self._tell(BotStartedSpeakingFrame)

    def _caption(self, text: str) -> None:
        """Show a sentence, whose sound has come in before it."""
        caption: Event = {"type": "caption", "who": "portrait", "text": text}
        speech = self._session.speeches.open
        if speech is not None:
            caption["speech"] = speech.id
            self._captions.add(speech.id, text, speech.samples)
        self._session.announce(caption)

    def _hear_event(self, event: Event) -> None:
        if event["type"] != "speech.done":
            return
        speech = str(event["speech"])
        if not event["interrupted"]:
            self._captions.end(speech)
            self.create_task(self._finish())
            return
        heard = self._captions.cut(speech, int(str(event["sample"])))
        if heard is not None:
            cut: Event = {"who": "portrait", "speech": speech, "text": heard}
            # Later: the other listeners hear of the end first.
            loop = self._session.loop
            loop.call_soon(self._announce, {"type": "caption.cut", **cut})

    def _announce(self, event: Event) -> None:
        if self._session.closed is None:
            self._session.announce(event)

    async def _finish(self) -> None:
        if self._stopped:
            await self.push_frame(self._stopped.pop(0))
        if not self._stopped and self._session.speeches.open is None:
            await self._rest()

    async def _rest(self) -> None:
        if self._speaking:
            self._speaking = False
            await self._tell(BotStoppedSpeakingFrame)

    async def _tell(self, kind: type[BotStartedSpeakingFrame | BotStoppedSpeakingFrame]) -> None:
        await self.push_frame(kind())
        await self.push_frame(kind(), FrameDirection.UPSTREAM)
