"""What goes out to one client by its WebSocket: events in their order, media between them."""

from __future__ import annotations

import asyncio
import json
from collections import deque

from fastapi import WebSocket

TAKES_NOTHING_S = 10.0
"""A client that takes nothing for so long is given up."""
MOST_WAITING = 2000
"""Events that may wait; a client that is slower has stopped taking them."""


class TakesNothing(Exception):
    """The client does not take what it is sent."""


class Sender:
    """Sends events in the order they are put, from one task; media tasks send beside it."""

    def __init__(self, websocket: WebSocket) -> None:
        self._socket = websocket
        self._events: deque[dict[str, object]] = deque()
        self._news = asyncio.Event()
        self._finished = False
        self._overrun = False
        self._sending = asyncio.Lock()

    def put(self, event: dict[str, object]) -> None:
        """Send an event soon; never waits."""
        if len(self._events) >= MOST_WAITING:
            self._overrun = True
        else:
            self._events.append(event)
        self._news.set()

    def finish(self, event: dict[str, object]) -> None:
        """Send a last event; `run` ends after it."""
        self.put(event)
        self._finished = True

    def stop(self) -> None:
        """Send no more; `run` ends. A send that is just done may swallow its cancellation."""
        self._events.clear()
        self._finished = True
        self._news.set()

    async def run(self) -> None:
        """Send events until the last one.

        Raises:
            TakesNothing: the client does not take them.
            RuntimeError or WebSocketDisconnect: the connection has ended.
        """
        while True:
            while self._events:
                await self.send(json.dumps(self._events.popleft()))
            if self._overrun:
                raise TakesNothing
            if self._finished:
                return
            self._news.clear()
            await self._news.wait()

    async def send(self, message: bytes | str) -> None:
        """Send one message now.

        Raises:
            As `run`.
        """
        try:
            await asyncio.wait_for(self._send(message), TAKES_NOTHING_S)
        except asyncio.TimeoutError as error:
            raise TakesNothing from error

    async def _send(self, message: bytes | str) -> None:
        async with self._sending:
            if isinstance(message, str):
                await self._socket.send_text(message)
            else:
                await self._socket.send_bytes(message)
