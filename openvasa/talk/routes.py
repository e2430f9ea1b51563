"""What a server with conversations answers beside the live server's own: the page, typed turns."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, HTMLResponse, Response

from openvasa.errors import InputError
from openvasa.live.asked import text_of
from openvasa.live.bodies import Refused, parse_object, read_body
from openvasa.live.protocol import LONGEST_TEXT_MESSAGE
from openvasa.live.server import WEB, Extension
from openvasa.live.session import Session
from openvasa.live.speech import LONGEST_TEXT
from openvasa.live.speeches import Event
from openvasa.live.studio import Studio
from openvasa.talk.dialogue import Dialogue
from openvasa.talk.services import TalkSettings

TALK_WEB = Path(__file__).parent / "web"
_PARTS = (
    '<link rel="stylesheet" href="conversation.css">'
    '<script type="module" src="conversation.js"></script></body>'
)


def talk_extension(settings: TalkSettings) -> Extension:
    """Gives every session of a server a dialogue, and the page what belongs to it."""

    def extend(app: FastAPI, studio: Studio) -> None:
        dialogues: dict[str, Dialogue] = {}
        studio.on_open = partial(_begin, dialogues, settings)
        _add_page(app)
        _add_turns(app, dialogues)

    return extend


async def _begin(dialogues: dict[str, Dialogue], settings: TalkSettings, session: Session) -> None:
    dialogue = await asyncio.to_thread(Dialogue, session, settings)
    await dialogue.start()
    dialogues[session.id] = dialogue
    ending: set[asyncio.Task] = set()

    def hear(event: Event) -> None:
        if event["type"] == "ended":
            dialogues.pop(session.id, None)
            ending.add(asyncio.ensure_future(dialogue.stop()))

    session.listeners.add(hear)


def _add_page(app: FastAPI) -> None:
    page = (WEB / "index.html").read_text(encoding="utf-8").replace("</body>", _PARTS)

    @app.get("/")
    @app.get("/index.html")
    async def index() -> HTMLResponse:
        return HTMLResponse(page)

    @app.get("/conversation.js")
    async def script() -> Response:
        return FileResponse(TALK_WEB / "conversation.js", media_type="text/javascript")

    @app.get("/conversation.css")
    async def style() -> Response:
        return FileResponse(TALK_WEB / "conversation.css", media_type="text/css")


def _add_turns(app: FastAPI, dialogues: dict[str, Dialogue]) -> None:
    def find(key: str) -> Dialogue:
        if key not in dialogues:
            raise Refused(404, "no such session; it may have ended, open a new one")
        return dialogues[key]

    @app.get("/api/sessions/{key}/turns")
    async def turns(key: str) -> dict[str, object]:
        return {"turns": find(key).turns}

    @app.post("/api/sessions/{key}/turns")
    async def take_turn(key: str, request: Request) -> dict[str, object]:
        wanted = parse_object(await read_body(request, LONGEST_TEXT_MESSAGE))
        text = " ".join(text_of(wanted).split())
        if not 0 < len(text) <= LONGEST_TEXT:
            raise InputError(f"text: write 1 to {LONGEST_TEXT} characters")
        find(key).take_turn(text)
        return {}
