"""Workers that are processes of this machine.

Each has a pipe of its own, so that the death of one costs the piece of work that it had, and
nothing else. A pool of the standard library breaks as a whole when a worker is killed.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import shutil
import signal
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import count
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from openvasa.batch.make import (
    Failure,
    Figures,
    Tell,
    encode_portrait,
    explain,
    make_output,
    process_mark,
)
from openvasa.batch.task import Portrait, Task
from openvasa.batch.workers import Advanced, Ended, Share
from openvasa.device import use_device
from openvasa.errors import InputError
from openvasa.machine import CORES, give_way, usable_cores

_SPAWN = multiprocessing.get_context("spawn")
"""Forked, a process of many threads can lock up."""
FACES_KEPT = 4
"""Encoded portraits that a worker keeps in memory."""

TELL_S = 0.5
"""Between two words of a worker on how far it is."""

_Call = Callable[[Tell], Any]


@dataclass
class _Worker:
    process: Any
    pipe: Connection
    ticket: int | None = None


class ProcessWorkers:
    """So many processes, each kept to its share of the cores; see `Workers`.

    Args:
        number: of processes; None for as many as the cores allow.
        share: what one task may use.
        folder: where encoded portraits lie, in a folder that goes at the end; None for the
            system's for temporary files.
    """

    def __init__(
        self,
        number: int | None = None,
        share: Share = Share(),  # noqa: B008 (frozen)
        folder: Path | None = None,
    ) -> None:
        if number is None:
            number = max(1, usable_cores() // share.cpus)
        if number < 1:
            raise InputError(f"workers {number}: choose 1 or more", parameters=("workers",))
        self._share = share
        self._folder = Path(tempfile.mkdtemp(prefix="openvasa-faces-", dir=folder))
        self._tickets = count()
        self._waiting: deque[tuple[int, _Call]] = deque()
        self._stopped: set[int] = set()
        self._workers = [self._start() for _ in range(number)]

    @property
    def places(self) -> int:
        """One for each process."""
        return len(self._workers)

    @property
    def process_ids(self) -> list[int]:
        """Of the workers."""
        return [worker.process.pid for worker in self._workers]

    def encode(self, portrait: Portrait) -> int:
        """See `Workers`; what stands for the face is a file."""
        ticket = next(self._tickets)
        return self._submit(ticket, partial(_encode, portrait, self._folder / f"{ticket}.face"))

    def make(self, task: Task, face: Path) -> int:
        """See `Workers`."""
        return self._submit(next(self._tickets), partial(_make, task, face))

    def wait(self, seconds: float) -> list[Ended | Advanced]:
        """See `Workers`."""
        self._hand_out()
        signals = [w.pipe for w in self._workers] + [w.process.sentinel for w in self._workers]
        ready = set(wait(signals, seconds))
        news: list[Ended | Advanced] = []
        for number, worker in enumerate(self._workers):
            if worker.pipe in ready or worker.process.sentinel in ready:
                news += self._collect(number, worker)
        self._hand_out()
        return news

    def stop(self, ticket: int) -> None:
        """See `Workers`."""
        for worker in self._workers:
            if worker.ticket == ticket:
                self._stopped.add(ticket)
                worker.process.kill()

    def forget(self, face: Path) -> None:
        """See `Workers`."""
        face.unlink(missing_ok=True)

    def close(self) -> None:
        """See `Workers`."""
        for worker in self._workers:
            worker.process.kill()
        for worker in self._workers:
            worker.process.join()
            worker.pipe.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _submit(self, ticket: int, call: _Call) -> int:
        self._waiting.append((ticket, call))
        self._hand_out()
        return ticket

    def _hand_out(self) -> None:
        for number, worker in enumerate(self._workers):
            if worker.ticket is not None or not self._waiting:
                continue
            ticket, call = self._waiting[0]
            try:
                worker.pipe.send(call)
            except OSError:
                self._workers[number] = self._replace(worker)
                continue
            self._waiting.popleft()
            worker.ticket = ticket

    def _collect(self, number: int, worker: _Worker) -> list[Ended | Advanced]:
        """What a worker has to say; a dead one is replaced, and its work has failed."""
        try:
            heard = worker.pipe.recv()
        except (EOFError, OSError, pickle.UnpicklingError):
            self._workers[number] = self._replace(worker)
            if worker.ticket is None:
                return []
            return [Ended(worker.ticket, failure=self._explain_death(worker))]
        assert worker.ticket is not None
        if isinstance(heard, _Made):
            return [Advanced(worker.ticket, heard.frames, heard.of)]
        ticket, worker.ticket = worker.ticket, None
        value, failure = heard
        return [Ended(ticket, value, failure)]

    def _explain_death(self, worker: _Worker) -> Failure:
        assert worker.ticket is not None
        if worker.ticket in self._stopped:
            self._stopped.discard(worker.ticket)
            return Failure("stopped", passing=False)
        status = worker.process.exitcode
        way = f"with exit status {status}"
        if status is not None and status < 0:
            way = f"by signal {-status} ({signal.strsignal(-status)})"
        return Failure(f"the worker ended {way}", passing=True)

    def _replace(self, worker: _Worker) -> _Worker:
        worker.process.kill()
        worker.process.join()
        worker.pipe.close()
        return self._start()

    def _start(self) -> _Worker:
        ours, theirs = _SPAWN.Pipe()
        process = _SPAWN.Process(target=_work, args=(theirs, self._share), daemon=True)
        process.start()
        theirs.close()
        return _Worker(process, ours)


def _work(pipe: Connection, share: Share) -> None:
    """Do what comes through the pipe, one piece after the other, until the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # The default: killed at once, since the writing of files leaves nothing under their names.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    give_way(share.niceness)
    keep_to_share(share)
    while True:
        try:
            call = pipe.recv()
        except EOFError:
            return
        try:
            answer = call(_teller(pipe)), None
        except Exception as error:
            answer = None, explain(error)
        pipe.send(answer)


@dataclass(frozen=True)
class _Made:
    """What a worker says while it makes a video: frames made, and of the whole."""

    frames: int
    of: int


def _teller(pipe: Connection) -> Tell:
    """Sends the number of frames made, now and then."""
    last = time.monotonic()

    def tell(frames: int, of: int) -> None:
        nonlocal last
        if time.monotonic() - last > TELL_S:
            last = time.monotonic()
            pipe.send(_Made(frames, of))

    return tell


def keep_to_share(share: Share) -> None:
    """Keep this process to a number of cores and a device, before networks are loaded."""
    import cv2

    os.environ[CORES] = str(share.cpus)
    cv2.setNumThreads(share.cpus)
    use_device(share.device.value)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)


def _encode(portrait: Portrait, path: Path, _: Tell) -> Path:
    face = encode_portrait(portrait)
    with path.open("wb") as file:
        pickle.dump(face, file, protocol=5)
    return path


def _make(task: Task, face: Path, tell: Tell) -> Figures:
    return make_output(task, _load_face(face), process_mark(), tell)


@lru_cache(maxsize=FACES_KEPT)
def _load_face(path: Path):
    # Written a moment ago by a worker like this one, in a folder of this user's alone.
    with path.open("rb") as file:
        return pickle.load(file)
