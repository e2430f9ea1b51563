"""Give back what ended sessions held.

Their coders and threads of FFmpeg hang in cycles of references, which Python's collector looks for
after counting objects, however many bytes hang on them; and the C library keeps what is freed in
pieces.
"""

from __future__ import annotations

import ctypes
import gc
import sys
from functools import lru_cache


def give_back_memory() -> None:
    """Collect what hangs in cycles, and return it to the system."""
    gc.collect()
    trim = _find_trim()
    if trim is not None:
        trim(0)


@lru_cache(maxsize=1)
def _find_trim() -> ctypes._NamedFuncPointer | None:
    """glibc's `malloc_trim`; other C libraries have none."""
    if sys.platform == "win32":
        return None
    return getattr(ctypes.CDLL(None), "malloc_trim", None)
