"""Frames and a voice → a folder of numbered PNGs and a WAV, all or nothing."""

from __future__ import annotations

import io
import os
import shutil
from collections import deque
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from openvasa.audio.pcm import write_wav
from openvasa.errors import InputError
from openvasa.media.finishing import Finishing
from openvasa.media.soundtrack import soundtrack
from openvasa.media.whole_writer import WholeWriter, hidden_beside

SOUND_NAME = "sound.wav"

_COMMENT = "comment"
"""The tag that PNG spells with a capital letter."""
_WORKERS = 2
_QUEUE = 8
# 25 ms of processor time for 512×512; level 3 takes 35 for 3 % less bytes. Signing takes 7.
_COMPRESSION = 1


class FrameFolderWriter(WholeWriter):
    """Write RGB or RGBA frames as 00001.png, 00002.png, … into a folder, as `WholeWriter` does.

    Frames are finished and encoded in two threads, no more than 8 at a time; errors of that are
    raised by a later `write` or at the end. Colours of RGBA are not premultiplied, as PNG has them.
    `openvasa.publish.open_frames` gives a writer that marks.

    folder: must not exist yet, or be empty.
    size: (width, height) of the frames.
    audio: file whose sound is written beside the pictures as sound.wav, 16 bits, at its own rate.
    sound_seconds: leave out the sound after this time; None keeps all of it.
    metadata: text fields of each picture.
    finishing: what is done to frames, sound and files besides; its errors pass through.

    Raises InputError: as `check_folder`, no frame was written, or the disk is full; and whatever
    `read_sound` says of `audio`.
    ValueError: a frame of another shape or dtype than (h, w, 3) or (h, w, 4) uint8.
    """

    def __init__(
        self,
        folder: str | Path,
        size: tuple[int, int],
        audio: str | Path | None = None,
        sound_seconds: float | None = None,
        metadata: Mapping[str, str] | None = None,
        finishing: Finishing = Finishing(),  # noqa: B008 (frozen)
    ) -> None:
        width, height = size
        super().__init__(Path(folder), ((height, width, 3), (height, width, 4)))
        check_folder(self.path)
        self._finishing = finishing
        self._tags = dict(metadata or {})
        self._sound = soundtrack(audio, finishing.opening, sound_seconds)
        self._target = self.path.resolve()
        self._partial = hidden_beside(self._target)
        self._pool = ThreadPoolExecutor(_WORKERS, "png-writer")
        self._pending: deque[Future[None]] = deque()

    def _begin(self) -> None:
        self._partial.mkdir()

    def _take(self, frame: np.ndarray, index: int) -> None:
        while len(self._pending) >= _QUEUE:
            self._pending.popleft().result()
        self._pending.append(self._pool.submit(self._write_picture, frame, index))

    def _finish(self) -> None:
        while self._pending:
            self._pending.popleft().result()
        if self._sound is not None:
            pieces = (samples.T for samples in self._sound)
            path = self._partial / SOUND_NAME
            write_wav(path, pieces, self._sound.rate, self._sound.channels)
        if self._target.is_dir():
            # Fails where something was put into it meanwhile.
            self._target.rmdir()
        self._partial.rename(self._target)

    def _clean_up(self) -> None:
        self._pool.shutdown(cancel_futures=True)
        shutil.rmtree(self._partial, ignore_errors=True)

    def _write_picture(self, frame: np.ndarray, index: int) -> None:
        path = self._partial / f"{index + 1:05d}.png"
        alter, complete = self._finishing.alter_frame, self._finishing.complete_file
        content = _png(frame if alter is None else alter(frame, index), self._tags)
        if complete is None:
            path.write_bytes(content)
            return
        encoded = path.with_suffix(".encoded.png")
        encoded.write_bytes(content)
        complete(encoded, path, index + 1)
        encoded.unlink()


def check_folder(folder: Path) -> None:
    """Raise InputError where pictures cannot be put into `folder`: it is in use, or nowhere."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: is a file; give the folder of pictures another name")
    if folder.is_dir() and any(folder.iterdir()):
        raise InputError(
            f"{folder}: is not empty; empty it, or name a folder that is not there yet"
        )
    if os.path.ismount(folder):
        raise InputError(f"{folder}: is a mount point; name a folder in it: {folder / 'frames'}/")
    if not folder.resolve().parent.is_dir():
        raise InputError(f"{folder}: its place does not exist; create {folder.parent} first")


def _png(frame: np.ndarray, tags: dict[str, str]) -> bytes:
    """(h, w, 3) RGB or (h, w, 4) RGBA uint8 and its text fields → a PNG file."""
    info = PngInfo()
    for name, text in tags.items():
        info.add_itxt(_COMMENT.title() if name == _COMMENT else name, text)
    content = io.BytesIO()
    Image.fromarray(frame).save(content, "PNG", compress_level=_COMPRESSION, pnginfo=info)
    return content.getvalue()
