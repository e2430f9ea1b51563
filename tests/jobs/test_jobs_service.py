"""The job service over HTTP: what it accepts, shows and refuses, and what workers do with it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from jobs_bench import PICTURE, Bench, order

pytest.importorskip("sqlalchemy", reason="the extra jobs is not installed")

from fastapi.testclient import TestClient
from sqlalchemy.exc import OperationalError
from starlette.requests import Request

from openvasa.errors import InputError
from openvasa.jobs.app import Limits, _find_problem
from openvasa.jobs.clients import read_clients
from openvasa.jobs.database import Database
from openvasa.jobs.serve import remove_old


def test_a_video_is_ordered_made_fetched_and_deleted(bench: Bench) -> None:
    studio = bench.as_client("studio")
    accepted = order(studio, options='{"size": 256}')
    assert accepted.status_code == 202
    job = accepted.json()
    where = accepted.headers["Location"]
    assert (job["state"], job["kind"]) == ("queued", "video")
    assert studio.get(f"{where}/result").status_code == 409
    bench.work()
    done = studio.get(where).json()
    assert (done["state"], done["frames"], done["error"]) == ("done", 50, None)
    fetched = studio.get(f"{where}/result")
    assert fetched.headers["content-type"] == "video/mp4"
    assert fetched.content.startswith(b"video of ")
    events = studio.get(f"{where}/events").text
    assert events.startswith("event: ended\ndata: {")
    assert [j["id"] for j in studio.get("/v1/videos?state=done").json()["jobs"]] == [job["id"]]
    assert studio.delete(where).status_code == 204
    assert studio.get(where).status_code == 404
    assert not list(Path(bench.files.root).iterdir())


def test_an_avatar_is_encoded_once_for_its_videos(bench: Bench) -> None:
    studio = bench.as_client("studio")
    avatar = studio.post("/v1/avatars", files={"portrait": ("me.jpg", PICTURE)}).json()["id"]
    early = order(studio, avatar=avatar)
    assert (early.status_code, early.json()["error"][:20]) == (409, "avatar: is queued; w")
    bench.work()
    assert studio.get(f"/v1/avatars/{avatar}").json()["state"] == "done"
    for _ in range(3):
        assert order(studio, avatar=avatar).status_code == 202
        bench.work()
    assert len(studio.get("/v1/videos?state=done").json()["jobs"]) == 3
    assert len(bench.workers.encoded) == 2
    assert bench.workers.encoded[1].place.endswith(".npz")
    assert order(bench.as_client("lab"), avatar=avatar).status_code == 404


def test_clients_see_their_own_jobs_alone(bench: Bench) -> None:
    where = order(bench.as_client("studio")).headers["Location"]
    lab = bench.as_client("lab")
    for answer in (
        lab.get(where),
        lab.get(f"{where}/result"),
        lab.get(f"{where}/events"),
        lab.post(f"{where}/cancel", content=b""),
        lab.delete(where),
    ):
        assert answer.status_code == 404
    assert lab.get("/v1/videos").json() == {"jobs": []}
    nobody = TestClient(bench.app)
    assert nobody.get(where).status_code == 401
    assert nobody.get(where, headers={"Authorization": "Bearer wrong"}).status_code == 401
    assert nobody.get("/healthz").json()["status"] == "ok"


def test_a_repeated_request_is_one_job_and_a_changed_one_is_refused(bench: Bench) -> None:
    studio = bench.as_client("studio")
    first, again = order(studio, key="k"), order(studio, key="k")
    assert first.json()["id"] == again.json()["id"]
    assert again.headers["Idempotent-Replay"] == "true"
    assert order(studio, "Something else.", key="k").status_code == 409
    assert len(list(Path(bench.files.root).iterdir())) == 1


def test_a_quota_is_kept(bench: Bench) -> None:
    studio = bench.as_client("studio")
    statuses = [order(studio).status_code for _ in range(6)]
    assert statuses == [202] * 4 + [429] * 2
    assert order(bench.as_client("lab")).status_code == 202
    assert len(list(Path(bench.files.root).iterdir())) == 5


def test_jobs_are_cancelled_while_they_wait_and_run(bench: Bench) -> None:
    studio = bench.as_client("studio")
    running = order(studio, "hang").headers["Location"]
    bench.work(3)
    shown = studio.get(running).json()
    assert (shown["state"], shown["frames_done"], shown["frames"]) == ("running", 7, 50)
    assert studio.delete(running).status_code == 409
    waiting = order(studio).headers["Location"]
    assert studio.post(f"{waiting}/cancel", content=b"").json()["state"] == "cancelled"
    assert studio.post(f"{running}/cancel", content=b"").json()["state"] == "running"
    bench.work(3)
    assert studio.get(running).json()["state"] == "cancelled"
    assert not bench.workers.hanging


def test_a_failure_says_why(bench: Bench) -> None:
    studio = bench.as_client("studio")
    where = order(studio, "poison").headers["Location"]
    bench.work()
    assert studio.get(where).json()["error"] == "text: cannot be said"
    assert studio.get(f"{where}/result").json() == {"error": "text: cannot be said"}


def test_a_dispatcher_told_to_stop_gives_its_jobs_back(bench: Bench) -> None:
    studio = bench.as_client("studio")
    where = order(studio, "hang").headers["Location"]
    bench.work(3)
    stop = threading.Event()
    stop.set()
    bench.dispatcher.run(stop)
    shown = studio.get(where).json()
    assert (shown["state"], shown["attempts"]) == ("queued", 0)


def test_a_database_that_is_away_for_a_moment_costs_no_job(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    studio = bench.as_client("studio")
    where = order(studio).headers["Location"]
    claim, stop, asked = bench.queue.claim, threading.Event(), count()

    def away_at_first() -> Any:
        if next(asked) == 0:
            raise OperationalError("SELECT", {}, Exception("the server went away"))
        if bench.queue.count().get("done"):
            stop.set()
        return claim()

    monkeypatch.setattr(bench.queue, "claim", away_at_first)
    monkeypatch.setattr("openvasa.jobs.dispatcher.OUTAGE_PAUSE_S", 0.0)
    bench.dispatcher.run(stop)
    assert capsys.readouterr().err == (
        "openvasa: the database does not answer (the server went away)\n"
    )
    assert studio.get(where).json()["state"] == "done"
    monkeypatch.setattr(bench.queue, "find", lambda *_: away_at_first())
    asked = count()
    answer = studio.get(where)
    assert (answer.status_code, answer.json()["error"][:12]) == (503, "the database")


@pytest.mark.parametrize(
    ("change", "status", "said"),
    [
        ({"text": ""}, 422, "text"),
        ({"text": "x" * 2000}, 422, "text: write 1 to"),
        ({"options": "no"}, 422, "not JSON"),
        ({"options": "[]"}, 422, "not a JSON object"),
        ({"options": '{"size": 9}'}, 422, "size"),
        ({"options": '{"background": "/etc/passwd"}'}, 422, "background"),
        ({"format": "exe"}, 422, "format exe"),
        ({"format": "../mp4"}, 422, "format"),
        ({"webhook": "ftp://x"}, 422, "webhook"),
        ({"avatar": "../../etc"}, 404, "no such avatar"),
        ({"key": "k" * 300}, 422, "Idempotency-Key"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_cannot_be_used_is_refused_and_keeps_nothing(
    bench: Bench, change: dict[str, str], status: int, said: str
) -> None:
    answer = order(bench.as_client("studio"), **change)
    assert answer.status_code == status
    assert said in answer.json()["error"]
    assert "\n" not in answer.json()["error"]
    assert not list(Path(bench.files.root).iterdir())


def test_files_that_are_no_pictures_or_too_large_are_refused(bench: Bench) -> None:
    studio = bench.as_client("studio")
    wrong = studio.post("/v1/videos", data={"text": "a"}, files={"portrait": ("a.jpg", b"x")})
    assert (wrong.status_code, wrong.json()["error"][:25]) == (422, "portrait: cannot be read;")
    large = {"portrait": ("a.jpg", b"x" * 1_200_000)}
    assert studio.post("/v1/videos", data={"text": "a"}, files=large).status_code == 413
    endless = studio.post("/v1/videos", content=iter([b"x"]))
    assert endless.status_code == 411


def test_old_jobs_and_their_files_are_removed(bench: Bench) -> None:
    studio = bench.as_client("studio")
    accepted = order(studio)
    where = accepted.headers["Location"]
    bench.work()
    assert remove_old(bench.queue, bench.files, keep_s=60) == []
    assert remove_old(bench.queue, bench.files, keep_s=-1) == [accepted.json()["id"]]
    assert studio.get(where).status_code == 404
    assert not list(Path(bench.files.root).iterdir())


def test_uploads_lie_on_the_disk_before_their_job_does(bench: Bench, monkeypatch) -> None:
    synced: list[int] = []

    def sync(handle: int) -> None:
        assert not bench.queue.count()
        synced.append(os.fstat(handle).st_ino)

    monkeypatch.setattr(os, "fsync", sync)
    folder = Path(bench.files.root) / order(bench.as_client("studio")).json()["id"]
    kept = {path.stat().st_ino for path in folder.iterdir()}
    assert kept
    if sys.platform != "win32":
        kept |= {folder.stat().st_ino, folder.parent.stat().st_ino}
    assert set(synced) == kept


def test_the_openapi_page_has_examples(bench: Bench) -> None:
    page = TestClient(bench.app).get("/openapi.json").json()
    form = page["paths"]["/v1/videos"]["post"]["requestBody"]["content"]["multipart/form-data"]
    name = form["schema"]["$ref"].rsplit("/", 1)[-1]
    fields = page["components"]["schemas"][name]["properties"]
    assert all("examples" in fields[f] for f in ("avatar", "text", "voice", "options", "webhook"))
    assert {"202", "401", "409", "422", "429"} <= set(
        page["paths"]["/v1/videos"]["post"]["responses"]
    )


def test_orders_without_a_body_need_no_length() -> None:
    def ask(headers: list[tuple[bytes, bytes]]) -> Any:
        scope = {"type": "http", "method": "POST", "path": "/v1/videos/x/cancel"}
        return _find_problem(Request({**scope, "headers": headers}), Limits(), None)

    assert ask([]) is None
    assert ask([(b"transfer-encoding", b"chunked")])[0] == 411


def test_the_extra_brings_all_that_the_service_needs() -> None:
    """`openvasa[jobs]` alone has no WebRTC and no metrics."""
    hide = "import sys; sys.modules.update(aiortc=None, prometheus_client=None);"
    done = subprocess.run(
        [sys.executable, "-c", hide + "import openvasa.jobs.serve"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_a_database_that_is_none_is_named_without_its_password() -> None:
    with pytest.raises(InputError, match="nosuch") as refused:
        Database("nosuch://me:secret@host/db")
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    "content",
    [
        "no",
        "{}",
        "[]",
        '{"a": {}}',
        '{"a": {"token": "short"}}',
        '{"a": {"token": "aaaaaaaaaaaaaaaaaaaa", "per_day": 0}}',
        '{"a": {"token": "aaaaaaaaaaaaaaaaaaaa", "tokens": 1}}',
        '{"a": {"token": "aaaaaaaaaaaaaaaaaaaa"}, "b": {"token": "aaaaaaaaaaaaaaaaaaaa"}}',
    ],
)
def test_a_wrong_file_of_clients_is_refused_in_one_line(content: str, tmp_path: Path) -> None:
    path = tmp_path / "clients.json"
    path.write_text(content)
    with pytest.raises(InputError) as refused:
        read_clients(path)
    assert "\n" not in str(refused.value)
