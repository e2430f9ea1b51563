"""Files that lie on this machine or elsewhere: fetched to be read, published whole.

A place is a path, or a URL that fsspec knows (s3://, gs://, file://, …). A file is published under
a name of its own first and renamed last, so that nobody ever sees a part of it.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

from openvasa.errors import InputError

_PART = ".part"


def is_url(place: str) -> bool:
    """Whether fsspec reads it; a plain path, also one with a drive letter, is none."""
    return "://" in place


def check_place_kind(place: str) -> None:
    """Raise InputError where no installed package reads that kind of URL."""
    if not is_url(place):
        return
    import fsspec

    protocol = urlsplit(place).scheme
    try:
        fsspec.get_filesystem_class(protocol)
    except ImportError as error:
        raise InputError(f"{place}: cannot be reached ({error}); install that package") from error
    except ValueError as error:
        raise InputError(f"{place}: {protocol}:// is unknown; give another place") from error


def exists(place: str) -> bool:
    """Whether there is a file."""
    if not is_url(place):
        return Path(place).is_file()
    system, path = _open_system(place)
    return system.isfile(path)


def fetch(place: str, folder: Path) -> Path:
    """A file on this machine with what lies at a place; a path is itself.

    Args:
        place: what to read.
        folder: where a copy may be put; it keeps the name's ending.

    Raises:
        InputError: nothing is there, or it may not be read.
        OSError: the way there failed; it may go better another time.
    """
    if not is_url(place):
        return Path(place)
    check_place_kind(place)
    system, path = _open_system(place)
    ending = Path(urlsplit(place).path).suffix.lower()
    handle, name = tempfile.mkstemp(ending, "fetched-", folder)
    os.close(handle)
    try:
        system.get_file(path, name)
    except FileNotFoundError as error:
        raise InputError(f"{place}: no such file; check the address") from error
    except PermissionError as error:
        raise InputError(f"{place}: may not be read; check the access rights") from error
    return Path(name)


@contextmanager
def publishing(place: str, mark: str) -> Iterator[Path]:
    """Write to the path that this gives; at the end of the block the file lies at `place`.

    After an exception it does not, and what there was before is left as it was.

    Args:
        place: where the file goes.
        mark: names the attempt; `remove_parts` removes what an attempt that died left.
    """
    if is_url(place):
        with tempfile.TemporaryDirectory(prefix="openvasa-") as folder:
            local = Path(folder) / Path(urlsplit(place).path).name
            yield local
            _send(local, place, mark)
        return
    final = Path(place)
    part = final.with_name(_part_name(final.name, mark))
    part.mkdir(parents=True, exist_ok=True)
    try:
        yield part / final.name
        os.replace(part / final.name, final)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def remove_parts(place: str) -> None:
    """Remove what attempts left beside a place that died while they wrote."""
    name = _part_name(place.rsplit("/", 1)[-1], "")
    if not is_url(place):
        final = Path(place)
        prefix = _part_name(final.name, "").removesuffix(_PART)
        with suppress(OSError):
            for entry in os.scandir(final.parent):
                if entry.name.startswith(prefix) and entry.name.endswith(_PART):
                    shutil.rmtree(entry.path, ignore_errors=True)
        return
    system, path = _open_system(place)
    folder, prefix = path.rsplit("/", 1)[0], name.removesuffix(_PART)
    with suppress(OSError):
        for found in system.ls(folder, detail=False):
            last = str(found).rsplit("/", 1)[-1]
            if last.startswith(prefix) and last.endswith(_PART):
                system.rm_file(found)


def _part_name(name: str, mark: str) -> str:
    return f".{name}.{mark}{_PART}"


def _send(local: Path, place: str, mark: str) -> None:
    system, path = _open_system(place)
    folder, name = path.rsplit("/", 1)
    part = f"{folder}/{_part_name(name, mark)}"
    system.makedirs(folder, exist_ok=True)
    try:
        system.put_file(str(local), part)
        system.mv(part, path)
    except BaseException:
        with suppress(Exception):
            system.rm_file(part)
        raise


def _open_system(place: str):
    """The file system of a URL, and the path in it."""
    import fsspec

    return fsspec.core.url_to_fs(place)
