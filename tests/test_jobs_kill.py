"""The service as it is started, killed with SIGKILL at any moment: no job lost, none seen twice."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from jobs_server import free_port, run_postgres
from short_jobs import write_voice

pytest.importorskip("sqlalchemy", reason="the extra jobs is not installed")

import httpx

from openvasa.assets import EXAMPLE_PORTRAIT
from openvasa.media.inspect import inspect_video

pytestmark = pytest.mark.slow
JOBS = 5


@dataclass
class Order:
    """A video that is ordered, and its id once the service has answered."""

    key: str
    voice: bytes
    job_id: str = ""


class Running:
    """A server with a dispatcher and one worker, started by the command."""

    def __init__(self, folder: Path, database: str) -> None:
        self.port = free_port()
        self.command = [sys.executable, "-m", "openvasa", "serve", "--port", str(self.port)]
        self.command += ["--files", str(folder / "files"), "--workers", "1", "--accept-policy"]
        self.environment = {**os.environ, "OPENVASA_DATABASE": database}
        self.process: subprocess.Popen[bytes] | None = None
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=60)

    def start(self) -> None:
        self.process = subprocess.Popen(
            self.command, env=self.environment, stdout=subprocess.DEVNULL
        )
        wait_until(self.answers, 60)

    def answers(self) -> bool:
        try:
            return self.client.get("/healthz").status_code == 200
        except httpx.TransportError:
            return False

    def accepts(self, order: Order) -> bool:
        """Send an order until it is answered; whoever gets no answer sends it again."""
        try:
            answer = self.client.post(
                "/v1/videos",
                files={
                    "portrait": ("me.jpg", EXAMPLE_PORTRAIT.read_bytes()),
                    "audio": ("a.wav", order.voice),
                },
                data={"options": '{"size": 128, "fps": 12}'},
                headers={"Idempotency-Key": order.key},
            )
        except httpx.TransportError:
            return False
        assert answer.status_code == 202, answer.text
        order.job_id = answer.json()["id"]
        return True

    def restart(self) -> None:
        """Kill the server, which takes its dispatcher along, and start another."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        self.start()

    def kill_below(self, depth: int) -> None:
        """Kill what lies so deep below the server, as soon as anything does."""
        wait_until(lambda: self.children(depth), 60)
        for victim in self.children(depth):
            with suppress(ProcessLookupError):
                os.kill(victim, signal.SIGKILL)

    def children(self, depth: int) -> list[int]:
        """Process ids that lie so deep below the server: 1 dispatchers, 2 workers."""
        assert self.process is not None
        found = [self.process.pid]
        for _ in range(depth):
            found = [child for parent in found for child in children_of(parent)]
        return found

    def states(self) -> dict[str, str]:
        listed = self.client.get("/v1/videos?limit=200").json()["jobs"]
        return {job["id"]: job["state"] for job in listed}


def children_of(parent: int) -> list[int]:
    told = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(parent)], capture_output=True, text=True, check=False
    )
    return [int(word) for word in told.stdout.split()]


def wait_until(holds: Callable[[], object], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.2)


@pytest.fixture(params=["sqlite", "postgresql"])
def running(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Running]:
    with ExitStack() as stack:
        database = f"sqlite:///{tmp_path}/jobs.db"
        if request.param == "postgresql":
            database = stack.enter_context(run_postgres())
        service = Running(tmp_path, database)
        service.start()
        yield service
        service.client.close()
        assert service.process is not None
        service.process.terminate()
        service.process.wait(timeout=30)


@pytest.mark.parametrize("seed", range(int(os.environ.get("OPENVASA_KILL_RUNS", "1"))))
def test_a_service_killed_at_any_moment_loses_no_job(
    running: Running, tmp_path: Path, seed: int
) -> None:
    """Run it ten times by OPENVASA_KILL_RUNS=10: each run kills at other moments."""
    dice = random.Random(seed)
    voice = write_voice(tmp_path / "voice.wav").read_bytes()
    orders = [Order(f"k{number}", voice) for number in range(JOBS)]
    kills = [running.restart, partial(running.kill_below, 1), partial(running.kill_below, 2)]
    with ThreadPoolExecutor(1) as pool:
        killing = pool.submit(kill_at_random, kills, dice)
        for order in orders:
            wait_until(lambda order=order: running.accepts(order), 60)
            time.sleep(dice.uniform(0, 1))
        killing.result()
    accepted = [order.job_id for order in orders]
    assert set(running.states()) == set(accepted)
    wait_until(lambda: set(running.states().values()) == {"done"}, 240)
    for order in orders:
        before = order.job_id
        assert running.accepts(order)
        assert order.job_id == before
        video = tmp_path / f"{order.key}.mp4"
        video.write_bytes(running.client.get(f"/v1/videos/{order.job_id}/result").content)
        assert inspect_video(video).frames >= 7
    assert len(running.states()) == JOBS


def kill_at_random(kills: list[Callable[[], None]], dice: random.Random) -> None:
    for kill in dice.sample(kills, len(kills)):
        time.sleep(dice.uniform(0, 6))
        kill()
