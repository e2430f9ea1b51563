"""Frames and a voice → one video file, whole or not at all."""

from __future__ import annotations

import os
import queue
import secrets
import threading
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType

import numpy as np

from openvasa.errors import InputError
from openvasa.media.container import Codec, check_output, choose_codec, container_of
from openvasa.media.encoding import Encode, Plan, Quality
from openvasa.media.film import encode_film
from openvasa.media.finishing import Finishing
from openvasa.media.frame_rate import FrameRate, exact_rate, rate_in_words
from openvasa.media.gif import encode_gif
from openvasa.media.place import not_written
from openvasa.media.soundtrack import soundtrack
from openvasa.media.webp import encode_webp

_ENCODERS: dict[str, Encode] = {"gif": encode_gif, "webp": encode_webp}
"""By the container's format; films by all others."""
_QUEUE = 8


class VideoWriter:
    """Write RGB frames to `path`; use as a context manager.

    The ending of the name says what is written (`openvasa.media.container.CONTAINERS`). The file
    appears under its name only when the block ends without an exception: until then a hidden
    temporary file beside it is written, which any exception (KeyboardInterrupt included) removes.
    Frames are finished and encoded in a thread behind a queue of 8; its errors are raised by the
    next `write` or at the end. `openvasa.publish.open_video` gives a writer that marks.

    size: (width, height) of the frames; odd sizes gain a repeated last column or row in films.
    fps: frames per second, 12 to 60; frame i is shown at i / fps, and 29.97 is 30000/1001.
    audio: file whose sound is laid under the picture from time 0, at its own rate where the
        container allows it (else the nearest), mono or stereo as it is. A container without sound
        leaves it out, and a warning says so.
    quality: "fast", or "good": smaller, and slower to write.
    sound_seconds: leave out the sound after this time; None keeps all of it.
    metadata: container tags.
    finishing: what is done to frames, sound and file besides; its errors pass through.
    codec: of the picture; None takes the container's usual one.

    Raises InputError: as `check_output`, too many frames a second for the container, the disk is
    full, or no frame was written; and whatever `read_sound` says of `audio`.
    ValueError: a frame of another shape or dtype than (h, w, 3) uint8.
    """

    def __init__(
        self,
        path: str | Path,
        size: tuple[int, int],
        fps: FrameRate,
        audio: str | Path | None = None,
        quality: Quality = "fast",
        metadata: Mapping[str, str] | None = None,
        sound_seconds: float | None = None,
        finishing: Finishing = Finishing(),  # noqa: B008 (frozen)
        codec: Codec | None = None,
    ) -> None:
        self.path = Path(path)
        check_output(self.path, None if audio is None else Path(audio), codec)
        container, rate = container_of(self.path), exact_rate(fps)
        if rate > container.fastest:
            raise InputError(
                f"{path}: a {container.name} shows at most {container.fastest} frames a second; "
                f"choose fewer than {rate_in_words(rate)}",
                parameters=("fps",),
            )
        self._finishing = finishing
        self._shape = (size[1], size[0], 3)
        sound = None
        if container.sound is not None:
            sound = soundtrack(audio, finishing.opening, sound_seconds, container.sound.rates)
        elif audio is not None:
            warnings.warn(f"{path}: a {container.name} holds no sound", stacklevel=2)
        self._plan = Plan(
            container,
            size,
            rate,
            choose_codec(self.path, codec),
            sound,
            quality,
            dict(metadata or {}),
        )
        self._frames: queue.Queue[np.ndarray | None] = queue.Queue(_QUEUE)
        self._error: BaseException | None = None
        self._abandoned = threading.Event()
        # Beside the target, so that the final rename stays on one file system and is atomic.
        self._partial = self.path.with_name(
            f".openvasa-{secrets.token_hex(8)}{self.path.suffix.lower()}"
        )
        self._completed = self._partial.with_suffix(f".completed{self._partial.suffix}")
        self._thread = threading.Thread(target=self._encode, name="video-encoder", daemon=True)
        self._count = 0

    def __enter__(self) -> VideoWriter:
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
        """Append one (h, w, 3) uint8 RGB frame; it is copied, so the caller may reuse the array."""
        if frame.shape != self._shape or frame.dtype != np.uint8:
            raise ValueError(
                f"frame is {frame.shape} {frame.dtype}, expected {self._shape} uint8 RGB"
            )
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
        encode = _ENCODERS.get(self._plan.container.format, encode_film)
        try:
            encode(self._partial, self._queued_frames(), self._plan)
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
