"""A list of tasks, out of a JSONL file, a CSV file or a folder of pictures and sounds."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from openvasa.batch.options import Options, read_options
from openvasa.batch.places import check_place_kind, is_url
from openvasa.batch.task import Task
from openvasa.errors import InputError
from openvasa.media.container import CONTAINERS

PICTURES = {".jpg", ".jpeg", ".png", ".webp", ".heic", ".heif", ".bmp", ".tif", ".tiff", ".npz"}
SOUNDS = {".wav", ".mp3", ".m4a", ".flac", ".ogg", ".opus", ".aac", ".mp4", ".mov", ".webm", ".mkv"}
TEXTS = {".txt"}
LONGEST_ROW = 1_000_000
"""Characters."""

_FIELDS = ("id", "portrait", "audio", "text", "voice", "output")


def read_tasks(source: Path, output: str | None, shared: Mapping[str, Any]) -> list[Task]:
    """The tasks of a list, in its order; paths in it are relative to where it lies.

    Args:
        source: .jsonl, .csv or a folder.
        output: folder or URL for videos whose row names no output; None where each names one.
        shared: options of every row that does not choose its own.

    Raises:
        InputError: the list, or a row of it, cannot be used; two rows write the same file.
    """
    if source.is_dir():
        rows = _pair_files(source)
        base = Path()
    else:
        rows = _read_rows(source)
        base = source.parent
    defaults = dict(shared)
    tasks = [_read_task(row, place, base, output, defaults) for place, row in rows]
    if not tasks:
        raise InputError(f"{source}: holds no task; check that it is the right one")
    _refuse_clashes(tasks, source)
    return tasks


def _read_rows(source: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Where each row stands, for messages, and what it says."""
    if source.suffix.lower() not in {".jsonl", ".ndjson", ".csv"}:
        raise InputError(f"{source}: let a list end in .jsonl or .csv, or give a folder")
    try:
        with source.open(encoding="utf-8-sig", newline="") as file:
            if source.suffix.lower() == ".csv":
                yield from _read_csv(source, file)
            else:
                yield from _read_jsonl(source, file)
    except FileNotFoundError as error:
        raise InputError(f"{source}: no such file; check the path") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{source}: is not UTF-8 text; save it as such") from error
    except csv.Error as error:
        raise InputError(f"{source}: is not CSV ({error}); look for an open quote") from error


def _read_jsonl(source: Path, lines: Iterator[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{source}, line {number}: is not JSON") from error
        if not isinstance(row, dict):
            raise InputError(f"{source}, line {number}: is not a JSON object")
        options = row.pop("options", {})
        if not isinstance(options, dict):
            raise InputError(f"{source}, line {number}: options are a JSON object")
        unknown = sorted(set(row) - set(_FIELDS))
        if unknown:
            raise InputError(
                f"{source}, line {number}: {unknown[0]} is no field; choose among "
                f"{', '.join(_FIELDS)} and options"
            )
        yield f"{source}, line {number}", {**row, "options": options, "number": number}


def _read_csv(source: Path, lines: Iterator[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    reader = csv.DictReader(lines, restkey="")
    if "portrait" not in (reader.fieldnames or []):
        raise InputError(f"{source}: its first line names no column portrait")
    for row in reader:
        number = reader.line_num
        if "" in row:
            raise InputError(f"{source}, line {number}: more cells than columns")
        given = {name: cell for name, cell in row.items() if name in _FIELDS and cell}
        options = {name: cell for name, cell in row.items() if name not in _FIELDS}
        yield f"{source}, line {number}", {**given, "options": options, "number": number}


def _pair_files(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each sound or text with the picture of its name, or with the only picture there is."""
    files = sorted(path for path in folder.iterdir() if path.is_file())
    pictures = {path.stem: path for path in files if path.suffix.lower() in PICTURES}
    only = next(iter(pictures.values())) if len(pictures) == 1 else None
    for number, path in enumerate(files, start=1):
        kind = path.suffix.lower()
        if kind not in SOUNDS | TEXTS:
            continue
        portrait = pictures.get(path.stem, only)
        if portrait is None:
            raise InputError(
                f"{path}: no picture of this name in {folder}; name one alike, or leave one picture"
            )
        said = {"text": _read_text(path)} if kind in TEXTS else {"audio": str(path)}
        row = {"id": path.stem, "portrait": str(portrait), **said, "options": {}}
        yield str(path), {**row, "number": number}


def _read_text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: is not UTF-8 text; save it as such") from error


def _read_task(
    row: Mapping[str, Any],
    place: str,
    base: Path,
    output: str | None,
    shared: Mapping[str, Any],
) -> Task:
    for name in _FIELDS:
        value = row.get(name)
        if value is not None and (
            not isinstance(value, str | int) or len(str(value)) > LONGEST_ROW
        ):
            raise InputError(f"{place}: {name} is no text")
    given = {name: str(row[name]) for name in _FIELDS if row.get(name) not in (None, "")}
    if "portrait" not in given:
        raise InputError(f"{place}: portrait is missing")
    if ("audio" in given) == ("text" in given):
        raise InputError(f"{place}: give either audio or text")
    name = given.get("id", str(row["number"]))
    if "output" not in given and output is None:
        raise InputError(f"{place}: output is missing; name it, or give a folder for all with -o")
    target = given.get("output") or _join(output or "", f"{name}.mp4")
    try:
        task = Task(
            name=name,
            portrait=_resolve(given["portrait"], base),
            audio=_resolve(given["audio"], base) if "audio" in given else None,
            text=given.get("text"),
            voice=given.get("voice"),
            output=_resolve(target, base) if "output" in given else target,
            options=_read_options({**shared, **row["options"]}, base),
        )
        for used in (task.portrait, task.audio, task.output, task.options.background):
            check_place_kind(used or "")
    except InputError as error:
        raise InputError(f"{place}: {error}") from error
    if Path(task.output).suffix.lower() not in CONTAINERS:
        raise InputError(f"{place}: let the output end in {', '.join(CONTAINERS)}")
    return task


def _read_options(given: Mapping[str, Any], base: Path) -> Options:
    background = given.get("background")
    if isinstance(background, str) and (base / background).is_file():
        given = {**given, "background": str(base / background)}
    return read_options(given)


def _refuse_clashes(tasks: Sequence[Task], source: Path) -> None:
    """Raise InputError where a task would undo another's work, or replace an input."""
    inputs = {_as_written(p): t for t in tasks for p in (t.portrait, t.audio) if p}
    outputs: dict[str, Task] = {}
    names: set[str] = set()
    for task in tasks:
        if task.name in names:
            raise InputError(f"{source}: two tasks are called {task.name}; give other ids")
        names.add(task.name)
        place = _as_written(task.output)
        if place in outputs:
            raise InputError(
                f"{source}: {outputs[place].name} and {task.name} both write {task.output}; "
                "give them different outputs"
            )
        if place in inputs:
            raise InputError(
                f"{source}: {task.name} would replace {task.output}, which {inputs[place].name} "
                "reads; give the output another name"
            )
        outputs[place] = task


def _as_written(place: str) -> str:
    return place if is_url(place) else str(Path(place).resolve())


def _join(folder: str, name: str) -> str:
    """A name in a folder, whatever the name holds."""
    safe = "".join(c if c.isalnum() or c in "-_. " else "_" for c in name).lstrip(".")
    return f"{folder.rstrip('/')}/{safe}" if is_url(folder) else str(Path(folder) / safe)


def _resolve(place: str, base: Path) -> str:
    return place if is_url(place) else str(base / place)
