"""Make all tasks of a list: each portrait encoded once, what fails in passing tried again."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from openvasa.batch.make import Failure
from openvasa.batch.places import exists, remove_parts
from openvasa.batch.results import Outcome
from openvasa.batch.task import Portrait, Task
from openvasa.batch.workers import Advanced, Ended, Workers, figures_of

POLL_S = 1.0


@dataclass
class _Attempts:
    task: Task
    reasons: list[str] = field(default_factory=list)


@dataclass
class _Subject:
    """A portrait, as far as it is encoded; `waiting` are the tasks that wait for it."""

    face: Any = None
    ticket: int | None = None
    reasons: list[str] = field(default_factory=list)
    waiting: list[_Attempts] = field(default_factory=list)


def split_finished(
    tasks: Iterable[Task], made: Mapping[str, str]
) -> tuple[list[Task], list[Outcome]]:
    """Tasks left to do, and those whose outputs lie there from an earlier run.

    A file under its final name is whole. It counts unless `made`, output → fingerprint of what an
    earlier run made there, says that something else was asked for.
    """
    left, kept = [], []
    for task in tasks:
        same = made.get(task.output, task.fingerprint) == task.fingerprint
        if same and exists(task.output):
            kept.append(Outcome(task, "kept"))
        else:
            left.append(task)
    return left, kept


def run_tasks(tasks: Iterable[Task], workers: Workers, *, retries: int = 2) -> Iterator[Outcome]:
    """Make the tasks, and say how each ended, in the order they end.

    Args:
        tasks: what to make; those of one portrait share its encoding.
        workers: make them; the caller closes them.
        retries: how often a task is tried again after a fault that may pass.
    """
    yield from _Run(list(tasks), workers, retries).outcomes()


class _Run:
    def __init__(self, tasks: list[Task], workers: Workers, retries: int) -> None:
        self._ready = deque(_Attempts(task) for task in tasks)
        self._left = Counter(task.subject for task in tasks)
        self._workers = workers
        self._retries = retries
        self._subjects: dict[Portrait, _Subject] = {}
        self._encoding: dict[int, Portrait] = {}
        self._making: dict[int, _Attempts] = {}
        self._ended: deque[Outcome] = deque()

    def outcomes(self) -> Iterator[Outcome]:
        """Every task's, once."""
        while self._ready or self._encoding or self._making or self._ended:
            while self._ended:
                yield self._ended.popleft()
            while self._ready and len(self._encoding) + len(self._making) < self._workers.places:
                self._begin(self._ready.popleft())
            if not self._encoding and not self._making:
                continue
            for news in self._workers.wait(POLL_S):
                if not isinstance(news, Advanced):
                    self._take(news)

    def _begin(self, attempts: _Attempts) -> None:
        """Make it where its portrait is encoded, else let it wait for that."""
        portrait = attempts.task.subject
        subject = self._subjects.setdefault(portrait, _Subject())
        if subject.face is not None:
            self._making[self._workers.make(attempts.task, subject.face)] = attempts
            return
        subject.waiting.append(attempts)
        if subject.ticket is None:
            subject.ticket = self._workers.encode(portrait)
            self._encoding[subject.ticket] = portrait

    def _take(self, ended: Ended) -> None:
        if ended.ticket in self._encoding:
            self._take_face(self._encoding.pop(ended.ticket), ended)
            return
        attempts = self._making.pop(ended.ticket)
        if ended.failure is None:
            done = len(attempts.reasons) + 1
            reasons = tuple(attempts.reasons)
            self._end(Outcome(attempts.task, "made", done, reasons, figures_of(ended)))
            return
        self._take_failure(attempts, ended.failure)

    def _take_face(self, portrait: Portrait, ended: Ended) -> None:
        subject = self._subjects[portrait]
        subject.ticket = None
        waiting, subject.waiting = subject.waiting, []
        if ended.failure is None:
            subject.face = ended.value
            self._ready.extendleft(reversed(waiting))
            return
        subject.reasons.append(ended.failure.reason)
        if ended.failure.passing and len(subject.reasons) <= self._retries:
            self._ready.extendleft(reversed(waiting))
            return
        # Whoever comes later is told the same, without trying again.
        later = [a for a in self._ready if a.task.subject == portrait]
        self._ready = deque(a for a in self._ready if a.task.subject != portrait)
        for attempts in (*waiting, *later):
            reasons = (*attempts.reasons, *subject.reasons)
            self._end(Outcome(attempts.task, "failed", len(reasons), reasons))

    def _take_failure(self, attempts: _Attempts, failure: Failure) -> None:
        attempts.reasons.append(failure.reason)
        remove_parts(attempts.task.output)
        if failure.face_lost:
            self._subjects[attempts.task.subject].face = None
        if failure.passing and len(attempts.reasons) <= self._retries:
            self._ready.append(attempts)
            return
        reasons = tuple(attempts.reasons)
        self._end(Outcome(attempts.task, "failed", len(reasons), reasons))

    def _end(self, outcome: Outcome) -> None:
        self._ended.append(outcome)
        portrait = outcome.task.subject
        self._left[portrait] -= 1
        if not self._left[portrait]:
            subject = self._subjects.pop(portrait, None)
            if subject is not None and subject.face is not None:
                self._workers.forget(subject.face)
