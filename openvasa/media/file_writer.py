"""Frames → a file that appears under its name whole or not at all."""

from __future__ import annotations

import os
import queue
import secrets
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import TypeVar

import numpy as np

from openvasa.errors import InputError
from openvasa.media.finishing import Finishing
from openvasa.media.place import not_written

_QUEUE = 8

Writer = TypeVar("Writer", bound="FileWriter")


class FileWriter:
    """Write frames to `path` through an encoder in a thread; use as a context manager.

    The file appears under its name only when the block ends without an exception: until then a
    hidden temporary file beside it is written, which any exception (KeyboardInterrupt included)
    removes. Frames are finished and encoded in a thread behind a queue of 8; its errors are raised
    by the next `write` or at the end.

    path: of the file; its place is checked already.
    shape: of every frame, (h, w, channels).
    encode: writes frames, which it reads one by one as they come, into a file.
    finishing: what is done to frames and file besides; its errors pass through.

    Raises InputError: the disk is full, or no frame was written.
    ValueError: a frame of another shape or dtype than `shape` and uint8.
    """

    def __init__(
        self,
        path: Path,
        shape: tuple[int, int, int],
        encode: Callable[[Path, Iterator[np.ndarray]], None],
        finishing: Finishing,
    ) -> None:
        self.path = path
        self._shape, self._encode_file, self._finishing = shape, encode, finishing
        self._frames: queue.Queue[np.ndarray | None] = queue.Queue(_QUEUE)
        self._error: BaseException | None = None
        self._abandoned = threading.Event()
        # Beside the target, so that the final rename stays on one file system and is atomic.
        self._partial = path.with_name(f".openvasa-{secrets.token_hex(8)}{path.suffix.lower()}")
        self._completed = self._partial.with_suffix(f".completed{self._partial.suffix}")
        self._thread = threading.Thread(target=self._encode, name="video-encoder", daemon=True)
        self._count = 0

    def __enter__(self: Writer) -> Writer:
        try:
            self._partial.touch(exist_ok=False)
            self._thread.start()
        except OSError as error:
            raise not_written(self.path, error) from error
        except BaseException:
            # Interrupted in here, the block would never begin, and so never end.
            self._clean_up()
            raise
        return self

    def write(self, frame: np.ndarray) -> None:
        """Append one frame of the stated shape, uint8; it is copied, so the caller may reuse it."""
        if frame.shape != self._shape or frame.dtype != np.uint8:
            raise ValueError(f"frame is {frame.shape} {frame.dtype}, expected {self._shape} uint8")
        self._put(frame.copy())
        self._count += 1

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if exc_type is None:
                self._finish()
        finally:
            self._clean_up()

    def _clean_up(self) -> None:
        """After a finished file there is nothing left to do."""
        self._abandoned.set()
        if self._thread.ident is not None:
            self._thread.join()
        self._partial.unlink(missing_ok=True)
        self._completed.unlink(missing_ok=True)

    def _finish(self) -> None:
        if not self._count:
            raise InputError(f"{self.path}: no frame to write; check the input's length")
        self._put(None)
        self._thread.join()
        self._raise_error()
        try:
            if self._finishing.complete_file is not None:
                self._finishing.complete_file(self._partial, self._completed, self._count)
                os.replace(self._completed, self.path)
            else:
                os.replace(self._partial, self.path)
        except OSError as error:
            raise not_written(self.path, error) from error

    def _put(self, frame: np.ndarray | None) -> None:
        while True:
            self._raise_error()
            try:
                return self._frames.put(frame, timeout=0.1)
            except queue.Full:
                continue

    def _raise_error(self) -> None:
        if isinstance(self._error, OSError):
            raise not_written(self.path, self._error) from self._error
        if self._error is not None:
            raise self._error

    def _encode(self) -> None:
        try:
            self._encode_file(self._partial, self._queued_frames())
        except _Abandoned:
            return
        except BaseException as error:
            self._error = error

    def _queued_frames(self) -> Iterator[np.ndarray]:
        count = 0
        while True:
            if self._abandoned.is_set():
                raise _Abandoned
            try:
                rgb = self._frames.get(timeout=0.1)
            except queue.Empty:
                continue
            if rgb is None:
                return
            # Altered here and not in `write`, so that the next frame is rendered meanwhile.
            alter = self._finishing.alter_frame
            yield rgb if alter is None else alter(rgb, count)
            count += 1


class _Abandoned(Exception):
    """The block ended early: what is written so far is of no use."""
