"""Who may paint, and when: threads that hold their turns for as long as the test says."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from openvasa.live.turns import Turns


class Holder:
    """Enters a turn in a thread of its own, and holds it until `leave`."""

    def __init__(self, turn: Callable[[], AbstractContextManager[None]]) -> None:
        self._leave, self._entered = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._hold, args=(turn,), daemon=True)
        self._thread.start()

    def _hold(self, turn: Callable[[], AbstractContextManager[None]]) -> None:
        with turn():
            self._entered.set()
            self._leave.wait(20)

    def has_entered(self, within_s: float = 20.0) -> bool:
        return self._entered.wait(within_s)

    def waits(self) -> bool:
        return not self.has_entered(0.05)

    def leave(self) -> None:
        self._leave.set()
        self._thread.join(20)


def test_every_core_paints_where_no_motion_is_made() -> None:
    turns = Turns(2)
    first, second = Holder(turns.paint), Holder(turns.paint)
    assert first.has_entered()
    assert second.has_entered()
    third = Holder(turns.paint)
    assert third.waits()
    first.leave()
    assert third.has_entered()
    for holder in (second, third):
        holder.leave()


def test_a_place_is_kept_for_motion_until_it_is_made() -> None:
    turns = Turns(2)
    moving = Holder(turns.move)
    assert moving.has_entered()
    first = Holder(turns.paint)
    assert first.has_entered()
    second = Holder(turns.paint)
    assert second.waits()
    moving.leave()
    assert second.has_entered()
    late = Holder(turns.move)
    assert late.has_entered(), "motion waits for no picture"
    for holder in (first, second, late):
        holder.leave()


def test_as_many_places_are_kept_as_motions_are_made_but_one() -> None:
    turns = Turns(3)
    movings = [Holder(turns.move) for _ in range(3)]
    assert all(moving.has_entered() for moving in movings)
    first = Holder(turns.paint)
    assert first.has_entered()
    second = Holder(turns.paint)
    movings[0].leave()
    assert second.waits()
    movings[1].leave()
    assert second.has_entered()
    for holder in (movings[2], first, second):
        holder.leave()


def test_a_picture_that_has_begun_keeps_its_place() -> None:
    turns = Turns(2)
    first, second = Holder(turns.paint), Holder(turns.paint)
    assert first.has_entered()
    assert second.has_entered()
    moving = Holder(turns.move)
    assert moving.has_entered()
    third = Holder(turns.paint)
    first.leave()
    assert third.waits(), "no picture begins in the place that is kept"
    second.leave()
    assert third.has_entered()
    for holder in (moving, third):
        holder.leave()


def test_one_core_paints_while_motion_is_made() -> None:
    turns = Turns(1)
    moving, painting = Holder(turns.move), Holder(turns.paint)
    assert painting.has_entered()
    for holder in (moving, painting):
        holder.leave()


def test_who_asked_first_paints_first() -> None:
    turns = Turns(1)
    first = Holder(turns.paint)
    assert first.has_entered()
    second = Holder(turns.paint)
    assert second.waits()
    third = Holder(turns.paint)
    assert third.waits()
    first.leave()
    assert second.has_entered()
    assert third.waits()
    second.leave()
    assert third.has_entered()
    third.leave()


def test_a_painter_that_fails_gives_its_place_back() -> None:
    turns = Turns(1)
    with pytest.raises(ValueError, match="canvas"), turns.paint():
        raise ValueError("canvas")
    with turns.paint():
        pass
