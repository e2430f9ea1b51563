"""A disk that fills up, for real: a small one in memory, which only root may mount on Linux."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from short_jobs import SMALL, write_voice

pytest.importorskip("sqlalchemy", reason="the extra jobs is not installed")

from fastapi.testclient import TestClient

from openvasa.assets import EXAMPLE_PORTRAIT
from openvasa.batch.make import encode_portrait, explain, make_video
from openvasa.batch.results import Outcome, ResultTable
from openvasa.batch.task import Portrait, Task
from openvasa.errors import InputError
from openvasa.jobs.app import create_app
from openvasa.jobs.clients import local_client
from openvasa.jobs.database import Database
from openvasa.jobs.files import Files
from openvasa.jobs.queue import JobQueue


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "openvasa-test", str(folder)]
    if not sys.platform.startswith("linux") or subprocess.run(mount, check=False).returncode:
        pytest.skip("no small disk can be mounted here")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(disk: Path) -> Path:
    """A file that takes all the room that is left."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(4096)):
            pass
    assert shutil.disk_usage(disk).free == 0
    return ballast


def test_a_video_that_finds_no_room_leaves_nothing_and_is_made_later(
    disk: Path, tmp_path: Path
) -> None:
    face = encode_portrait(Portrait(str(EXAMPLE_PORTRAIT)))
    sound = str(write_voice(tmp_path / "voice.wav"))
    output = disk / "out.mp4"
    task = Task("t", str(EXAMPLE_PORTRAIT), str(output), sound, options=SMALL)
    ballast = fill(disk)
    with pytest.raises((InputError, OSError)) as refused:
        make_video(task, face, "first")
    failure = explain(refused.value)
    assert failure.passing
    assert "No space left" in failure.reason
    assert list(disk.iterdir()) == [ballast]
    ballast.unlink()
    assert make_video(task, face, "second").bytes == output.stat().st_size


def test_a_table_keeps_rows_that_find_no_room(disk: Path) -> None:
    tasks = [Task(f"t{i}", "p.jpg", f"{i}.mp4", text="Hello.") for i in range(300)]
    table = ResultTable(disk / "table.jsonl")
    table.add(Outcome(tasks[0], "failed", 1, ("no such file",)))
    ballast = fill(disk)
    for task in tasks[1:]:
        table.add(Outcome(task, "failed", 1, ("no such file",)))
    assert not table.flush()
    assert table.path.read_bytes().endswith(b"\n")
    ballast.unlink()
    assert table.close()
    assert table.path.read_bytes().count(b"\n") == len(tasks)


def test_a_service_without_room_accepts_nothing_and_loses_nothing(disk: Path) -> None:
    queue, files = JobQueue(Database(f"sqlite:///{disk}/jobs.db")), Files(str(disk))
    client = TestClient(create_app(queue, files, local_client()), "http://localhost")
    picture = {"portrait": ("me.jpg", EXAMPLE_PORTRAIT.read_bytes())}

    def order(number: int) -> int:
        said = {"text": f"Job {number}."}
        headers = {"Idempotency-Key": str(number)}
        return client.post("/v1/videos", files=picture, data=said, headers=headers).status_code

    assert order(0) == 202
    ballast = fill(disk)
    refused = [order(number) for number in range(1, 5)]
    assert set(refused) <= {503, 507}
    assert len(client.get("/v1/videos").json()["jobs"]) == 1
    assert len([entry for entry in disk.iterdir() if entry.is_dir()]) == 1
    ballast.unlink()
    assert [order(number) for number in range(5)] == [202] * 5
    assert len(client.get("/v1/videos").json()["jobs"]) == 5
