"""Threads and folders that a whole process shares, decided in one place.

numpy, scipy and OpenCV each bring an OpenBLAS that starts a thread a core and lets idle threads
spin. The matrix products here are small: beside other programs the spinning takes the time that
painting needs. So streams and videos run inside `limit_blas`.
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from itertools import product
from pathlib import Path
from typing import Any

from threadpoolctl import ThreadpoolController

from openvasa.errors import InputError
from openvasa.machine import usable_cores


def cache_folder() -> Path | None:
    """`openvasa` in `XDG_CACHE_HOME`, or in ~/.cache; None for a user without a home."""
    home = os.environ.get("XDG_CACHE_HOME", "")
    try:
        base = Path(home) if os.path.isabs(home) else Path.home() / ".cache"
    except RuntimeError:
        return None
    return base / "openvasa"


class Device(str, Enum):
    """Where frames are warped and networks run."""

    CPU = "cpu"
    CUDA = "cuda"


@dataclass(frozen=True)
class Runtime:
    """What a process may use.

    Attributes:
        blas_threads: threads of a matrix product while a stream or a video runs.
        network_threads: threads of one inference in OpenVINO or onnxruntime, where the caller
            names no number.
        painters: live portraits that paint at the same time; one fewer while motion is made.
        cache: folder of compiled networks. Where it is None or cannot be written, networks are
            compiled in every run, which takes a second.
        device: for the renderer, for networks in onnxruntime and for the encoder of films;
            `openvasa.device.find_device` says whether there is one.
    """

    blas_threads: int = 1
    network_threads: int = field(default_factory=usable_cores)
    painters: int = field(default_factory=usable_cores)
    cache: Path | None = field(default_factory=cache_folder)
    device: Device = Device.CPU

    def __post_init__(self) -> None:
        """Check what the user chose."""
        for name in ("blas_threads", "network_threads", "painters"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} {getattr(self, name)}: choose 1 or more")


_lock = threading.RLock()
_chosen: Runtime | None = None
_open_blocks = Counter[str]()
_threads_before: dict[str, int] = {}
_OPENCV = "opencv"


def get_runtime() -> Runtime:
    """The runtime of this process: the default one until `set_runtime` chooses another."""
    global _chosen
    with _lock:
        _chosen = _chosen or Runtime()
        return _chosen


def set_runtime(chosen: Runtime) -> None:
    """Choose the runtime of this process; call it before the first portrait is loaded.

    Networks that are loaded and streams that run keep what they started with.
    """
    global _chosen
    with _lock:
        _chosen = chosen


@contextmanager
def limit_blas() -> Iterator[None]:
    """Keep every BLAS library to `Runtime.blas_threads` inside the block.

    It holds for libraries that the caller loaded long ago, and for all threads. Blocks may overlap;
    the end of the last one brings back what each library was set to.
    """
    threads = get_runtime().blas_threads

    def limit() -> None:
        for library in _blas_libraries():
            _threads_before.setdefault(library.filepath, library.num_threads)
            _set_threads(library, threads)

    with _limited("blas", limit, _restore_blas):
        yield


@contextmanager
def limit_opencv() -> Iterator[None]:
    """Keep OpenCV to the caller's own thread inside the block, for all threads.

    Frames are painted side by side. A thread of OpenCV's pool would take a core from a painter, and
    goes on asking for more work after each call. Blocks may overlap, as in `limit_blas`.
    """
    import cv2

    def limit() -> None:
        if _OPENCV not in _threads_before:
            _threads_before[_OPENCV] = cv2.getNumThreads()
            cv2.setNumThreads(1)

    with _limited(_OPENCV, limit, lambda: cv2.setNumThreads(_threads_before.pop(_OPENCV))):
        yield


@contextmanager
def _limited(name: str, limit: Callable[[], None], restore: Callable[[], None]) -> Iterator[None]:
    """A block that begins with a limit; the last of its name to end restores what was before."""
    with _lock:
        _open_blocks[name] += 1
        limit()
    try:
        yield
    finally:
        with _lock:
            _open_blocks[name] -= 1
            if not _open_blocks[name]:
                restore()


def count_blas_threads() -> dict[str, int]:
    """Threads that each loaded BLAS library uses now, by the library's path."""
    return {library.filepath: library.num_threads for library in _blas_libraries()}


def _restore_blas() -> None:
    for library in _blas_libraries():
        if library.filepath in _threads_before:
            _set_threads(library, _threads_before.pop(library.filepath))


def _set_threads(library: Any, threads: int) -> None:
    """Set one library, from any thread.

    threadpoolctl lets only the first thread that set an OpenBLAS set it again; streams begin and
    end in several.
    """
    for prefix, suffix in product(("", "scipy_"), ("", "64_", "_64")):
        set_openblas = getattr(library.dynlib, f"{prefix}openblas_set_num_threads{suffix}", None)
        if set_openblas is not None:
            set_openblas(threads)
            return
    library.set_num_threads(threads)


def _blas_libraries() -> list[Any]:
    """Controllers of threadpoolctl, which has no types."""
    return ThreadpoolController().select(user_api="blas").lib_controllers
