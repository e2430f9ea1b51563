"""Whose turn it is to paint: portraits share the cores, and no picture begins in motion's place."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager


class Turns:
    """What players that share the cores ask before they paint.

    As many paint at a time as there are places, in the order of their asking. For each motion that
    is being made no new picture begins in one more place, but for the last: a picture may be left
    out, speech may not. Pictures that have begun keep their places.

    Args:
        places: portraits that may paint at the same time.
    """

    def __init__(self, places: int) -> None:
        self._places = places
        self._changed = threading.Condition()
        self._asking: deque[object] = deque()
        self._painting = self._moving = 0

    @contextmanager
    def paint(self) -> Iterator[None]:
        """Hold a place; waits for it."""
        asked = object()
        with self._changed:
            self._asking.append(asked)
            self._changed.wait_for(lambda: self._asking[0] is asked and self._has_room())
            self._asking.popleft()
            self._painting += 1
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._painting -= 1
                self._changed.notify_all()

    @contextmanager
    def move(self) -> Iterator[None]:
        """Make motion; never waits for painting."""
        with self._changed:
            self._moving += 1
        try:
            yield
        finally:
            with self._changed:
                self._moving -= 1
                self._changed.notify_all()

    def _has_room(self) -> bool:
        kept = min(self._moving, self._places - 1)
        return self._painting < self._places - kept
