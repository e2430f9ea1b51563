"""The table of what came out: one JSON object a line, a line a task, in the order they end."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from openvasa.batch.make import Figures
from openvasa.batch.task import Task
from openvasa.errors import InputError

Status = Literal["made", "kept", "failed"]


@dataclass(frozen=True)
class Outcome:
    """How a task ended.

    Attributes:
        task: what was to be made.
        status: made now, kept from an earlier run, or failed.
        attempts: how often it was tried.
        reasons: why each attempt that failed did, in order.
        figures: of what came out.
    """

    task: Task
    status: Status
    attempts: int = 0
    reasons: tuple[str, ...] = ()
    figures: Figures | None = None

    def as_row(self) -> dict[str, object]:
        """Fields of the table."""
        row: dict[str, object] = {
            "id": self.task.name,
            "output": self.task.output,
            "status": self.status,
            "attempts": self.attempts,
            "fingerprint": self.task.fingerprint,
        }
        if self.reasons:
            row["reasons"] = list(self.reasons)
        if self.status == "failed":
            row["error"] = self.reasons[-1]
        if self.figures is not None:
            row |= asdict(self.figures)
            row["fps"] = round(self.figures.frames / max(self.figures.wall_s, 1e-6), 2)
        return row


class ResultTable:
    """Appends rows to a file; a line is there whole or not at all.

    A row that the disk refuses is kept and written before the next one.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._unwritten: list[str] = []
        try:
            self._file = path.open("ab", buffering=0)
        except OSError as error:
            raise InputError(
                f"{path}: cannot be written ({error.strerror}); choose another place (--results)"
            ) from error
        self._end_torn_line()

    def add(self, outcome: Outcome) -> None:
        """Append a row."""
        self._unwritten.append(json.dumps(outcome.as_row(), ensure_ascii=False) + "\n")
        self.flush()

    def flush(self) -> bool:
        """Write what is kept; False where the disk still refuses it."""
        while self._unwritten:
            line, before = self._unwritten[0].encode(), self.path.stat().st_size
            try:
                written = self._file.write(line)
            except OSError:
                written = 0
            if written != len(line):
                # A full disk takes a part of a line.
                self._file.truncate(before)
                return False
            self._unwritten.pop(0)
        return True

    def close(self) -> bool:
        """Write the rest; False where rows are lost."""
        written = self.flush()
        self._file.close()
        return written

    def _end_torn_line(self) -> None:
        if self.path.stat().st_size:
            with self.path.open("rb") as file:
                file.seek(-1, os.SEEK_END)
                whole = file.read() == b"\n"
            if not whole:
                self._file.write(b"\n")


def read_fingerprints(path: Path) -> dict[str, str]:
    """Output → fingerprint of what was made there last, by an earlier run's table.

    A line that a stopped run has left torn counts for nothing.
    """
    made: dict[str, str] = {}
    if not path.exists():
        return made
    for line in path.read_text("utf-8", errors="replace").splitlines():
        try:
            row = json.loads(line)
            if row["status"] != "failed":
                made[str(row["output"])] = str(row["fingerprint"])
        except (ValueError, KeyError, TypeError):
            continue
    return made
