"""A folder for what a server writes while it runs, and the end of those that dead servers left."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

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
    try:
        with (folder / _LOCK).open("w") as lock:
            _hold(lock)
            yield folder
    finally:
        # Windows removes no open file.
        shutil.rmtree(folder, ignore_errors=True)


def _remove_left() -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        if folder.is_symlink() or not folder.is_dir() or not _is_ours(folder):
            continue
        if _is_abandoned(folder):
            shutil.rmtree(folder, ignore_errors=True)
            note("folder of a dead server removed", {"folder": folder.name})


def _is_abandoned(folder: Path) -> bool:
    try:
        with (folder / _LOCK).open() as lock:
            _hold(lock)
    except (FileNotFoundError, BlockingIOError, PermissionError):
        # One without a lock is just being made, or none of ours.
        return False
    return True


def _is_ours(folder: Path) -> bool:
    # On Windows each user has a folder for temporary files.
    return sys.platform == "win32" or folder.stat().st_uid == os.getuid()


def _hold(lock: IO[str]) -> None:
    """Lock a file until it is closed.

    Raises:
        OSError: another process holds it; BlockingIOError, on Windows PermissionError.
    """
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(lock.fileno(), msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
