"""The files of the service: what clients upload and what is made for them, on disk or elsewhere."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from openvasa.batch.places import check_place_kind, is_url, publishing
from openvasa.errors import InputError
from openvasa.jobs.job import Job

CHUNK = 1 << 18


class Files:
    """A folder, or a URL of fsspec; no name of a client's becomes a part of a path.

    Args:
        root: where all files lie.
    """

    def __init__(self, root: str) -> None:
        check_place_kind(root)
        self.root = root.rstrip("/")
        if not is_url(root):
            self.root = str(Path(root).resolve())
            try:
                Path(self.root).mkdir(parents=True, exist_ok=True, mode=0o700)
            except OSError as error:
                raise InputError(f"{root}: cannot be made ({error.strerror})") from error

    def keep_upload(self, job_id: str, name: str, ending: str, data: bytes) -> str:
        """Keep an uploaded file; gives its place."""
        place = f"{self.root}/{job_id}/{name}{ending}"
        path = self.local_path(place)
        if path is not None:
            # Nobody looks there until the job is in the queue: half a file is seen by nobody.
            path.parent.mkdir(exist_ok=True)
            _write_through(path, data)
            return place
        with publishing(place, secrets.token_hex(4)) as copy:
            copy.write_bytes(data)
        return place

    def result_place(self, job: Job) -> str:
        """Where an attempt writes: a name of its own, which the job bears once it has ended."""
        return f"{self.root}/{job.id}/{job.lease}{job.order.ending}"

    def local_path(self, place: str) -> Path | None:
        """The path of a file on this machine; None where it lies elsewhere."""
        return None if is_url(place) else Path(place)

    def read(self, place: str) -> Iterator[bytes]:
        """The content of a file, in pieces."""
        import fsspec

        with fsspec.open(place, "rb") as file:
            while piece := file.read(CHUNK):  # pyright: ignore[reportAttributeAccessIssue]
                yield piece

    def remove(self, place: str) -> None:
        """Remove a file, if it is there."""
        import fsspec

        system, path = fsspec.core.url_to_fs(place)
        with suppress(FileNotFoundError):
            system.rm_file(path)

    def remove_all(self, job_id: str) -> None:
        """Remove every file of a job."""
        import fsspec

        system, path = fsspec.core.url_to_fs(f"{self.root}/{job_id}")
        with suppress(FileNotFoundError):
            system.rm(path, recursive=True)


def _write_through(path: Path, data: bytes) -> None:
    """Write a file that is there after a loss of power: its content, its name, its folder's."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    # Windows opens no folder.
    if sys.platform != "win32":
        for folder in (path.parent, path.parent.parent):
            opened = os.open(folder, os.O_RDONLY)
            try:
                os.fsync(opened)
            finally:
                os.close(opened)
