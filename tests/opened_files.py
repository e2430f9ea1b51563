"""Which files of a folder any process opens, as Linux tells it (inotify)."""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

IN_OPEN, IN_ISDIR = 0x20, 0x40000000
EVENT = struct.Struct("iIII")


@contextmanager
def opened_files(*folders: Path) -> Iterator[set[Path]]:
    """A set that holds, after the block, each file in `folders` that was opened meanwhile."""
    libc = ctypes.CDLL(None, use_errno=True)
    watcher = libc.inotify_init1(os.O_NONBLOCK)
    if watcher < 0:
        raise OSError(ctypes.get_errno(), "inotify_init1")
    opened: set[Path] = set()
    try:
        watched = {
            libc.inotify_add_watch(watcher, os.fsencode(folder), IN_OPEN): folder
            for folder in folders
        }
        yield opened
        while events := _read(watcher):
            while events:
                number, kind, _, length = EVENT.unpack_from(events)
                name = events[EVENT.size : EVENT.size + length].rstrip(b"\0")
                events = events[EVENT.size + length :]
                if not kind & IN_ISDIR:
                    opened.add(watched[number] / os.fsdecode(name))
    finally:
        os.close(watcher)


def _read(watcher: int) -> bytes:
    try:
        return os.read(watcher, 1 << 16)
    except BlockingIOError:
        return b""
