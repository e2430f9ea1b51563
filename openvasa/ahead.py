"""Make the next pieces of something in other threads while the last ones are used."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar, cast

Piece = TypeVar("Piece")
Made = TypeVar("Made")
_POLL_S = 0.1


def made_ahead(pieces: Iterable[Piece], most: int = 2) -> Generator[Piece, None, None]:
    """The same pieces, made from now on; up to `most` finished ones wait to be taken.

    What making them fails with is raised here, where its piece would have come. Closing the
    generator, or leaving it to be collected, ends the thread after the piece that it is at.

    Args:
        pieces: iterated in the thread alone.
        most: finished pieces in memory, besides the one that is being made.
    """
    ahead = _made_ahead(pieces, most)
    # A generator begins when it is first asked.
    next(ahead)
    return cast(Generator[Piece, None, None], ahead)


def _made_ahead(pieces: Iterable[Piece], most: int) -> Generator[Piece | None, None, None]:
    """None as soon as the thread runs, then the pieces."""
    ready: queue.Queue[tuple[Piece | None, BaseException | None]] = queue.Queue(most)
    unwanted = threading.Event()

    def offer(piece: Piece | None, error: BaseException | None = None) -> None:
        while not unwanted.is_set():
            try:
                return ready.put((piece, error), timeout=_POLL_S)
            except queue.Full:
                continue

    def make() -> None:
        try:
            for piece in pieces:
                offer(piece)
                if unwanted.is_set():
                    return
            offer(None)
        except BaseException as error:
            offer(None, error)

    thread = threading.Thread(target=make, name="made-ahead", daemon=True)
    thread.start()
    try:
        yield None
        while True:
            piece, error = ready.get()
            if error is not None:
                raise error
            if piece is None:
                return
            yield piece
    finally:
        unwanted.set()
        thread.join()


def made_side_by_side(
    workers: Sequence[Callable[[Piece], Made]], pieces: Iterable[Piece]
) -> Generator[Made, None, None]:
    """What the workers make of the pieces, in the pieces' order.

    Each worker is at one piece at a time, so it may keep buffers of its own; workers must make the
    same of the same piece. At most one finished result a worker waits to be taken.

    Args:
        workers: one for each thread.
        pieces: iterated in the caller's thread.
    """
    free = deque(workers)

    def make(piece: Piece) -> Made:
        worker = free.popleft()
        try:
            return worker(piece)
        finally:
            free.append(worker)

    pool = ThreadPoolExecutor(len(workers), "side-by-side")
    try:
        waiting = deque[Future[Made]]()
        for piece in pieces:
            waiting.append(pool.submit(make, piece))
            if len(waiting) > len(workers):
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
