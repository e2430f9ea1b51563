"""Which requests a live server answers, and how it says no.

On a loopback address only requests that name it are answered (a page elsewhere cannot reach in
through DNS); on any other address every request needs the token.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable

from fastapi import FastAPI, Request, WebSocket
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from openvasa.errors import InputError
from openvasa.live.addresses import STRANGERS, find_stranger
from openvasa.live.bodies import Refused
from openvasa.live.portraits import SeveralFaces
from openvasa.live.studio import Studio

VIEW = "/view"
"""The one page that may stand in a frame of other sites."""

SECURITY_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' blob: data:; "
    "media-src 'self' blob: mediastream:; connect-src 'self' ws: wss:; frame-ancestors {ancestors}",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Permissions-Policy": "microphone=(self), camera=()",
}


def add_guards(app: FastAPI, studio: Studio) -> None:
    """Check every HTTP request, and answer errors with one line of JSON."""

    @app.middleware("http")
    async def guard(request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
        allowed = _cross_origin_headers(studio, request)
        if allowed and request.method == "OPTIONS":
            # A browser asks what it may send before it sends it, without the token.
            return Response(status_code=204, headers=allowed)
        problem = find_problem(studio, request, request.headers.get("authorization", ""))
        if problem is not None:
            studio.metrics.refused.labels(problem[0]).inc()
            response: Response = _error(problem[1], problem[2])
        else:
            response = await answer(request)
        response.headers.update(_security_headers(studio, request.url.path) | allowed)
        return response

    @app.exception_handler(Refused)
    async def refused(_: Request, error: Refused) -> Response:
        return _error(error.status, str(error))

    @app.exception_handler(InputError)
    async def bad_input(_: Request, error: InputError) -> Response:
        studio.metrics.refused.labels("input").inc()
        if isinstance(error, SeveralFaces):
            return JSONResponse({"error": str(error), "faces": error.thumbnails}, 422)
        return _error(422, str(error))

    @app.exception_handler(RequestValidationError)
    async def bad_query(_: Request, error: RequestValidationError) -> Response:
        wrong = error.errors()[0]
        return _error(422, f"{wrong['loc'][-1]}: {wrong['msg']}")

    @app.exception_handler(HTTPException)
    async def not_served(_: Request, error: HTTPException) -> Response:
        answer = _error(error.status_code, str(error.detail))
        answer.headers.update(error.headers or {})
        return answer

    @app.exception_handler(ClientDisconnect)
    async def left(_: Request, error: ClientDisconnect) -> Response:
        # Nobody reads it; unanswered, it would be logged as a fault of the server.
        return _error(400, "body: ends too early")


def find_problem(
    studio: Studio, request: Request | WebSocket, authorization: str
) -> tuple[str, int, str] | None:
    """Why a request may not be answered: reason, HTTP status, message; None where it may.

    Args:
        studio: whose token and hosts count.
        request: HTTP or the opening of a WebSocket; its query may carry the token.
        authorization: the header of that name, or nothing.
    """
    headers = request.headers
    stranger = find_stranger(
        headers.get("host", ""), headers.get("origin"), studio.hosts, studio.origins
    )
    if stranger is not None:
        return stranger, 403, STRANGERS[stranger]
    # What is routed by, whatever the Host header says.
    path = request.scope["path"]
    open_to_all = path == "/healthz" or not path.startswith(("/api", "/metrics"))
    if studio.token is None or open_to_all:
        return None
    given = authorization.removeprefix("Bearer ") or request.query_params.get("token", "")
    if not secrets.compare_digest(given.encode(), studio.token.encode()):
        return "token", 401, "a token is needed: open the address that the server printed"
    return None


def _error(status: int, message: str) -> JSONResponse:
    return JSONResponse({"error": message}, status)


def _cross_origin_headers(studio: Studio, request: Request) -> dict[str, str]:
    """What lets a page of an allowed site read the answer."""
    origin = request.headers.get("origin")
    if origin not in studio.origins or origin is None:
        return {}
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Methods": "GET, POST, PUT, DELETE",
        "Access-Control-Allow-Headers": "Authorization, Content-Type",
        "Access-Control-Max-Age": "600",
        "Vary": "Origin",
    }


def _security_headers(studio: Studio, path: str) -> dict[str, str]:
    ancestors = "'none'"
    if path == VIEW:
        ancestors = " ".join(["'self'", *sorted(studio.embedders)])
    policy = SECURITY_HEADERS["Content-Security-Policy"].format(ancestors=ancestors)
    return {**SECURITY_HEADERS, "Content-Security-Policy": policy}
