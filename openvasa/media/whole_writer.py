"""What appears under its name whole or not at all, and how it begins, ends and cleans up."""

from __future__ import annotations

import secrets
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import numpy as np

from openvasa.errors import InputError
from openvasa.media.place import not_written

Writer = TypeVar("Writer", bound="WholeWriter")


class WholeWriter(ABC):
    """Write frames; use as a context manager.

    What is written appears under its name only when the block ends without an exception: until then
    a hidden one beside it is written, which any exception (KeyboardInterrupt included) removes.

    path: of what is written; its place is checked already.
    shapes: that a frame may have, the usual one first.

    Raises InputError: the disk is full, or no frame was written.
    ValueError: a frame of another shape or dtype than `shapes` and uint8.
    """

    def __init__(self, path: Path, shapes: tuple[tuple[int, int, int], ...]) -> None:
        self.path = path
        self._shapes = shapes
        self._count = 0

    def __enter__(self: Writer) -> Writer:
        try:
            with self._disk():
                self._begin()
        except BaseException:
            # Failed or interrupted in here, the block would never begin, and so never end.
            # What cannot be removed either, as on a disk that is read alone, says nothing new.
            with suppress(OSError):
                self._clean_up()
            raise
        return self

    def write(self, frame: np.ndarray) -> None:
        """Append one uint8 frame of a stated shape; it is copied, so the caller may reuse it."""
        if frame.shape not in self._shapes or frame.dtype != np.uint8:
            raise ValueError(
                f"frame is {frame.shape} {frame.dtype}, expected {self._shapes[0]} uint8"
            )
        with self._disk():
            self._take(frame.copy(), self._count)
        self._count += 1

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if exc_type is None:
                if not self._count:
                    raise InputError(f"{self.path}: no frame to write; check the input's length")
                with self._disk():
                    self._finish()
        finally:
            self._clean_up()

    @contextmanager
    def _disk(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise not_written(self.path, error) from error

    @abstractmethod
    def _begin(self) -> None:
        """Make what is hidden, and what writes it ready."""

    @abstractmethod
    def _take(self, frame: np.ndarray, index: int) -> None:
        """Take the next frame, which nobody else has."""

    @abstractmethod
    def _finish(self) -> None:
        """Write what is still to be written, and give it its name."""

    @abstractmethod
    def _clean_up(self) -> None:
        """Stop, and remove what is hidden; once finished there is nothing left to do."""


def hidden_beside(path: Path, ending: str = "") -> Path:
    """A new hidden name in the folder of `path`: a rename to it stays on one file system, and so is
    atomic."""
    return path.with_name(f".openvasa-{secrets.token_hex(8)}{ending}")
