"""The web application: which requests are answered, and how it says no."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from sqlalchemy.exc import OperationalError
from starlette.exceptions import HTTPException

from openvasa import __version__
from openvasa.errors import InputError
from openvasa.jobs.avatar_routes import add_avatar_routes
from openvasa.jobs.clients import Clients
from openvasa.jobs.files import Files
from openvasa.jobs.queue import JobQueue, KeyTaken
from openvasa.jobs.quota import QuotaReached
from openvasa.jobs.service import Refused, Service
from openvasa.jobs.video_routes import add_video_routes
from openvasa.live.addresses import STRANGERS, find_stranger

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
OPEN_PATHS = {"/healthz", "/openapi.json"}
FORM_ROOM = 100_000
"""Bytes of a form besides its files."""


@dataclass(frozen=True)
class Limits:
    """What is taken at most.

    Attributes:
        upload_bytes: of all files of a request.
        private_webhooks: webhooks may go to hosts that are not public.
    """

    upload_bytes: int = 100_000_000
    private_webhooks: bool = False


def create_app(
    queue: JobQueue,
    files: Files,
    clients: Clients,
    limits: Limits = Limits(),
    hosts: set[str] | None = None,
) -> FastAPI:
    """The web application.

    Args:
        queue: of the jobs.
        files: of the service.
        clients: who may use it.
        limits: what is taken at most.
        hosts: names under which requests may come; None for any.
    """
    app = FastAPI(
        title="OpenVASA jobs",
        version=__version__,
        description="One portrait and a voice in, a talking face out. Every video is marked as "
        "AI-generated. A job that was accepted (202) is not lost.",
        docs_url=None,
        redoc_url=None,
    )
    service = Service(queue, files, limits.private_webhooks)
    _add_guards(app, clients, limits, hosts)
    _add_errors(app)
    add_video_routes(app, service)
    add_avatar_routes(app, service)

    @app.get("/healthz", tags=["service"])
    def healthz() -> dict[str, object]:
        """Whether the database answers, and how many jobs are in which state."""
        return {"status": "ok", "jobs": queue.count()}

    return app


def _add_guards(app: FastAPI, clients: Clients, limits: Limits, hosts: set[str] | None) -> None:
    @app.middleware("http")
    async def guard(request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
        problem = _find_problem(request, limits, hosts)
        if problem is not None:
            return _error(*problem)
        client = clients.find(_token_of(request))
        if client is None and request.scope["path"] not in OPEN_PATHS:
            return _error(401, "a token is needed: send Authorization: Bearer TOKEN")
        request.state.client = client
        response = await answer(request)
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)
        return response


def _find_problem(
    request: Request, limits: Limits, hosts: set[str] | None
) -> tuple[int, str] | None:
    headers = request.headers
    stranger = find_stranger(headers.get("host", ""), headers.get("origin"), hosts)
    if stranger is not None:
        return 403, STRANGERS[stranger]
    if request.method != "POST":
        return None
    length = request.headers.get("content-length", "")
    if not length and "transfer-encoding" not in request.headers:
        # No body at all, as curl sends it.
        return None
    if not length.isdecimal():
        return 411, "Content-Length is needed"
    if int(length) > limits.upload_bytes + FORM_ROOM:
        return 413, f"body: over {limits.upload_bytes // 1_000_000} MB; give smaller files"
    return None


def _token_of(request: Request) -> str | None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token if scheme.lower() == "bearer" and token else None


def _add_errors(app: FastAPI) -> None:
    @app.exception_handler(InputError)
    async def bad_input(_: Request, error: InputError) -> Response:
        return _error(422, str(error))

    @app.exception_handler(RequestValidationError)
    async def bad_form(_: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"][1:]) or "body"
        return _error(422, f"{name}: {first['msg']}")

    @app.exception_handler(HTTPException)
    async def http_error(_: Request, error: HTTPException) -> Response:
        return _error(error.status_code, str(error.detail))

    @app.exception_handler(Refused)
    async def refused(_: Request, error: Refused) -> Response:
        return _error(error.status, str(error))

    @app.exception_handler(QuotaReached)
    async def quota_reached(_: Request, error: QuotaReached) -> Response:
        return _error(429, str(error))

    @app.exception_handler(OSError)
    async def no_room(_: Request, error: OSError) -> Response:
        # A place that cannot be written; the job is not accepted.
        return _error(507, f"the file cannot be kept ({error.strerror}); try again later")

    @app.exception_handler(OperationalError)
    async def database_away(_: Request, error: OperationalError) -> Response:
        return _error(503, "the database does not answer; try again in a moment")

    @app.exception_handler(KeyTaken)
    async def key_taken(_: Request, error: KeyTaken) -> Response:
        return _error(409, str(error))


def _error(status: int, message: str) -> JSONResponse:
    return JSONResponse({"error": message}, status, headers=HEADERS)
