"""A live server that is told to stop lets its sessions end first, and takes no new ones."""

from __future__ import annotations

import asyncio
import signal
import time
from socket import socket
from types import FrameType

import uvicorn

from openvasa.live.logs import note
from openvasa.live.studio import Studio

LOOK_S = 0.2


class DrainingServer(uvicorn.Server):
    """A web server that drains after SIGTERM; a second one, and Ctrl-C, stop it at once.

    Args:
        config: of the server.
        studio: whose sessions are let end.
        drain_s: seconds that they have at most; 0 stops at once.
    """

    def __init__(self, config: uvicorn.Config, studio: Studio, drain_s: float) -> None:
        super().__init__(config)
        self._studio = studio
        self._drain_s = drain_s
        self._loop: asyncio.AbstractEventLoop | None = None
        self._draining: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """As uvicorn's."""
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Drain, or stop as uvicorn does."""
        loop = self._loop
        if sig != signal.SIGTERM or loop is None or self._studio.draining or not self._drain_s:
            super().handle_exit(sig, frame)
            return
        self._studio.draining = True
        loop.call_soon_threadsafe(self._begin)

    def _begin(self) -> None:
        self._draining = asyncio.ensure_future(self._drain())

    async def _drain(self) -> None:
        await drain(self._studio, self._drain_s)
        super().handle_exit(signal.SIGTERM, None)


async def drain(studio: Studio, seconds: float) -> None:
    """Tell every session that the server goes away, and wait until all have ended.

    Args:
        studio: takes no new sessions from here on.
        seconds: to wait at most.
    """
    studio.draining = True
    note("server drains", {"sessions": len(studio.sessions), "seconds": seconds})
    deadline = time.monotonic() + seconds
    for session in studio.sessions.values():
        session.announce_end(seconds)
    while (studio.sessions or studio.opening) and time.monotonic() < deadline:
        await asyncio.sleep(LOOK_S)
