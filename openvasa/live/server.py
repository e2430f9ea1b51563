"""The live server: the page, what stands behind it, and the end of sessions nobody watches."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles

from openvasa.live.guards import VIEW, add_guards
from openvasa.live.logs import note
from openvasa.live.memory import give_back_memory
from openvasa.live.routes import add_routes
from openvasa.live.rtc import allow_bitrates
from openvasa.live.studio import Studio

SCHEMA = Path(__file__).parent / "schema"
"""What goes over the wire, for machines; docs/protocol.md is for people."""
WEB = Path(__file__).parent / "web"
SWEEP_S = 2.0


Extension = Callable[[FastAPI, Studio], None]
"""Adds routes of its own to the application, which come before the page's files."""


def create_app(studio: Studio, *extensions: Extension) -> FastAPI:
    """The web application."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        allow_bitrates()
        sweeper = asyncio.create_task(_sweep(studio))
        try:
            yield
        finally:
            sweeper.cancel()
            for session in list(studio.sessions.values()):
                await studio.close(session, "shutdown")
            for close in studio.on_shutdown:
                await asyncio.to_thread(close)

    app = FastAPI(title="OpenVASA live", lifespan=lifespan, openapi_url=None)
    app.state.studio = studio
    add_guards(app, studio)
    add_routes(app, studio)

    for path in (VIEW, "/openapi.json", "/asyncapi.json"):
        _serve_file(app, path, WEB / "view.html" if path == VIEW else SCHEMA / path[1:])
    for extend in extensions:
        extend(app, studio)
    app.mount("/", StaticFiles(directory=WEB, html=True))
    return app


def _serve_file(app: FastAPI, path: str, file: Path) -> None:
    @app.get(path)
    async def answer() -> FileResponse:
        return FileResponse(file)


async def _sweep(studio: Studio) -> None:
    """Close sessions that have come to their end, and give back what those that ended held."""
    ended = 0
    while True:
        await asyncio.sleep(SWEEP_S)
        if studio.ended > ended:
            ended = studio.ended
            await asyncio.to_thread(give_back_memory)
        await _close_finished(studio)


async def _close_finished(studio: Studio) -> None:
    """Close sessions that nobody watches, and those whose player has failed.

    A function of its own, so that nothing here keeps the last session while the sweep sleeps.
    """
    for session in list(studio.sessions.values()):
        if session.failed is not None:
            note("player failed", {"session": session.id[:6]}, logging.ERROR, session.failed)
            await studio.close(session, "failed")
        elif not session.watched and time.monotonic() - session.watched_at > studio.limits.idle_s:
            await studio.close(session, "idle")
