"""What the job service tells of ended jobs, and where it may."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from jobs_bench import TOKENS, Bench, order

pytest.importorskip("sqlalchemy", reason="the extra jobs is not installed")

from sqlalchemy.exc import OperationalError

from openvasa.errors import InputError
from openvasa.jobs.webhook import (
    HEADER,
    WebhookTurns,
    check_webhook,
    send_webhook,
    sign_body,
    tell_next,
)


class Receiver(BaseHTTPRequestHandler):
    """Answers 500 first and 200 then, and keeps what it was sent."""

    heard: list[tuple[str, bytes]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.heard.append((self.headers[HEADER], body))
        self.send_response(500 if len(self.heard) == 1 else 200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


def test_the_end_of_a_job_is_told_signed_and_again(bench: Bench) -> None:
    Receiver.heard = []
    server = HTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/hook"
    studio = bench.as_client("studio")
    job = order(studio, webhook=url).json()
    moment = [1_900_000_000.0]
    turns = WebhookTurns(bench.database, lambda: moment[0])
    secret_of = bench.clients.secret_of
    assert not tell_next(turns, secret_of, private=True)
    bench.work()
    assert tell_next(turns, secret_of, private=True)
    assert not tell_next(turns, secret_of, private=True)
    moment[0] += 10
    assert tell_next(turns, secret_of, private=True)
    moment[0] += 10_000
    assert not tell_next(turns, secret_of, private=True)
    server.shutdown()
    assert len(Receiver.heard) == 2
    signature, body = Receiver.heard[1]
    sent_at = int(signature.partition(",")[0].removeprefix("t="))
    assert signature == sign_body(TOKENS["studio"], body, sent_at)
    assert json.loads(body)["job"]["id"] == job["id"]


def test_an_outage_loses_no_news(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """What workers say while the database is away is noted when it is back."""
    studio = bench.as_client("studio")
    jobs = [order(studio, text).json()["id"] for text in ("hang", "Good morning.")]
    note, outages = bench.queue.note_progress, iter([True])

    def note_or_fail(*given: Any) -> None:
        if next(outages, False):
            raise OperationalError("update", {}, Exception("away"))
        note(*given)

    monkeypatch.setattr(bench.queue, "note_progress", note_or_fail)
    monkeypatch.setattr(
        bench.workers,
        "wait",
        lambda _: [bench.workers.news.popleft() for _ in range(len(bench.workers.news))],
    )
    with pytest.raises(OperationalError):
        bench.work()
    bench.work()
    states = [studio.get(f"/v1/videos/{job}").json()["state"] for job in jobs]
    assert states == ["running", "done"]


def test_webhooks_reach_public_hosts_alone() -> None:
    wrong = ["http://example.com/", "https://me@example.com/", "file:///etc/passwd", "x"]
    wrong += ["https://x:99999/", f"https://{'a' * 70}.example/", "https://[", "https://x/\u00e9"]
    for url in wrong:
        with pytest.raises(InputError, match="https://"):
            check_webhook(url)
    for host in ("127.0.0.1", "10.0.0.1", "[::1]", "169.254.169.254", "localhost"):
        with pytest.raises(OSError, match="not a public host"):
            send_webhook(f"https://{host}/", b"{}", "secret")
