"""A job service whose workers are quick, and a client that orders from it."""

from __future__ import annotations

import json
from collections import deque
from itertools import count
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sqlalchemy", reason="the extra jobs is not installed")

from fastapi.testclient import TestClient

from openvasa.assets import EXAMPLE_PORTRAIT
from openvasa.batch.make import Failure, Figures
from openvasa.batch.task import Portrait, Task
from openvasa.batch.workers import Advanced, Ended
from openvasa.jobs.app import Limits, create_app
from openvasa.jobs.clients import read_clients
from openvasa.jobs.database import Database
from openvasa.jobs.dispatcher import Dispatcher
from openvasa.jobs.files import Files
from openvasa.jobs.queue import JobQueue

TOKENS = {"studio": "s" * 20, "lab": "l" * 20}
PICTURE = EXAMPLE_PORTRAIT.read_bytes()


class QuickWorkers:
    """Workers whose videos are a few bytes; the text `hang` goes on until it is stopped."""

    places = 2

    def __init__(self) -> None:
        self.tickets = count()
        self.news: deque[Ended | Advanced] = deque()
        self.encoded: list[Portrait] = []
        self.hanging: set[int] = set()

    def encode(self, portrait: Portrait) -> int:
        self.encoded.append(portrait)
        return self._end(portrait.place)

    def make(self, task: Task, face: Any) -> int:
        if task.text == "hang":
            ticket = next(self.tickets)
            self.hanging.add(ticket)
            self.news.append(Advanced(ticket, 7, 50))
            return ticket
        if task.text == "poison":
            return self._end(None, Failure("text: cannot be said", False))
        Path(task.output).parent.mkdir(exist_ok=True)
        Path(task.output).write_bytes(f"video of {face}".encode())
        return self._end(Figures(2.0, 50, 10, 0.1))

    def wait(self, seconds: float) -> list[Ended | Advanced]:
        return [self.news.popleft()] if self.news else []

    def stop(self, ticket: int) -> None:
        self.hanging.discard(ticket)
        self.news.append(Ended(ticket, failure=Failure("stopped", False)))

    def forget(self, face: Any) -> None:
        pass

    def close(self) -> None:
        pass

    def _end(self, value: Any, failure: Failure | None = None) -> int:
        ticket = next(self.tickets)
        self.news.append(Ended(ticket, value, failure))
        return ticket


class Bench:
    """A service with its parts at hand."""

    def __init__(self, folder: Path) -> None:
        clients = folder / "clients.json"
        given = {name: {"token": token, "unfinished": 4} for name, token in TOKENS.items()}
        clients.write_text(json.dumps(given))
        self.database = Database(f"sqlite:///{folder}/jobs.db")
        self.queue = JobQueue(self.database)
        self.files = Files(str(folder / "files"))
        self.clients = read_clients(clients)
        limits = Limits(upload_bytes=1_000_000, private_webhooks=True)
        self.app = create_app(self.queue, self.files, self.clients, limits)
        self.workers = QuickWorkers()
        self.dispatcher = Dispatcher(self.queue, self.files, self.workers)

    def as_client(self, name: str) -> TestClient:
        headers = {"Authorization": f"Bearer {TOKENS[name]}"}
        return TestClient(self.app, headers=headers)

    def work(self, steps: int = 8) -> None:
        for _ in range(steps):
            self.dispatcher._renewed_at = 0.0
            self.dispatcher.step()


def order(client: TestClient, text: str = "Good morning.", **more: Any) -> Any:
    headers = {"Idempotency-Key": more.pop("key")} if "key" in more else {}
    files = {} if "avatar" in more else {"portrait": ("me.jpg", PICTURE)}
    return client.post("/v1/videos", data={"text": text, **more}, files=files, headers=headers)
