"""Two live servers behind one address: sessions stay where they are, and a server drains."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from jobs_server import free_port

pytest.importorskip("fastapi", reason="the extra live is not installed")

import httpx
from websockets.sync.client import connect

pytestmark = pytest.mark.slow
CADDYFILE = Path(__file__).parents[1] / "deploy" / "Caddyfile"
COOKIE = "openvasa_process"


class House:
    """Two servers and a gateway before them."""

    def __init__(self, folder: Path) -> None:
        self.stack = ExitStack()
        self.port = free_port()
        self.servers = {
            port: self._start_server(port, folder) for port in (free_port(), free_port())
        }
        places = " ".join(f"127.0.0.1:{port}" for port in self.servers)
        written = CADDYFILE.read_text().replace("live1:8765 live2:8765", places)
        (folder / "Caddyfile").write_text("{\n\tadmin off\n}\n" + written)
        environment = {**os.environ, "OPENVASA_SITE": f"http://localhost:{self.port}"}
        environment |= {"HOME": str(folder), "XDG_DATA_HOME": str(folder)}
        command = ["caddy", "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"]
        self.gateway = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL)

    def _start_server(self, port: int, folder: Path) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "openvasa", "live", "--port", str(port)]
        command += ["--drain", "60", "--sessions", "12", "--accept-policy"]
        with (folder / f"{port}.log").open("wb") as log:
            return subprocess.Popen(command, stdout=log, stderr=log)

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=f"http://localhost:{self.port}", timeout=60)

    def holds(self, port: int) -> int:
        """Sessions that a server has."""
        return httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=20).json()["sessions"]

    def is_ready(self, port: int) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=20).status_code == 200
        except httpx.TransportError:
            return False

    def stop(self) -> None:
        self.stack.close()
        for process in (self.gateway, *self.servers.values()):
            process.kill()
            process.wait()


def wait_until(holds: Callable[[], object], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.2)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    if shutil.which("caddy") is None:
        pytest.skip("caddy is not installed")
    built = House(tmp_path)
    try:
        wait_until(lambda: all(map(built.is_ready, built.servers)), 90)
        time.sleep(2.5)  # The gateway asks once a second who is ready.
        yield built
    finally:
        built.stop()


def open_session(client: httpx.Client) -> str:
    opened = client.post("/api/sessions", params={"portrait": "portrait"})
    assert opened.status_code == 200, opened.text
    return opened.json()["id"]


def test_sessions_stay_with_their_server_and_a_server_drains(house: House) -> None:
    clients = []
    while min(map(house.holds, house.servers)) < 1:
        # The gateway draws one of two: that twelve go to one of them is 1 in 2000.
        assert len(clients) < 12
        client = house.client()
        clients.append((client, open_session(client)))
    leaving = next(iter(house.servers))
    places = {}
    for client, session in clients:
        # Every request of a session reaches its server, or the session would not be found.
        for _ in range(5):
            wrong = client.post(f"/api/sessions/{session}/offer", content=b"no offer")
            assert wrong.status_code == 422
        places[session] = client.cookies[COOKIE]
    assert len(set(places.values())) == 2

    before = house.holds(leaving)
    sockets = {}
    for client, session in clients:
        headers = {"Cookie": f"{COOKIE}={client.cookies[COOKIE]}"}
        url = f"ws://localhost:{house.port}/api/sessions/{session}/socket"
        sockets[session] = house.stack.enter_context(connect(url, additional_headers=headers))
    house.servers[leaving].send_signal(signal.SIGTERM)
    told = [session for session, socket in sockets.items() if hears(socket, "going_away")]
    assert len(told) == before
    assert len({places[session] for session in told}) == 1
    assert not house.is_ready(leaving)

    time.sleep(2.5)
    assert house.servers[leaving].poll() is None
    moved = next(client for client, session in clients if session in told)
    old = next(session for _, session in clients if session in told)
    assert moved.delete(f"/api/sessions/{old}").status_code == 200
    others = [port for port in house.servers if port != leaving]
    room = house.holds(others[0])
    open_session(moved)
    assert house.holds(others[0]) == room + 1
    for client, session in clients:
        if session in told and session != old:
            assert client.delete(f"/api/sessions/{session}").status_code == 200
    assert house.servers[leaving].wait(timeout=30) in (0, 143)


def hears(socket, wanted: str) -> bool:
    """Whether an event comes within three seconds."""
    deadline = time.monotonic() + 3
    while (left := deadline - time.monotonic()) > 0:
        try:
            message = socket.recv(timeout=left)
        except TimeoutError:
            return False
        if isinstance(message, str) and json.loads(message).get("type") == wanted:
            return True
    return False
