"""A client of a live server for asyncio programs: open a portrait, stream speech in, take events.

docs/protocol.md describes what goes over the wire. This module needs the package `websockets` and
nothing of a server::

    async with await open_portrait("http://localhost:8765", portrait="portrait") as link:
        speech = await link.begin_speech(24000)
        await speech.push(samples)
        await speech.end()
        async for message in link:
            ...
"""

from __future__ import annotations

import asyncio
import json
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import numpy as np
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from openvasa.audio.pcm import to_int16
from openvasa.errors import InputError
from openvasa.live.protocol import CLOSE_MEANINGS, LONGEST_PIECE_S, PICTURE, SOUND, SPEECH, Close

TIMEOUT_S = 120.0


@dataclass(frozen=True)
class Picture:
    """A picture: it shows from `time_s` of the timeline on; `jpeg` is the file."""

    time_s: float
    jpeg: bytes


@dataclass(frozen=True)
class Sound:
    """(n,) int16 mono samples at `rate` Hz from `time_s` of the timeline on."""

    time_s: float
    rate: int
    samples: np.ndarray


Message = Picture | Sound | dict[str, Any]
"""What comes from the server: media, or an event by its `type`."""


class Ended(Exception):
    """The server has closed the session.

    Attributes:
        code: the socket's close code, one of `Close`, or the WebSocket standard's.
    """

    def __init__(self, code: int, reason: str) -> None:
        known = CLOSE_MEANINGS[Close(code)] if code in set(Close) else reason
        super().__init__(f"{code}: {known or 'the connection has ended'}")
        self.code = code


class StreamedSpeech:
    """A speech that is being streamed in; `LiveLink.begin_speech` makes one."""

    def __init__(self, link: LiveLink, key: str, rate: int) -> None:
        self.id = key
        self.rate = rate
        self._link = link

    async def push(self, samples: np.ndarray) -> None:
        """Add (n,) mono samples, int16 or float32 in [-1, 1], as fast as they come."""
        samples = to_int16(np.nan_to_num(samples))
        most = round(LONGEST_PIECE_S * self.rate)
        for start in range(0, len(samples), most):
            piece = samples[start : start + most].tobytes()
            await self._link.send_bytes(struct.pack("<Bx", SPEECH) + piece)

    async def end(self) -> None:
        """Say that no more samples come; the event `speech.done` tells when it was said."""
        await self._link.send("speech.end")


class LiveLink:
    """One session of a live server, to be used with `async with` and `async for`.

    Iteration gives every message of the server: events as dictionaries, media where they were asked
    for. It ends when this side closes.
    """

    def __init__(self, server: str, session: str, socket: ClientConnection, token: str | None):
        self.session = session
        self._server = server
        self._socket = socket
        self._token = token
        self._speeches = 0

    async def begin_speech(self, rate: int) -> StreamedSpeech:
        """Begin a speech that comes in pieces; it queues behind what is being said.

        Args:
            rate: of its samples, Hz, 8000 to 96000.
        """
        self._speeches += 1
        key = f"client-{self._speeches}"
        await self.send("speech.start", id=key, rate=rate)
        return StreamedSpeech(self, key, rate)

    async def interrupt(self) -> None:
        """Stop speaking now."""
        await self.send("interrupt")

    async def steer(self, **controls: object) -> None:
        """Change gaze, distance, emotion and amount; what is not named is left to the portrait."""
        await self.send("controls", **controls)

    async def change_background(self, background: str | Path) -> None:
        """Lay the portrait before another background.

        Args:
            background: keep, green, blur or #rrggbb; a path is a picture of yours.

        Raises:
            InputError: the server says no; the message is its own.
            OSError: the picture cannot be read, or there is no server.
        """
        path, body = f"/api/sessions/{self.session}/background", b""
        if isinstance(background, Path):
            body = await asyncio.to_thread(background.read_bytes)
        else:
            path += f"?{urlencode({'background': background})}"
        await asyncio.to_thread(_ask, self._server, "PUT", path, self._token, body)

    async def listen(self, on: bool) -> None:
        """Say whether somebody is talking to the portrait."""
        await self.send("listen", on=on)

    async def want_weights(self, on: bool) -> None:
        """Ask for the events `weights`: the 52 ARKit weights of every frame."""
        await self.send("weights", on=on)

    async def send(self, kind: str, **content: object) -> None:
        """Send any command of the protocol.

        Raises:
            Ended: the server has closed the session.
        """
        await self.send_bytes(json.dumps({"type": kind, **content}))

    async def send_bytes(self, message: bytes | str) -> None:
        """Send one message as it is; raises as `send`."""
        try:
            await self._socket.send(message)
        except ConnectionClosed as error:
            raise _ended(error) from error

    async def __aiter__(self) -> AsyncIterator[Message]:
        """Messages until this side closes.

        Raises:
            Ended: the server has closed the session.
        """
        try:
            async for message in self._socket:
                yield _read(message)
        except ConnectionClosed as error:
            raise _ended(error) from error
        if self._socket.close_code not in (1000, None):
            raise Ended(self._socket.close_code or 1006, self._socket.close_reason or "")

    async def close(self) -> None:
        """Leave and end the session; safe to call twice."""
        await self._socket.close()
        path = f"/api/sessions/{self.session}"
        try:
            await asyncio.to_thread(_ask, self._server, "DELETE", path, self._token)
        except (InputError, OSError):
            # It has ended, or its server has.
            return

    async def __aenter__(self) -> LiveLink:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


async def open_portrait(
    server: str,
    *,
    portrait: str | None = None,
    picture: Path | None = None,
    face: int | None = None,
    background: str | None = None,
    token: str | None = None,
    media: bool = False,
) -> LiveLink:
    """Open a session and connect to it.

    Args:
        server: the server's address, as `http://localhost:8765`.
        portrait: one of the server's portraits by its name.
        picture: a picture of yours, in place of that.
        face: which of several faces, in reading order from 1.
        background: keep, green, blur or #rrggbb.
        token: the server's, where it asks for one.
        media: whether pictures and sound are to come; without, the portrait lives only while
            somebody else watches.

    Raises:
        InputError: the server says no; the message is its own.
        OSError: there is no server.
    """
    server = server.rstrip("/")
    wanted = {"portrait": portrait, "face": face, "background": background}
    query = urlencode({name: value for name, value in wanted.items() if value is not None})
    body = picture.read_bytes() if picture is not None else b""
    opened = await asyncio.to_thread(_ask, server, "POST", f"/api/sessions?{query}", token, body)
    session = opened["id"]
    address = f"{server.replace('http', 'ws', 1)}/api/sessions/{session}/socket"
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    socket = await connect(address, max_size=None, additional_headers=headers)
    link = LiveLink(server, session, socket, token)
    if media:
        await link.send("media", on=True)
    return link


def _ask(server: str, method: str, path: str, token: str | None, body: bytes | None = None) -> Any:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    request = Request(f"{server}{path}", body, headers, method=method)
    if body is not None:
        request.add_header("Content-Type", "application/octet-stream")
    try:
        with urlopen(request, timeout=TIMEOUT_S) as answer:
            return json.loads(answer.read())
    except HTTPError as error:
        try:
            message = json.loads(error.read())["error"]
        except (ValueError, KeyError, TypeError):
            message = f"the server answered {error.code}"
        raise InputError(message) from error


def _read(message: str | bytes) -> Message:
    if isinstance(message, str):
        return json.loads(message)
    kind, kilohertz, time_s = struct.unpack_from("<BxHd", message)
    if kind == PICTURE:
        return Picture(time_s, message[12:])
    assert kind == SOUND
    return Sound(time_s, 1000 * kilohertz, np.frombuffer(message, "<i2", offset=12))


def _ended(error: ConnectionClosed) -> Ended:
    closed = error.rcvd or error.sent
    return Ended(closed.code, closed.reason) if closed is not None else Ended(1006, "")
