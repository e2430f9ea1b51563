"""A disk that fills up, for real: no video half there, no order lost."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

import pytest
from short_jobs import SMALL, write_voice

pytest.importorskip("sqlalchemy", reason="the extra jobs is not installed")

from fastapi.testclient import TestClient

from openvasa.assets import EXAMPLE_PORTRAIT
from openvasa.batch.make import explain, make_video
from openvasa.batch.task import Task
from openvasa.errors import InputError
from openvasa.face.latent import FaceLatent
from openvasa.jobs.app import create_app
from openvasa.jobs.clients import local_client
from openvasa.jobs.database import Database
from openvasa.jobs.files import Files
from openvasa.jobs.queue import JobQueue


def fill(disk: Path) -> Path:
    """A file that takes all the room that is left."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(4096)):
            pass
    assert shutil.disk_usage(disk).free == 0
    return ballast


def test_a_video_that_finds_no_room_leaves_nothing_and_is_made_later(
    small_disk: Path, tmp_path: Path, face: FaceLatent
) -> None:
    sound = str(write_voice(tmp_path / "voice.wav"))
    output = small_disk / "out.mp4"
    task = Task("t", str(EXAMPLE_PORTRAIT), str(output), sound, options=SMALL)
    ballast = fill(small_disk)
    with pytest.raises((InputError, OSError)) as refused:
        make_video(task, face, "first")
    failure = explain(refused.value)
    assert failure.passing
    assert "No space left" in failure.reason
    assert list(small_disk.iterdir()) == [ballast]
    ballast.unlink()
    assert make_video(task, face, "second").bytes == output.stat().st_size


def test_a_service_without_room_accepts_nothing_and_loses_nothing(small_disk: Path) -> None:
    queue, files = JobQueue(Database(f"sqlite:///{small_disk}/jobs.db")), Files(str(small_disk))
    client = TestClient(create_app(queue, files, local_client()), "http://localhost")
    picture = {"portrait": ("me.jpg", EXAMPLE_PORTRAIT.read_bytes())}

    def order(number: int) -> int:
        said = {"text": f"Job {number}."}
        headers = {"Idempotency-Key": str(number)}
        return client.post("/v1/videos", files=picture, data=said, headers=headers).status_code

    assert order(0) == 202
    ballast = fill(small_disk)
    refused = [order(number) for number in range(1, 5)]
    assert set(refused) <= {503, 507}
    assert len(client.get("/v1/videos").json()["jobs"]) == 1
    assert len([entry for entry in small_disk.iterdir() if entry.is_dir()]) == 1
    ballast.unlink()
    assert [order(number) for number in range(5)] == [202] * 5
    assert len(client.get("/v1/videos").json()["jobs"]) == 5
