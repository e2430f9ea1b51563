"""What numba loads before the first compiled kernel runs, loaded while something else is done."""

from __future__ import annotations

import threading
from functools import lru_cache

from openvasa.maths import smoothstep_at


@lru_cache(maxsize=1)
def load_ahead() -> threading.Thread:
    """Begin to load it in a thread, once a process; kernels called meanwhile wait for it.

    It takes some 0.4 s, and so does what a portrait's networks compute outside Python.
    """
    thread = threading.Thread(
        target=smoothstep_at, args=(0.0, 1.0, 0.5), name="kernels", daemon=True
    )
    thread.start()
    return thread
