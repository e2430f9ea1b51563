"""Where a file is written: whether it can be there, and what is said where the disk refuses."""

from __future__ import annotations

import os
from pathlib import Path

from openvasa.errors import InputError


def check_place(path: Path, given: Path | None = None) -> None:
    """Raise InputError where no file can be written at `path`, or an input is there.

    Args:
        path: the file to write.
        given: an input that it must not replace.
    """
    if path.is_dir():
        raise InputError(f"{path}: is a directory; give a file name")
    if not path.parent.is_dir():
        raise InputError(f"{path}: its directory does not exist; create {path.parent} first")
    spare_input(path, given)


def spare_input(path: Path, given: Path | None) -> None:
    """Raise InputError where writing `path` would replace an input."""
    if given is not None and path.is_file() and given.exists() and path.samefile(given):
        raise InputError(f"{path}: is the input itself; give the output another name")


def not_written(path: Path, error: OSError) -> InputError:
    """What is told of a file or folder that the disk refuses."""
    reason = os.strerror(error.errno) if error.errno else str(error)
    return InputError(f"{path}: cannot be written ({reason}); free space or choose another place")
