"""Claims jobs, has workers make them, and says how they ended; several may share a database.

It holds its claims by renewing their leases. Killed, it leaves jobs that another one claims when
their leases are over; told to stop, it gives them back at once.
"""

from __future__ import annotations

import sys
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from openvasa.batch.make import Failure
from openvasa.batch.options import read_options
from openvasa.batch.places import remove_parts
from openvasa.batch.task import Portrait, Task
from openvasa.batch.workers import Advanced, Ended, Workers, figures_of
from openvasa.jobs.files import Files
from openvasa.jobs.job import Job
from openvasa.jobs.queue import JobQueue

POLL_S = 0.3
OUTAGE_PAUSE_S = 1.0
"""Before a database or a disk is asked again that did not answer."""
FACES_KEPT = 8
FIRST_PAUSE_S = 2.0
"""Before a job is tried again; each further time it is twice as long."""


@dataclass
class _Running:
    """A claimed job: `ticket` is of its portrait's encoding or, then, of its making."""

    job: Job
    task: Task
    ticket: int
    making: bool = False


class Dispatcher:
    """Keeps workers busy with the jobs of a queue.

    Args:
        queue: where jobs come from.
        files: where results go.
        workers: make them; the caller closes them.
        chores: called about once a second, for what is to be done besides.
    """

    def __init__(
        self,
        queue: JobQueue,
        files: Files,
        workers: Workers,
        chores: Callable[[], object] = lambda: None,
    ) -> None:
        self._queue = queue
        self._files = files
        self._workers = workers
        self._chores = chores
        self._running: dict[int, _Running] = {}
        self._faces: OrderedDict[Portrait, Any] = OrderedDict()
        self._news: deque[Advanced | Ended] = deque()
        self._renewed_at = 0.0
        self._chores_at = 0.0

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set; what is not finished then is given back."""
        try:
            while not stop.is_set():
                try:
                    self.step()
                except (SQLAlchemyError, OSError) as error:
                    _complain(error)
                    stop.wait(OUTAGE_PAUSE_S)
        finally:
            for running in self._running.values():
                self._workers.stop(running.ticket)
                with suppress(SQLAlchemyError):
                    self._queue.release(running.job)

    def step(self) -> None:
        """Claim what there is room for, and take in what is new."""
        while len(self._running) < self._workers.places:
            job = self._queue.claim()
            if job is None:
                break
            self._begin(job)
        # What an outage keeps from being noted is noted after it.
        self._news += self._workers.wait(0 if self._news else POLL_S)
        while self._news:
            news = self._news.popleft()
            try:
                self._hear(news)
            except SQLAlchemyError:
                self._news.appendleft(news)
                raise
        now = time.monotonic()
        if now - self._renewed_at > min(2.0, self._queue.lease_s / 4):
            self._renewed_at = now
            self._renew()
        if now - self._chores_at > 1.0:
            self._chores_at = now
            self._chores()

    def _begin(self, job: Job) -> None:
        order = job.order
        task = Task(
            name=job.id,
            portrait=order.portrait,
            output=self._files.result_place(job),
            audio=order.audio,
            text=order.text,
            voice=order.voice,
            options=read_options(order.options),
        )
        face = self._faces.get(task.subject)
        if face is None:
            ticket = self._workers.encode(task.subject)
        else:
            self._faces.move_to_end(task.subject)
            ticket = self._workers.make(task, face)
        self._running[ticket] = _Running(job, task, ticket, making=face is not None)

    def _hear(self, news: Advanced | Ended) -> None:
        running = self._running.get(news.ticket)
        if running is None:
            return
        if isinstance(news, Advanced):
            self._queue.note_progress(running.job, news.frames, news.of)
            return
        self._take(running, news)
        self._running.pop(news.ticket)

    def _take(self, running: _Running, ended: Ended) -> None:
        if ended.failure is not None:
            self._take_failure(running, ended.failure)
        elif not running.making:
            face = self._keep_face(running.task.subject, ended.value)
            ticket = self._workers.make(running.task, face)
            self._running[ticket] = replace(running, ticket=ticket, making=True)
        elif not self._queue.complete(running.job, running.task.output, figures_of(ended).frames):
            # Another attempt owns the job by now; what this one made is seen by nobody.
            self._files.remove(running.task.output)

    def _take_failure(self, running: _Running, failure: Failure) -> None:
        remove_parts(running.task.output)
        if failure.face_lost:
            self._faces.pop(running.task.subject, None)
        pause = FIRST_PAUSE_S * 2**running.job.attempts if failure.passing else None
        self._queue.fail(running.job, failure.reason, again_in=pause)

    def _renew(self) -> None:
        held = {r.job.id: r for r in self._running.values()}
        lost, cancelled = self._queue.renew([r.job for r in held.values()])
        for job_id in lost | cancelled:
            running = held[job_id]
            self._running.pop(running.ticket)
            self._workers.stop(running.ticket)
            if job_id in cancelled:
                self._queue.end_cancelled(running.job)

    def _keep_face(self, portrait: Portrait, face: Any) -> Any:
        """Keep the portraits used last; one that a running job needs is among them.

        Returns:
            The face, or the same one encoded for another job meanwhile.
        """
        if portrait in self._faces:
            self._workers.forget(face)
            return self._faces[portrait]
        self._faces[portrait] = face
        needed = {running.task.subject for running in self._running.values()}
        for old in [p for p in self._faces if p not in needed and p != portrait]:
            if len(self._faces) <= FACES_KEPT:
                break
            self._workers.forget(self._faces.pop(old))
        return face


def _complain(error: SQLAlchemyError | OSError) -> None:
    place = "disk" if isinstance(error, OSError) else "database"
    told = " ".join(str(getattr(error, "orig", error)).split())
    print(f"openvasa: the {place} does not answer ({told})", file=sys.stderr, flush=True)
