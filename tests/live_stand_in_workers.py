"""Workers for tests that say how far they are, and end a task when they are let."""

from __future__ import annotations

import time
from pathlib import Path

from openvasa.backgrounds import Background
from openvasa.batch.make import Failure, Figures, read_background
from openvasa.batch.task import Portrait, Task
from openvasa.batch.workers import Advanced, Ended
from openvasa.face.latent import FaceLatent

FRAMES_TOLD = 10


class StandInWorkers:
    """Says how far it is, and ends a task when it is let."""

    places = 1

    def __init__(self) -> None:
        self.tasks: list[Task] = []
        self.faces: list[FaceLatent] = []
        self.stopped: list[int] = []
        self.backgrounds: list[Background] = []
        self.let = False
        self.closed = False
        self._news: list[Ended | Advanced] = []
        self._making: dict[int, Task] = {}

    def encode(self, portrait: Portrait) -> int:
        self.faces.append(FaceLatent.load(portrait.place))
        self._news.append(Ended(len(self.faces), portrait))
        return len(self.faces)

    def make(self, task: Task, face: Portrait) -> int:
        self.tasks.append(task)
        self.backgrounds.append(read_background(task.options.background, Path(task.output).parent))
        ticket = 100 + len(self.tasks)
        self._making[ticket] = task
        self._news.append(Advanced(ticket, FRAMES_TOLD, 25))
        return ticket

    def wait(self, seconds: float) -> list[Ended | Advanced]:
        time.sleep(0.02)
        if self.let:
            for ticket, task in self._making.items():
                Path(task.output).write_bytes(b"a video")
                self._news.append(Ended(ticket, Figures(1.0, 25, 7, 0.1)))
            self._making.clear()
        news, self._news = self._news, []
        return news

    def stop(self, ticket: int) -> None:
        self.stopped.append(ticket)
        self._making.pop(ticket, None)
        self._news.append(Ended(ticket, failure=Failure("stopped", False)))

    def forget(self, face: Portrait) -> None:
        pass

    def close(self) -> None:
        self.closed = True
