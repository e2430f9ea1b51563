from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from functools import partial

import pytest

from openvasa.ahead import made_ahead, made_side_by_side


def threads() -> int:
    return sum(thread.name == "made-ahead" for thread in threading.enumerate())


def test_pieces_come_whole_and_in_order_from_another_thread() -> None:
    makers = []

    def pieces() -> Iterator[int]:
        for number in range(50):
            makers.append(threading.current_thread())
            yield number

    assert list(made_ahead(pieces())) == list(range(50))
    assert threading.current_thread() not in makers
    assert threads() == 0


def test_no_more_is_made_than_may_wait() -> None:
    made = []

    def pieces() -> Iterator[int]:
        for number in range(50):
            made.append(number)
            yield number

    taken = made_ahead(pieces(), most=2)
    assert next(taken) == 0
    time.sleep(0.3)
    assert len(made) <= 4
    taken.close()
    assert threads() == 0


def test_making_begins_before_the_first_piece_is_asked_for() -> None:
    begun = threading.Event()

    def pieces() -> Iterator[int]:
        begun.set()
        yield 1

    taken = made_ahead(pieces())
    assert begun.wait(5)
    taken.close()
    assert threads() == 0


def test_an_error_is_raised_in_its_place() -> None:
    def pieces() -> Iterator[int]:
        yield 1
        raise OSError("the file ends here")

    taken = made_ahead(pieces())
    assert next(taken) == 1
    with pytest.raises(OSError, match="ends here"):
        next(taken)
    assert threads() == 0


def test_side_by_side_keeps_the_order_and_each_worker_to_one_piece_at_a_time() -> None:
    busy = [threading.Lock(), threading.Lock()]

    def worker(lock: threading.Lock, piece: int) -> int:
        assert lock.acquire(blocking=False)
        time.sleep(0.001 * (piece % 3))
        lock.release()
        return piece * piece

    workers = [partial(worker, lock) for lock in busy]
    assert list(made_side_by_side(workers, range(60))) == [n * n for n in range(60)]


def test_side_by_side_raises_in_place_and_ends_its_threads() -> None:
    def worker(piece: int) -> int:
        if piece == 3:
            raise ValueError("three")
        return piece

    made = made_side_by_side([worker, worker], range(10))
    assert [next(made) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="three"):
        next(made)
    assert not [t for t in threading.enumerate() if t.name.startswith("side-by-side")]
