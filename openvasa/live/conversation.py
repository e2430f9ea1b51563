"""One client's WebSocket: commands, speech and its microphone in, events, pictures and sound out.

docs/protocol.md describes the messages. Commands and events are JSON. Binary messages start with a
byte that names what they carry.
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import Any

import numpy as np
from fastapi import WebSocket, WebSocketDisconnect

from openvasa.audio.pcm import to_int16
from openvasa.errors import InputError
from openvasa.live.bodies import parse_object
from openvasa.live.outlet import Outlet
from openvasa.live.pictures import jpeg
from openvasa.live.protocol import (
    CLOSE_MEANINGS,
    LONGEST_PIECE_S,
    LONGEST_SPEECH_ID,
    LONGEST_TEXT_MESSAGE,
    MICROPHONE,
    MOST_PROBLEMS,
    PICTURE,
    SOUND,
    SPEECH,
    SPEECH_RATES,
    VERSION,
    Close,
)
from openvasa.live.sender import Sender, TakesNothing
from openvasa.live.session import Session
from openvasa.live.speeches import Event
from openvasa.live.steering import read_controls

REPORT_S = 0.5
WEB_SOUND_S = 0.02
GOODBYE_S = 2.0
"""Time that a client has to answer the end of a connection."""


class Conversation:
    """Talks to one client until either side leaves; media go out only where it asks for them."""

    def __init__(self, websocket: WebSocket, session: Session) -> None:
        self._socket = websocket
        self._session = session
        self._sender = Sender(websocket)
        self._media: list[asyncio.Task] = []
        self._outlet: Outlet | None = None
        self._weights = False
        self._own_speech: str | None = None
        self._dead_speech = False
        self._dropped_s = session.stats.dropped_s
        self._problems = 0
        self._close: Close | None = None

    async def run(self) -> None:
        """Answer messages until either side leaves."""
        self._session.listeners.add(self._hear_event)
        self._tell(self._greeting())
        sending = asyncio.create_task(self._send_all())
        receiving = asyncio.create_task(self._receive())
        try:
            await asyncio.wait({sending, receiving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._session.listeners.discard(self._hear_event)
            self._stop_media()
            self._want_weights(False)
            if self._own_speech is not None:
                self._session.speeches.end()
            self._sender.stop()
            for task in (sending, receiving):
                task.cancel()
            await asyncio.gather(sending, receiving, return_exceptions=True)
            await self._hang_up()

    async def _send_all(self) -> None:
        """Send what waits, and a report twice a second; ends when the session does."""
        reporter = asyncio.create_task(self._report())
        try:
            await self._sender.run()
        except TakesNothing:
            self._close = Close.TAKES_NOTHING
        finally:
            reporter.cancel()

    async def _report(self) -> None:
        while self._session.closed is None:
            report = self._session.report()
            self._tell({"type": "report", **report})
            self._warn_of_dropped(self._session.stats.dropped_s)
            await asyncio.sleep(REPORT_S)

    async def _receive(self) -> None:
        with suppress(WebSocketDisconnect, RuntimeError):
            while True:
                message = await self._socket.receive()
                if message["type"] == "websocket.disconnect":
                    return
                self._take(message)
                if self._problems > MOST_PROBLEMS:
                    self._close = Close.RUBBISH
                    return

    async def _hang_up(self) -> None:
        reason = self._session.closed
        code = self._close
        if code is None and reason is not None:
            code = Close.FAILED if reason == "failed" else Close.ENDED
        words = reason if code is Close.ENDED else CLOSE_MEANINGS.get(code) if code else ""
        # What the client still sends is read, else its own goodbye would never be reached.
        reading = asyncio.create_task(self._read_to_end())
        with suppress(RuntimeError, WebSocketDisconnect, asyncio.TimeoutError):
            await asyncio.wait_for(self._socket.close(code or 1000, words), GOODBYE_S)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)

    async def _read_to_end(self) -> None:
        with suppress(RuntimeError, WebSocketDisconnect):
            while (await self._socket.receive())["type"] != "websocket.disconnect":
                pass

    def _greeting(self) -> Event:
        settings = self._session.settings
        return {
            "type": "hello",
            "protocol": VERSION,
            "session": self._session.id,
            "fps": settings.fps,
            "size": settings.size,
            "rate": settings.rate,
            "state": self._session.state.value,
        }

    def _hear_event(self, event: Event) -> None:
        if event["type"] == "weights" and not self._weights:
            return
        if event["type"] == "ended":
            self._sender.finish(event)
            return
        if event["type"] == "speech.done" and event["speech"] == self._own_speech:
            # What is still on its way for a speech that was cut short is no fault of the client's.
            self._own_speech, self._dead_speech = None, True
        self._tell(event)

    def _tell(self, event: Event) -> None:
        self._sender.put(event)

    def _warn_of_dropped(self, dropped_s: float) -> None:
        gained, self._dropped_s = dropped_s - self._dropped_s, dropped_s
        if gained >= 0.01:
            lost = f"sound: {gained:.2f} s of a microphone dropped, faster than time passes or "
            remedy = "during a speech; send what is no microphone with speech.start"
            self._tell({"type": "warning", "warning": lost + remedy, "dropped_s": round(gained, 2)})

    def _take(self, message: MutableMapping[str, Any]) -> None:
        try:
            text, data = message.get("text"), message.get("bytes")
            if text is not None:
                if len(text) > LONGEST_TEXT_MESSAGE:
                    raise InputError(f"message: over {LONGEST_TEXT_MESSAGE // 1024} kB")
                self._obey(parse_object(text))
            elif data:
                self._hear(data)
        except InputError as error:
            self._problems += 1
            self._tell({"type": "error", "error": str(error)})

    def _hear(self, data: bytes) -> None:
        if data[0] == SPEECH and len(data) >= 2 and len(data) % 2 == 0:
            self._push_speech(np.frombuffer(data, "<i2", offset=2))
            return
        if data[0] != MICROPHONE or len(data) < 6 or len(data) % 2:
            raise InputError(
                "message: sound is byte 3, 0, the rate as 4 bytes, 16-bit samples, or byte 4, 0, "
                "16-bit samples"
            )
        (rate,) = struct.unpack_from("<I", data, 2)
        _check_rate(rate)
        samples = np.frombuffer(data, "<i2", offset=6)
        _check_length(samples, rate)
        self._session.microphone(samples, rate)

    def _push_speech(self, samples: np.ndarray) -> None:
        speech = self._session.speeches.open
        if speech is None or speech.id != self._own_speech:
            if self._dead_speech:
                return
            raise InputError("speech: none is open; send speech.start first")
        _check_length(samples, speech.rate)
        if not self._session.speeches.push(samples):
            self._tell(
                {
                    "type": "speech.refused",
                    "speech": speech.id,
                    "samples": len(samples),
                    "waiting_s": round(self._session.speeches.waiting_s, 2),
                }
            )

    def _start_speech(self, message: dict[str, Any]) -> None:
        key, rate = message.get("id"), message.get("rate")
        if key is not None and not (isinstance(key, str) and 0 < len(key) <= LONGEST_SPEECH_ID):
            raise InputError(f"speech.start: id is text of 1 to {LONGEST_SPEECH_ID} characters")
        if isinstance(rate, bool) or not isinstance(rate, int):
            raise InputError("speech.start: rate is missing; give Hz as a whole number")
        _check_rate(rate)
        self._own_speech = self._session.speeches.begin(key, rate)
        self._dead_speech = False
        self._tell({"type": "speech.started", "speech": self._own_speech})

    def _end_speech(self) -> None:
        if self._own_speech is not None:
            self._session.speeches.end()
            self._own_speech = None
        elif not self._dead_speech:
            raise InputError("speech.end: none is open; send speech.start first")

    def _obey(self, message: dict[str, Any]) -> None:
        kind = message.get("type")
        if kind == "controls":
            self._session.steer(*read_controls(message))
        elif kind == "speech.start":
            self._start_speech(message)
        elif kind == "speech.end":
            self._end_speech()
        elif kind == "interrupt":
            self._session.interrupt()
        elif kind == "listen":
            self._session.listen(bool(message.get("on")))
        elif kind == "media":
            self._stop_media()
            if message.get("on"):
                self._start_media()
        elif kind == "weights":
            self._want_weights(bool(message.get("on")))
        elif kind == "ping":
            self._tell({"type": "pong"})
        else:
            raise InputError("message: unknown type")

    def _want_weights(self, wanted: bool) -> None:
        self._session.weights_wanted += int(wanted) - int(self._weights)
        self._weights = wanted

    def _start_media(self) -> None:
        self._outlet = outlet = self._session.connect()
        self._media = [
            asyncio.create_task(_while_connected(send, outlet))
            for send in (self._send_pictures, self._send_sound)
        ]

    def _stop_media(self) -> None:
        for task in self._media:
            task.cancel()
        self._media = []
        if self._outlet is not None:
            self._session.disconnect(self._outlet)
            self._outlet = None

    async def _send_pictures(self, outlet: Outlet) -> None:
        while (picture := await outlet.picture()) is not None:
            data = await asyncio.to_thread(jpeg, picture.pixels)
            await self._sender.send(struct.pack("<BxHd", PICTURE, 0, picture.time_s) + data)

    async def _send_sound(self, outlet: Outlet) -> None:
        count = round(WEB_SOUND_S * outlet.rate)
        while (sound := await outlet.sound(count)) is not None:
            samples = to_int16(sound.samples)
            start = sound.position / outlet.rate
            head = struct.pack("<BxHd", SOUND, outlet.rate // 1000, start)
            await self._sender.send(head + samples.tobytes())


def _check_rate(rate: int) -> None:
    if not SPEECH_RATES[0] <= rate <= SPEECH_RATES[1]:
        raise InputError(f"sound at {rate} Hz: give {SPEECH_RATES[0]} to {SPEECH_RATES[1]}")


def _check_length(samples: np.ndarray, rate: int) -> None:
    if len(samples) > LONGEST_PIECE_S * rate:
        raise InputError(f"sound: over {LONGEST_PIECE_S:g} s in one message; cut it into pieces")


async def _while_connected(send: Callable[[Outlet], Awaitable[None]], outlet: Outlet) -> None:
    """Let the end of a connection, or a client that takes nothing, end the sending quietly."""
    with suppress(RuntimeError, WebSocketDisconnect, TakesNothing):
        await send(outlet)
