"""The protocol's files for machines, against the running server: neither may have more or less."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator

import httpx
import jsonschema
import numpy as np
import pytest
from live_server import PATIENCE_S, received, serving, talk_to
from live_stand_in import StandInModel

from openvasa.assets import EXAMPLE_PORTRAIT, EXAMPLE_VOICE
from openvasa.jobs.page_routes import video_extension
from openvasa.live.frame import LiveSettings
from openvasa.live.protocol import CLOSE_MEANINGS, MICROPHONE, SPEECH, Close
from openvasa.live.server import SCHEMA, create_app
from openvasa.live.speech import Voice
from openvasa.live.studio import Studio

SOCKET = json.loads((SCHEMA / "asyncapi.json").read_text())
HTTP = json.loads((SCHEMA / "openapi.json").read_text())
MESSAGES = SOCKET["channels"]["session"]["messages"]
EVENTS = {name.removeprefix("event."): m for name, m in MESSAGES.items() if "event." in name}
COMMANDS = {name.removeprefix("command."): m for name, m in MESSAGES.items() if "command." in name}


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    return Studio(
        settings=LiveSettings(fps=25, rate=24000, size=256),
        model=lambda seed: StandInModel(),
        portraits={"example": EXAMPLE_PORTRAIT},
        voices=[Voice("quiet", "Quiet", ("cat", str(EXAMPLE_VOICE)))],
        folder=tmp_path_factory.mktemp("server"),
    )


@pytest.fixture(scope="module")
def http(studio: Studio) -> Iterator[httpx.Client]:
    with (
        serving(studio, 0, video_extension()) as address,
        httpx.Client(base_url=address, timeout=PATIENCE_S) as client,
    ):
        yield client


def check(answer: httpx.Response, path: str, method: str) -> dict:
    """The answer, which is as the file says."""
    response = HTTP["paths"][path][method]["responses"][str(answer.status_code)]
    if "$ref" in response:
        response = HTTP["components"]["responses"][response["$ref"].rsplit("/", 1)[1]]
    jsonschema.validate(answer.json(), response["content"]["application/json"]["schema"])
    return answer.json()


def test_the_file_has_every_path_and_no_other(studio: Studio) -> None:
    served = {
        (route.path, method.lower())
        for route in create_app(studio, video_extension()).routes
        for method in getattr(route, "methods", None) or ()
        if method != "HEAD"
    }
    described = {(path, method) for path, methods in HTTP["paths"].items() for method in methods}
    assert described == served


def test_both_files_are_served(http: httpx.Client) -> None:
    assert http.get("/openapi.json").json() == HTTP
    assert http.get("/asyncapi.json").json() == SOCKET


def test_answers_are_as_described(http: httpx.Client) -> None:
    check(http.get("/healthz"), "/healthz", "get")
    check(http.get("/api/studio"), "/api/studio", "get")
    query = {"portrait": "example", "background": "green"}
    check(http.get("/api/share"), "/api/share", "get")
    check(http.get("/api/voices/none"), "/api/voices/{name}", "get")
    key = check(http.post("/api/sessions", params=query), "/api/sessions", "post")["id"]
    nobody = http.post("/api/sessions", params={"portrait": "nobody"})
    check(nobody, "/api/sessions", "post")
    session = "/api/sessions/{key}"
    for name, method, how in (
        ("portrait", "put", {"params": {"portrait": "example"}}),
        ("background", "put", {"params": {"background": "keep"}}),
        ("background", "put", {"params": {"background": "rainbow"}}),
        ("background", "put", {}),
        ("background", "put", {"content": b"no picture"}),
        ("background", "put", {"content": EXAMPLE_PORTRAIT.read_bytes()}),
        ("speech", "post", {"content": EXAMPLE_VOICE.read_bytes()}),
        ("speech", "post", {"content": b"no sound"}),
        ("say", "post", {"json": {"text": "Hello", "voice": "quiet"}}),
        ("say", "post", {"json": {"text": "", "voice": "quiet"}}),
        ("offer", "post", {"content": b"no offer"}),
        ("recording", "post", {}),
        ("recording", "delete", {}),
    ):
        answer = http.request(method.upper(), f"/api/sessions/{key}/{name}", **how)
        check(answer, f"{session}/{name}", method)
    text = {"text": "Hello", "voice": "quiet"}
    check(http.post(f"/api/sessions/{key}/videos", json={}), f"{session}/videos", "post")
    job = check(http.post(f"/api/sessions/{key}/videos", json=text), f"{session}/videos", "post")
    check(http.get(f"/api/videos/{job['id']}/file"), "/api/videos/{job_id}/file", "get")
    for method in ("get", "delete"):
        one = http.request(method.upper(), f"/api/videos/{job['id']}")
        check(one, "/api/videos/{job_id}", method)
        check(http.request(method.upper(), "/api/videos/none"), "/api/videos/{job_id}", method)
    check(http.delete(f"/api/sessions/{key}"), session, "delete")
    check(http.delete(f"/api/sessions/{key}"), session, "delete")


def test_messages_are_as_described(http: httpx.Client, studio: Studio) -> None:
    key = http.post("/api/sessions", params={"portrait": "example"}).json()["id"]
    tone = (9000 * np.sin(np.arange(24000) / 9)).astype("<i2").tobytes()
    speech = struct.pack("<Bx", SPEECH) + tone
    seen: dict[str, dict] = {}

    def take(link, kind: str) -> None:
        if kind in seen:
            # It came while another kind was waited for.
            return
        messages = received(link, PATIENCE_S, lambda found: kinds(found) >= {kind})
        seen.update({m["type"]: m for m in messages if isinstance(m, dict)})
        assert kind in seen

    with talk_to(str(http.base_url).rstrip("/"), key) as link:
        for name, command in COMMANDS.items():
            example = command["examples"][0]["payload"]
            jsonschema.validate(example, command["payload"])
            link.send(json.dumps(example))
            if name == "speech.start":
                link.send(speech)
        take(link, "pong")
        assert "error" not in seen, "every example is understood"
        link.send(json.dumps({"type": "listen", "on": False}))
        link.send(json.dumps({"type": "speech.start", "rate": 24000}))
        link.send(speech)
        link.send(json.dumps({"type": "speech.end"}))
        for kind in ("weights", "state", "spoken", "speech.done"):
            take(link, kind)
        link.send(json.dumps({"type": "speech.start", "rate": 8000}))
        for _ in range(3):
            link.send(struct.pack("<BxI", MICROPHONE, 24000) + tone)
        for _ in range(32):
            link.send(struct.pack("<Bx", SPEECH) + bytes(160_000))
        for kind in ("speech.refused", "warning", "report"):
            take(link, kind)
        link.send("{")
        take(link, "error")
        session = studio.sessions[key]
        session.loop.call_soon_threadsafe(session.announce_end, 5.0)
        take(link, "going_away")
        http.delete(f"/api/sessions/{key}")
        take(link, "ended")
    for kind, event in seen.items():
        jsonschema.validate(event, EVENTS[kind]["payload"])
    assert set(EVENTS) == set(seen) | {"speech.started", "hello"}


def kinds(messages: list) -> set[str]:
    return {message["type"] for message in messages if isinstance(message, dict)}


def test_every_close_code_has_a_meaning_and_a_line_in_the_docs() -> None:
    page = (SCHEMA.parents[2] / "docs" / "protocol.md").read_text()
    for code in Close:
        assert f"| {int(code)} | {CLOSE_MEANINGS[code]} |" in page
    for name in (*EVENTS, *COMMANDS):
        assert f"`{name}`" in page
