"""Look at every input of a list before anything is made."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from openvasa.audio.decode import probe
from openvasa.backgrounds import Own
from openvasa.batch.make import choose_voice, explain, read_background
from openvasa.batch.places import fetch, is_url
from openvasa.batch.task import Portrait, Task
from openvasa.errors import InputError
from openvasa.face.check import Finding, check_portrait
from openvasa.face.latent import FaceLatent
from openvasa.live.speech import check_text
from openvasa.media.alpha import check_transparent
from openvasa.media.container import check_output
from openvasa.media.place import check_place


@dataclass(frozen=True)
class Inspected:
    """What was found of a task.

    Attributes:
        task: the task.
        seconds: of its sound; None for a text, or where there is none.
        findings: what is wrong, the worst first; none where nothing is.
    """

    task: Task
    seconds: float | None
    findings: tuple[Finding, ...]

    @property
    def refused(self) -> bool:
        """Whether the task would fail."""
        return any(finding.severity == "refuse" for finding in self.findings)


def inspect_tasks(tasks: Iterable[Task]) -> Iterator[Inspected]:
    """Check portraits, sounds and outputs; a portrait of several tasks is looked at once."""
    seen: dict[Portrait, list[Finding]] = {}
    for task in tasks:
        with tempfile.TemporaryDirectory(prefix="openvasa-") as folder:
            scratch = Path(folder)
            subject = task.subject
            if subject not in seen:
                seen[subject] = _inspect_portrait(subject, scratch)
            seconds, wrong = _inspect_sound(task, scratch)
            found = [*seen[subject], *wrong, *_inspect_background(task, scratch)]
            found += _inspect_output(task)
        yield Inspected(task, seconds, tuple(f for f in found if f.severity != "ok"))


def _inspect_portrait(portrait: Portrait, scratch: Path) -> list[Finding]:
    try:
        path = fetch(portrait.place, scratch)
        if path.suffix.lower() == ".npz":
            FaceLatent.load(path)
            return []
        findings = check_portrait(path, face=portrait.face)
    except (InputError, OSError) as error:
        return [Finding("portrait", "refuse", explain(error).reason)]
    if portrait.anyway:
        return [Finding(f.subject, "warn", f.message) for f in findings if f.severity != "ok"]
    return findings


def _inspect_sound(task: Task, scratch: Path) -> tuple[float | None, list[Finding]]:
    try:
        if task.audio is None:
            choose_voice(task.voice)
            check_text(task.text or "")
            return None, []
        return probe(fetch(task.audio, scratch)).duration_s, []
    except (InputError, OSError) as error:
        return None, [Finding("sound", "refuse", explain(error).reason)]


def _inspect_background(task: Task, scratch: Path) -> list[Finding]:
    try:
        if read_background(task.options.background, scratch) == Own.TRANSPARENT:
            check_transparent(Path(tempfile.gettempdir()) / Path(task.output).name)
    except (InputError, OSError) as error:
        return [Finding("background", "refuse", explain(error).reason)]
    return []


def _inspect_output(task: Task) -> list[Finding]:
    path = Path(task.output)
    try:
        if is_url(task.output) or not path.parent.is_dir():
            # The folder is made when the video is.
            check_output(Path(tempfile.gettempdir()) / path.name, codec=task.options.codec)  # pyright: ignore[reportArgumentType]
        else:
            check_place(path)
            check_output(path, codec=task.options.codec)  # pyright: ignore[reportArgumentType]
    except InputError as error:
        return [Finding("output", "refuse", str(error))]
    return []
