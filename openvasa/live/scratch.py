"""A folder for what a server writes while it runs, and the end of those that dead servers left."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from openvasa.live.logs import note

PREFIX = "openvasa-live-"
_LOCK = "lock"


@contextmanager
def server_folder() -> Iterator[Path]:
    """A new folder that is removed at the end; folders of servers that were killed go first.

    A server holds a lock in its folder, which the system lets go when the process ends, however it
    ends.
    """
    _remove_left()
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    with (folder / _LOCK).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _remove_left() -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        if folder.is_symlink() or not folder.is_dir() or folder.stat().st_uid != os.getuid():
            continue
        if _is_abandoned(folder):
            shutil.rmtree(folder, ignore_errors=True)
            note("folder of a dead server removed", {"folder": folder.name})


def _is_abandoned(folder: Path) -> bool:
    try:
        with (folder / _LOCK).open() as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (FileNotFoundError, BlockingIOError):
        # One without a lock is just being made, or none of ours.
        return False
    return True
