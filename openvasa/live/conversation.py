"""One client's WebSocket: commands and its microphone in, reports, pictures and sound out.

Commands and reports are JSON. Binary messages start with a byte that names what they carry.
"""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import Coroutine, MutableMapping
from contextlib import suppress
from typing import Any

import numpy as np
from fastapi import WebSocket, WebSocketDisconnect

from openvasa.errors import InputError
from openvasa.live.bodies import LONGEST_MESSAGE, parse_object
from openvasa.live.outlet import Outlet
from openvasa.live.pictures import jpeg
from openvasa.live.session import Session
from openvasa.live.steering import read_controls

REPORT_S = 0.5
STALLED_S = 10.0
"""A client that takes nothing for so long is cut off."""
PICTURE, SOUND, MICROPHONE = 1, 2, 3
"""First byte of a binary message."""
WEB_SOUND_S = 0.02
MOST_PROBLEMS = 100
"""A client that sends more messages that cannot be used is cut off."""


class Conversation:
    """Talks to one client until either side leaves; media go out only where it asks for them."""

    def __init__(self, websocket: WebSocket, session: Session) -> None:
        self._socket = websocket
        self._session = session
        self._media: list[asyncio.Task] = []
        self._outlet: Outlet | None = None
        self._sending = asyncio.Lock()
        self._problems = 0

    async def run(self) -> None:
        """Answer messages until either side leaves."""
        reporter = asyncio.create_task(self._report())
        try:
            while not reporter.done():
                message = await self._socket.receive()
                if message["type"] == "websocket.disconnect":
                    return
                await self._take(message)
        except (WebSocketDisconnect, RuntimeError):
            return
        finally:
            reporter.cancel()
            self._stop_media()
            with suppress(RuntimeError, WebSocketDisconnect):
                await self._socket.close()

    async def _take(self, message: MutableMapping[str, Any]) -> None:
        try:
            text, data = message.get("text"), message.get("bytes")
            if len(text or data or b"") > LONGEST_MESSAGE:
                raise InputError(f"message: over {LONGEST_MESSAGE // 1024} kB")
            if text is not None:
                self._obey(parse_object(text))
            elif data:
                self._hear(data)
        except InputError as error:
            self._problems += 1
            if self._problems > MOST_PROBLEMS:
                raise WebSocketDisconnect from error
            await self._send_json({"type": "error", "error": str(error)})

    def _hear(self, data: bytes) -> None:
        if data[0] != MICROPHONE or len(data) < 6 or len(data) % 2:
            raise InputError("message: sound is byte 3, 0, the rate as 4 bytes, 16-bit samples")
        (rate,) = struct.unpack_from("<I", data, 2)
        if not 8000 <= rate <= 96000:
            raise InputError(f"sound at {rate} Hz: give 8000 to 96000")
        self._session.microphone(np.frombuffer(data, "<i2", offset=6), rate)

    def _obey(self, message: dict[str, Any]) -> None:
        kind = message.get("type")
        if kind == "controls":
            self._session.steer(*read_controls(message))
        elif kind == "interrupt":
            self._session.interrupt()
        elif kind == "listen":
            self._session.listen(bool(message.get("on")))
        elif kind == "media":
            self._stop_media()
            if message.get("on"):
                self._start_media()
        elif kind != "ping":
            raise InputError("message: unknown type")

    def _start_media(self) -> None:
        self._outlet = outlet = self._session.connect()
        self._media = [
            asyncio.create_task(_while_connected(self._send_pictures(outlet))),
            asyncio.create_task(_while_connected(self._send_sound(outlet))),
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
            await self._send(struct.pack("<BxHd", PICTURE, 0, picture.time_s) + data)

    async def _send_sound(self, outlet: Outlet) -> None:
        count = round(WEB_SOUND_S * outlet.rate)
        while (sound := await outlet.sound(count)) is not None:
            samples = np.clip(sound.samples * 32767, -32768, 32767).astype("<i2")
            start = sound.position / outlet.rate
            head = struct.pack("<BxHd", SOUND, outlet.rate // 1000, start)
            await self._send(head + samples.tobytes())

    async def _report(self) -> None:
        """Tell the client how it goes; ends when the session does or the client takes nothing."""
        await _while_connected(self._send_reports())
        with suppress(Exception):
            await asyncio.wait_for(self._socket.close(4410), 1)

    async def _send_reports(self) -> None:
        while self._session.closed is None:
            await self._send_json({"type": "report", **self._session.report()})
            await asyncio.sleep(REPORT_S)

    async def _send_json(self, message: dict[str, object]) -> None:
        await self._send(json.dumps(message))

    async def _send(self, message: bytes | str) -> None:
        async def send() -> None:
            async with self._sending:
                if isinstance(message, str):
                    await self._socket.send_text(message)
                else:
                    await self._socket.send_bytes(message)

        await asyncio.wait_for(send(), STALLED_S)


async def _while_connected(sending: Coroutine[Any, Any, None]) -> None:
    """Let the end of a connection, or a client that takes nothing, end the sending quietly."""
    with suppress(RuntimeError, WebSocketDisconnect, asyncio.TimeoutError):
        await sending
