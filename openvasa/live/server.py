"""The live server: HTTP for uploads, a WebSocket for steering, WebRTC or that socket for media.

A client opens a session with a portrait, connects its WebSocket, and then either sends a WebRTC
offer or asks for media over the socket itself. Who knows a session's id may use it; ids cannot be
guessed. On a loopback address only requests that name it are answered (a page elsewhere cannot
reach in through DNS); on any other address every request needs the token.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, MutableMapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from fastapi import FastAPI, Request, UploadFile, WebSocket, WebSocketDisconnect
from fastapi.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.requests import ClientDisconnect

from openvasa.errors import InputError
from openvasa.face.encode import load_portrait
from openvasa.face.latent import FaceLatent
from openvasa.live.assemble import ModelFactory, shipped_motion
from openvasa.live.frame import LiveSettings
from openvasa.live.logs import note
from openvasa.live.metrics import CONTENT_TYPE_LATEST, Metrics
from openvasa.live.outlet import Outlet
from openvasa.live.painter import UNREFINED
from openvasa.live.pictures import jpeg
from openvasa.live.rtc import allow_bitrates
from openvasa.live.session import Limits, Session
from openvasa.live.speech import LONGEST_TEXT, Voice, speak
from openvasa.live.uploads import read_portrait, read_voice
from openvasa.motion.controls import EMOTIONS, FARTHEST, LARGEST_GAZE, NEAREST, Controls
from openvasa.render.renderer import RendererFactory

WEB = Path(__file__).parent / "web"
SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' blob: data:; "
    "media-src 'self' blob: mediastream:; connect-src 'self' ws: wss:; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Permissions-Policy": "microphone=(self), camera=()",
}
REPORT_S = 0.5
SWEEP_S = 2.0
LONGEST_MESSAGE = 65536
"""Bytes of one message from a client; a second of speech is 96,000."""
STALLED_S = 10.0
"""A client that takes nothing for so long is cut off."""
PICTURE, SOUND, MICROPHONE = 1, 2, 3
"""First byte of a binary message."""
WEB_SOUND_S = 0.02
GAZE_DEG = (30.0, 20.0)
DISTANCES = (max(NEAREST, 0.75), min(FARTHEST, 1.35))
INTENSITIES = (0.3, 1.6)


@dataclass
class Studio:
    """What one server has.

    Attributes:
        settings: of every session's engine.
        renderer: what draws every session's pictures.
        model: makes the motion model of a session.
        limits: what is given at most.
        portraits: the pictures to choose from, by the name shown.
        voices: to speak text with.
        token: asked of every request; None on loopback addresses.
        hosts: names under which requests may come; None for any.
    """

    settings: LiveSettings = field(default_factory=LiveSettings)
    renderer: RendererFactory = UNREFINED
    model: ModelFactory = shipped_motion
    limits: Limits = field(default_factory=Limits)
    portraits: dict[str, Path] = field(default_factory=dict)
    voices: list[Voice] = field(default_factory=list)
    token: str | None = None
    hosts: set[str] | None = None
    metrics: Metrics = field(default_factory=Metrics)
    sessions: dict[str, Session] = field(default_factory=dict)
    opening: int = 0


class Refused(Exception):
    """A request that cannot be served: its HTTP status and one line for the user."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def loopback_hosts(host: str) -> set[str] | None:
    """Names of the loopback address that a server is bound to; None for any other address."""
    names = {"localhost", "127.0.0.1", "[::1]"}
    try:
        return names | {host} if ip_address(host).is_loopback else None
    except ValueError:
        return names if host == "localhost" else None


def create_app(studio: Studio) -> FastAPI:
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
                await _close(studio, session, "shutdown")

    app = FastAPI(title="OpenVASA live", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.state.studio = studio
    _add_guards(app, studio)
    _add_routes(app, studio)
    app.mount("/", StaticFiles(directory=WEB, html=True))
    return app


def _add_guards(app: FastAPI, studio: Studio) -> None:
    @app.middleware("http")
    async def guard(request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
        problem = _problem(studio, request, request.headers.get("authorization", ""))
        if problem is not None:
            studio.metrics.refused.labels(problem[0]).inc()
            return _error(problem[1], problem[2])
        response = await answer(request)
        response.headers.update(SECURITY_HEADERS)
        return response

    @app.exception_handler(Refused)
    async def refused(_: Request, error: Refused) -> Response:
        return _error(error.status, str(error))

    @app.exception_handler(InputError)
    async def bad_input(_: Request, error: InputError) -> Response:
        studio.metrics.refused.labels("input").inc()
        return _error(422, str(error))

    @app.exception_handler(ClientDisconnect)
    async def left(_: Request, error: ClientDisconnect) -> Response:
        # Nobody reads it; unanswered, it would be logged as a fault of the server.
        return _error(400, "body: ends too early")


def _problem(
    studio: Studio, request: Request | WebSocket, authorization: str
) -> tuple[str, int, str] | None:
    """Why a request may not be answered: reason, status, message; None where it may."""
    host = request.headers.get("host", "")
    if studio.hosts is not None and urlsplit(f"//{host}").hostname not in {
        name.strip("[]") for name in studio.hosts
    }:
        return "host", 403, "this server answers on localhost only"
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != host:
        return "origin", 403, "requests from other sites are not answered"
    open_to_all = request.url.path == "/healthz" or not request.url.path.startswith(
        ("/api", "/metrics")
    )
    if studio.token is None or open_to_all:
        return None
    given = authorization.removeprefix("Bearer ") or request.query_params.get("token", "")
    if not secrets.compare_digest(given.encode(), studio.token.encode()):
        return "token", 401, "a token is needed: open the address that the server printed"
    return None


def _error(status: int, message: str) -> JSONResponse:
    return JSONResponse({"error": message}, status, headers=SECURITY_HEADERS)


def _add_routes(app: FastAPI, studio: Studio) -> None:
    @app.get("/healthz")
    async def healthz() -> dict[str, object]:
        failed = [s for s in studio.sessions.values() if s.failed is not None]
        return {"status": "failing" if failed else "ok", "sessions": len(studio.sessions)}

    @app.get("/metrics")
    async def metrics() -> Response:
        for session in studio.sessions.values():
            session.count()
        studio.metrics.sessions.set(len(studio.sessions))
        return Response(studio.metrics.text(), media_type=CONTENT_TYPE_LATEST)

    @app.get("/api/studio")
    async def describe() -> dict[str, object]:
        return {
            "portraits": list(studio.portraits),
            "voices": [{"name": v.name, "label": v.label} for v in studio.voices],
            "emotions": EMOTIONS,
            "gaze_deg": GAZE_DEG,
            "distance": DISTANCES,
            "intensity": INTENSITIES,
            "longest_text": LONGEST_TEXT,
            "upload_bytes": studio.limits.upload_bytes,
            "rate": studio.settings.rate,
        }

    @app.get("/api/portraits/{name}")
    async def portrait(name: str) -> Response:
        path = studio.portraits.get(name)
        if path is None or path.suffix == ".npz":
            raise Refused(404, "no such portrait")
        return FileResponse(path)

    @app.post("/api/sessions")
    async def open_session(
        request: Request, portrait: str | None = None, face: int | None = None
    ) -> dict[str, str]:
        if len(studio.sessions) + studio.opening >= studio.limits.sessions:
            studio.metrics.refused.labels("sessions").inc()
            raise Refused(
                503, f"all {studio.limits.sessions} places are taken; try again in a moment"
            )
        studio.opening += 1
        try:
            latent = await _portrait(studio, request, portrait, face)
            session = await Session.open(
                latent, studio.settings, studio.metrics, studio.renderer, studio.model
            )
        finally:
            studio.opening -= 1
        studio.sessions[session.id] = session
        studio.metrics.opened.inc()
        note("session opened", {"session": session.id[:6], "portrait": portrait or "upload"})
        return {"id": session.id}

    @app.put("/api/sessions/{key}/portrait")
    async def change_portrait(
        key: str, request: Request, portrait: str | None = None, face: int | None = None
    ) -> dict[str, str]:
        session = _session(studio, key)
        await session.change_portrait(await _portrait(studio, request, portrait, face))
        return {"id": session.id}

    @app.delete("/api/sessions/{key}")
    async def close_session(key: str) -> dict[str, str]:
        await _close(studio, _session(studio, key), "client")
        return {}

    @app.post("/api/sessions/{key}/offer")
    async def offer(key: str, request: Request) -> dict[str, str]:
        session = _session(studio, key)
        sdp = (await _body(request, LONGEST_MESSAGE)).decode(errors="replace")
        return {"sdp": await session.answer(sdp)}

    @app.post("/api/sessions/{key}/speech")
    async def speech(key: str, request: Request) -> dict[str, float]:
        session = _session(studio, key)
        data = await _upload(request, studio.limits.upload_bytes)
        samples, rate = await asyncio.to_thread(read_voice, data, studio.limits.sound_s)
        session.speak(samples, rate)
        return {"seconds": len(samples) / rate}

    @app.post("/api/sessions/{key}/say")
    async def say(key: str, request: Request) -> dict[str, float]:
        session = _session(studio, key)
        wanted = _json(await _body(request, LONGEST_MESSAGE))
        voice = next((v for v in studio.voices if v.name == wanted.get("voice")), None)
        if voice is None:
            raise InputError("voice: no such voice here; choose one of the list")
        samples, rate = await asyncio.to_thread(speak, str(wanted.get("text", "")), voice)
        session.speak(samples, rate)
        return {"seconds": len(samples) / rate}

    @app.post("/api/sessions/{key}/recording")
    async def start_recording(key: str) -> dict[str, bool]:
        _session(studio, key).start_recording()
        return {"recording": True}

    @app.delete("/api/sessions/{key}/recording")
    async def stop_recording(key: str) -> dict[str, str]:
        path = await _session(studio, key).stop_recording()
        return {"file": path.name}

    @app.get("/api/sessions/{key}/recordings/{name}")
    async def recording(key: str, name: str) -> Response:
        session = _session(studio, key)
        # Compared with what is there; a name never becomes part of a path.
        path = next((p for p in session.folder.glob("*.mp4") if p.name == name), None)
        if path is None:
            raise Refused(404, "no such recording")
        return FileResponse(path, media_type="video/mp4", filename="openvasa.mp4")

    @app.websocket("/api/sessions/{key}/socket")
    async def socket(websocket: WebSocket, key: str) -> None:
        problem = _problem(studio, websocket, "")
        session = studio.sessions.get(key)
        if problem is not None or session is None:
            await websocket.close(4404 if problem is None else 4403)
            return
        await websocket.accept()
        await _Conversation(websocket, session).run()

    @app.get("/robots.txt")
    async def robots() -> Response:
        return PlainTextResponse("User-agent: *\nDisallow: /\n")


def _session(studio: Studio, key: str) -> Session:
    session = studio.sessions.get(key)
    if session is None:
        raise Refused(404, "no such session; it may have ended, open a new one")
    return session


async def _close(studio: Studio, session: Session, reason: str) -> None:
    studio.sessions.pop(session.id, None)
    await session.close(reason)


async def _portrait(
    studio: Studio, request: Request, name: str | None, face: int | None
) -> FaceLatent:
    if name is not None:
        path = studio.portraits.get(name)
        if path is None:
            raise Refused(404, "no such portrait")
        return await asyncio.to_thread(load_portrait, path)
    data = await _upload(request, studio.limits.upload_bytes)
    return await asyncio.to_thread(read_portrait, data, studio.limits.picture_pixels, face)


async def _upload(request: Request, most: int) -> bytes:
    """The one file of a form, or the body itself."""
    if int(request.headers.get("content-length") or 0) > most + 10_000:
        raise Refused(413, f"file: over {most // 1_000_000} MB; give a smaller one")
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        return await _body(request, most)
    async with request.form(max_files=1, max_fields=4) as form:
        upload = form.get("file")
        if upload is None or isinstance(upload, str):
            raise InputError("file: none in the form; send it as the field named file")
        return await _read(upload, most)


async def _read(upload: UploadFile | Any, most: int) -> bytes:
    data = await upload.read(most + 1)
    if len(data) > most:
        raise Refused(413, f"file: over {most // 1_000_000} MB; give a smaller one")
    return data


async def _body(request: Request, most: int) -> bytes:
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > most:
            raise Refused(413, f"body: over {most // 1000} kB")
    return bytes(data)


def _json(data: bytes | str) -> dict[str, Any]:
    try:
        content = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise InputError("message: is not JSON") from error
    if not isinstance(content, dict):
        raise InputError("message: is not a JSON object")
    return content


async def _sweep(studio: Studio) -> None:
    """Close sessions that nobody watches, and those whose player has failed."""
    while True:
        await asyncio.sleep(SWEEP_S)
        for session in list(studio.sessions.values()):
            if session.failed is not None:
                note("player failed", {"session": session.id[:6]}, logging.ERROR, session.failed)
                await _close(studio, session, "failed")
            elif (
                not session.watched and time.monotonic() - session.watched_at > studio.limits.idle_s
            ):
                await _close(studio, session, "idle")


class _Conversation:
    """One client's WebSocket: commands in, reports and, where it asks for them, media out."""

    def __init__(self, websocket: WebSocket, session: Session) -> None:
        self._socket = websocket
        self._session = session
        self._media: list[asyncio.Task] = []
        self._outlet: Outlet | None = None
        self._sending = asyncio.Lock()
        self._problems = 0

    async def run(self) -> None:
        """Until either side leaves."""
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
                self._obey(_json(text))
            elif data:
                self._hear(data)
        except InputError as error:
            # Someone who sends only rubbish is not answered for ever.
            self._problems += 1
            if self._problems > 100:
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
            self._session.steer(*_controls(message))
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


def _controls(message: dict[str, Any]) -> tuple[Controls, float]:
    """What a client steers, brought into range; numbers that are none are an error."""
    try:
        gaze = message.get("gaze")
        if gaze is not None:
            yaw, pitch = (float(value) for value in gaze)
            limits = (min(GAZE_DEG[0], LARGEST_GAZE[0]), min(GAZE_DEG[1], LARGEST_GAZE[1]))
            gaze = (_within(yaw, -limits[0], limits[0]), _within(pitch, -limits[1], limits[1]))
        distance = message.get("distance")
        if distance is not None:
            distance = _within(float(distance), *DISTANCES)
        emotion = message.get("emotion")
        if emotion is not None:
            emotion = {str(k): _within(float(v), 0, 1) for k, v in dict(emotion).items()}
            if not set(emotion) <= set(EMOTIONS):
                raise ValueError
        intensity = _within(float(message.get("intensity", 1.0)), *INTENSITIES)
        return Controls(gaze=gaze, distance=distance, emotion=emotion), intensity
    except (TypeError, ValueError) as error:
        raise InputError("controls: not understood") from error


def _within(value: float, low: float, high: float) -> float:
    if value != value:
        raise ValueError
    return min(max(value, low), high)
