"""Frames → one file, by an encoder in a thread."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from openvasa.media.finishing import Finishing
from openvasa.media.whole_writer import WholeWriter, hidden_beside

_QUEUE = 8


class FileWriter(WholeWriter):
    """Write frames to `path` through an encoder in a thread; the rest is as in `WholeWriter`.

    Frames are finished and encoded behind a queue of 8; errors of that are raised by the next
    `write` or at the end.

    path: of the file; its place is checked already.
    shape: of every frame, (h, w, channels).
    encode: writes frames, which it reads one by one as they come, into a file.
    finishing: what is done to frames and file besides; its errors pass through.
    """

    def __init__(
        self,
        path: Path,
        shape: tuple[int, int, int],
        encode: Callable[[Path, Iterator[np.ndarray]], None],
        finishing: Finishing,
    ) -> None:
        super().__init__(path, (shape,))
        self._encode_file, self._finishing = encode, finishing
        self._frames: queue.Queue[np.ndarray | None] = queue.Queue(_QUEUE)
        self._error: BaseException | None = None
        self._abandoned = threading.Event()
        self._partial = hidden_beside(path, path.suffix.lower())
        self._completed = self._partial.with_suffix(f".completed{self._partial.suffix}")
        self._thread = threading.Thread(target=self._encode, name="video-encoder", daemon=True)

    def _begin(self) -> None:
        self._partial.touch(exist_ok=False)
        self._thread.start()

    def _take(self, frame: np.ndarray | None, index: int) -> None:
        while True:
            self._raise_error()
            try:
                return self._frames.put(frame, timeout=0.1)
            except queue.Full:
                continue

    def _finish(self) -> None:
        self._take(None, self._count)
        self._thread.join()
        self._raise_error()
        whole = self._partial
        if self._finishing.complete_file is not None:
            whole = self._completed
            self._finishing.complete_file(self._partial, whole, self._count)
        os.replace(whole, self.path)

    def _clean_up(self) -> None:
        self._abandoned.set()
        if self._thread.ident is not None:
            self._thread.join()
        self._partial.unlink(missing_ok=True)
        self._completed.unlink(missing_ok=True)

    def _raise_error(self) -> None:
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
