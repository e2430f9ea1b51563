"""Tasks by number, and what they made."""

from __future__ import annotations

from openvasa.batch.make import Figures
from openvasa.batch.task import Task

FIGURES = Figures(1.0, 25, 1000, 0.5)


def plan(number: int, portraits: int) -> list[Task]:
    return [Task(f"t{i}", f"p{i % portraits}", f"o{i}.mp4", audio="a.wav") for i in range(number)]
