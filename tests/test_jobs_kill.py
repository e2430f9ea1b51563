"""The service as it is started, killed with SIGKILL at any moment: no job lost, none seen twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
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


class Running:
    """A server with a dispatcher and one worker, started by the command."""

    def __init__(self, folder: Path, database: str) -> None:
        self.port = free_port()
        self.command = [sys.executable, "-m", "openvasa.cli", "serve", "--port", str(self.port)]
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

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

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


def test_a_service_killed_at_any_moment_loses_no_job(running: Running, tmp_path: Path) -> None:
    voice = write_voice(tmp_path / "voice.wav").read_bytes()
    files = {"portrait": ("me.jpg", EXAMPLE_PORTRAIT.read_bytes()), "audio": ("a.wav", voice)}
    accepted = []
    for number in range(JOBS):
        answer = running.client.post(
            "/v1/videos",
            files=files,
            data={"options": '{"size": 128, "fps": 12}'},
            headers={"Idempotency-Key": f"k{number}"},
        )
        assert answer.status_code == 202
        accepted.append(answer.json()["id"])
    wait_until(lambda: "running" in running.states().values(), 60)
    running.kill()
    running.start()
    assert set(running.states()) == set(accepted)
    wait_until(lambda: "running" in running.states().values(), 90)
    for victim in (*running.children(2), *running.children(1)):
        os.kill(victim, signal.SIGKILL)
    wait_until(lambda: set(running.states().values()) == {"done"}, 240)
    for number, job_id in enumerate(accepted):
        again = running.client.post(
            "/v1/videos",
            files=files,
            data={"options": '{"size": 128, "fps": 12}'},
            headers={"Idempotency-Key": f"k{number}"},
        )
        assert again.json()["id"] == job_id
        video = tmp_path / f"{number}.mp4"
        video.write_bytes(running.client.get(f"/v1/videos/{job_id}/result").content)
        assert inspect_video(video).frames >= 7
    assert len(running.states()) == JOBS
