"""What a live server answers over HTTP, and where its WebSocket starts.

A client opens a session with a portrait, connects its WebSocket, and then either sends a WebRTC
offer or asks for media over the socket itself. Who knows a session's id may use it; ids cannot be
guessed.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from fastapi import FastAPI, Request, WebSocket
from fastapi.responses import FileResponse, PlainTextResponse, Response

from openvasa.audio.pcm import wav_bytes
from openvasa.backgrounds import Picture, before
from openvasa.errors import InputError
from openvasa.face.landmarker import BLENDSHAPE_NAMES
from openvasa.live.addresses import is_loopback
from openvasa.live.asked import (
    BACKGROUNDS,
    SIDES,
    Spoken,
    check_background,
    find_session,
    read_sound,
    read_text,
)
from openvasa.live.bodies import Refused, read_body, read_upload
from openvasa.live.conversation import Conversation
from openvasa.live.frame import LiveSettings
from openvasa.live.guards import find_problem
from openvasa.live.logs import note
from openvasa.live.metrics import CONTENT_TYPE_LATEST
from openvasa.live.portraits import Offered
from openvasa.live.protocol import (
    CLOSE_MEANINGS,
    LONGEST_PIECE_S,
    LONGEST_TEXT_MESSAGE,
    SPEECH_RATES,
    VERSION,
    Close,
)
from openvasa.live.qr_code import draw_code
from openvasa.live.session import Session
from openvasa.live.sound_timeline import BACKLOG_S
from openvasa.live.speech import LONGEST_TEXT, speak
from openvasa.live.steering import AMOUNTS, DISTANCES, GAZE_DEG
from openvasa.live.studio import Studio
from openvasa.live.uploads import PICTURE_FORMATS, read_background, read_offered, read_portrait
from openvasa.motion.controls import EMOTIONS
from openvasa.render.renderer import RendererFactory


def add_routes(app: FastAPI, studio: Studio) -> None:
    """Answer everything but the page's own files."""
    _add_descriptions(app, studio)
    _add_sessions(app, studio)
    _add_speech(app, studio)
    _add_recordings(app, studio)
    _add_socket(app, studio)


def _add_descriptions(app: FastAPI, studio: Studio) -> None:
    @app.get("/healthz")
    async def healthz() -> dict[str, object]:
        failed = [s for s in studio.sessions.values() if s.failed is not None]
        return {"status": "failing" if failed else "ok", "sessions": len(studio.sessions)}

    @app.get("/readyz")
    async def readyz() -> Response:
        # For gateways: where a new session may be opened. Open ones are served all the same.
        return PlainTextResponse("ready" if studio.ready else "full", 200 if studio.ready else 503)

    @app.get("/metrics")
    async def metrics() -> Response:
        for session in studio.sessions.values():
            session.count()
        studio.metrics.sessions.set(len(studio.sessions))
        return Response(studio.metrics.text(), media_type=CONTENT_TYPE_LATEST)

    @app.get("/api/studio")
    async def describe() -> dict[str, object]:
        return {
            "protocol": VERSION,
            "portraits": list(studio.portraits),
            "voices": [{"name": v.name, "label": v.label} for v in studio.voices],
            "emotions": EMOTIONS,
            "gaze_deg": GAZE_DEG,
            "distance": DISTANCES,
            "amount": AMOUNTS,
            "backgrounds": BACKGROUNDS,
            "weights": BLENDSHAPE_NAMES,
            "longest_text": LONGEST_TEXT,
            "upload_bytes": studio.limits.upload_bytes,
            "picture_formats": PICTURE_FORMATS,
            "speech_rates": SPEECH_RATES,
            "longest_piece_s": LONGEST_PIECE_S,
            "longest_waiting_s": BACKLOG_S,
            "fps": studio.settings.fps,
            "size": studio.settings.size,
            "sizes": SIDES,
            "longest_sound_s": studio.limits.sound_s,
            "rate": studio.settings.rate,
            "ice_servers": [server.as_json() for server in studio.ice],
        }

    @app.get("/api/portraits/{name}")
    async def portrait(name: str) -> Response:
        path = studio.portraits.get(name)
        if path is None or path.suffix == ".npz":
            raise Refused(404, "no such portrait")
        return FileResponse(path)

    # Of each voice one, made one at a time: sessions use the same threads.
    previews: dict[str, bytes] = {}
    one_preview = asyncio.Lock()

    @app.get("/api/voices/{name}")
    async def voice(name: str) -> Response:
        chosen = studio.find_voice(name)
        if chosen is None:
            raise Refused(404, "no such voice")
        async with one_preview:
            if name not in previews:
                samples, rate = await asyncio.to_thread(speak, chosen.sample, chosen)
                previews[name] = wav_bytes([samples], rate)
        return Response(previews[name], media_type="audio/wav")

    @app.get("/api/share")
    async def share() -> dict[str, object]:
        shared = [url for url in studio.addresses if not is_loopback(url)]
        return {"addresses": [{"url": url, "qr": draw_code(url)} for url in shared]}

    @app.get("/robots.txt")
    async def robots() -> Response:
        return PlainTextResponse("User-agent: *\nDisallow: /\n")


def _add_sessions(app: FastAPI, studio: Studio) -> None:
    @app.post("/api/sessions")
    async def open_session(
        request: Request,
        portrait: str | None = None,
        face: int | None = None,
        background: str | None = None,
        size: int | None = None,
    ) -> dict[str, object]:
        if studio.draining:
            studio.metrics.refused.labels("draining").inc()
            raise Refused(503, "the server is about to stop; try again in a moment")
        if not studio.ready:
            studio.metrics.refused.labels("sessions").inc()
            raise Refused(
                503, f"all {studio.limits.sessions} places are taken; try again in a moment"
            )
        studio.opening += 1
        try:
            settings = _choose_settings(studio, size)
            shown, renderer = _choose_background(studio, background)
            offered = await _read_face(studio, request, portrait, face)
            session = await Session.open(
                offered.face,
                settings,
                studio.metrics,
                studio.folder,
                renderer,
                studio.model,
                shown,
            )
        finally:
            studio.opening -= 1
        studio.sessions[session.id] = session
        if studio.on_open is not None:
            try:
                await studio.on_open(session)
            except BaseException:
                await studio.close(session, "failed")
                raise
        studio.metrics.opened.inc()
        note("session opened", {"session": session.id[:6], "portrait": portrait or "upload"})
        return _describe_opened(session, offered)

    @app.put("/api/sessions/{key}/portrait")
    async def change_portrait(
        key: str, request: Request, portrait: str | None = None, face: int | None = None
    ) -> dict[str, object]:
        session = find_session(studio, key)
        offered = await _read_face(studio, request, portrait, face)
        await session.change_portrait(offered.face)
        return _describe_opened(session, offered)

    @app.put("/api/sessions/{key}/background")
    async def change_background(
        key: str, request: Request, background: str | None = None
    ) -> dict[str, str]:
        session = find_session(studio, key)
        if background is not None:
            shown, renderer = _choose_background(studio, background)
        else:
            data = await read_upload(request, studio.limits.upload_bytes)
            most = studio.limits.picture_pixels
            shown = await asyncio.to_thread(read_background, data, most, studio.folder)
            renderer = before(studio.person, shown)
        await session.change_background(shown, renderer)
        return {}

    @app.delete("/api/sessions/{key}")
    async def close_session(key: str) -> dict[str, str]:
        await studio.close(find_session(studio, key), "client")
        return {}

    @app.post("/api/sessions/{key}/offer")
    async def offer(key: str, request: Request) -> dict[str, str]:
        session = find_session(studio, key)
        sdp = (await read_body(request, LONGEST_TEXT_MESSAGE)).decode(errors="replace")
        return {"sdp": await session.answer(sdp, studio.ice)}


def _add_speech(app: FastAPI, studio: Studio) -> None:
    @app.post("/api/sessions/{key}/speech")
    async def speech(key: str, request: Request) -> dict[str, object]:
        session = find_session(studio, key)
        return _say(session, await read_sound(studio, request))

    @app.post("/api/sessions/{key}/say")
    async def say(key: str, request: Request) -> dict[str, object]:
        session = find_session(studio, key)
        return _say(session, await read_text(studio, request))


def _say(session: Session, spoken: Spoken) -> dict[str, object]:
    key = session.speeches.say(spoken.samples, spoken.rate)
    return {"speech": key, "seconds": spoken.seconds}


def _add_recordings(app: FastAPI, studio: Studio) -> None:
    @app.post("/api/sessions/{key}/recording")
    async def start_recording(key: str) -> dict[str, bool]:
        find_session(studio, key).start_recording()
        return {"recording": True}

    @app.delete("/api/sessions/{key}/recording")
    async def stop_recording(key: str) -> dict[str, str]:
        path = await find_session(studio, key).stop_recording()
        return {"file": path.name}

    @app.get("/api/sessions/{key}/recordings/{name}")
    async def recording(key: str, name: str) -> Response:
        session = find_session(studio, key)
        # Compared with what is there; a name never becomes part of a path.
        path = next((p for p in session.folder.glob("*.mp4") if p.name == name), None)
        if path is None:
            raise Refused(404, "no such recording")
        return FileResponse(path, media_type="video/mp4", filename="openvasa.mp4")


def _add_socket(app: FastAPI, studio: Studio) -> None:
    @app.websocket("/api/sessions/{key}/socket")
    async def socket(websocket: WebSocket, key: str) -> None:
        problem = find_problem(studio, websocket, websocket.headers.get("authorization", ""))
        session = studio.sessions.get(key)
        # A browser is told the code of a socket that was accepted, of no other.
        await websocket.accept()
        if problem is not None:
            await websocket.close(Close.TOKEN if problem[1] == 401 else Close.REFUSED, problem[2])
        elif session is None or session.closed is not None:
            await websocket.close(Close.NO_SESSION, CLOSE_MEANINGS[Close.NO_SESSION])
        else:
            await Conversation(websocket, session).run()


def _choose_background(
    studio: Studio, background: str | None
) -> tuple[str | Picture, RendererFactory]:
    """A background, the server's own where none is named, and what draws a person before it."""
    if background is None:
        return studio.background, studio.renderer
    return background, before(studio.person, check_background(background))


def _choose_settings(studio: Studio, size: int | None) -> LiveSettings:
    if size is None:
        return studio.settings
    if size not in SIDES:
        raise InputError(f"size {size}: choose one of {', '.join(map(str, SIDES))}")
    return replace(studio.settings, size=size)


def _describe_opened(session: Session, offered: Offered) -> dict[str, object]:
    return {"id": session.id, "warnings": offered.warnings, "thumbnail": offered.thumbnail}


async def _read_face(
    studio: Studio, request: Request, name: str | None, face: int | None
) -> Offered:
    if name is not None:
        path = studio.portraits.get(name)
        if path is None:
            raise Refused(404, "no such portrait")
        return await asyncio.to_thread(read_offered, path, name, face)
    data = await read_upload(request, studio.limits.upload_bytes)
    most = studio.limits.picture_pixels
    return await asyncio.to_thread(read_portrait, data, most, studio.folder, face)
