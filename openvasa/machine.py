"""What the machine is: its processor, and how much of it and of its memory this process uses."""

from __future__ import annotations

import os
import platform
import re
import sys
from functools import lru_cache
from pathlib import Path

BF16_FLAGS = frozenset({"avx512_bf16", "amx_bf16"})
"""How Linux calls the instructions that multiply in bf16."""


def cpu_name() -> str:
    """The processor's name, as far as the system tells it."""
    facts = Path("/proc/cpuinfo")
    if facts.is_file():
        for line in facts.read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


@lru_cache(maxsize=1)
def multiplies_in_bf16() -> bool:
    """Whether the processor has instructions for it, as far as the system tells."""
    facts = Path("/proc/cpuinfo")
    if not facts.is_file():
        return False
    flags = re.search(r"^flags\s*:(.*)$", facts.read_text("utf-8"), re.MULTILINE)
    return flags is not None and not BF16_FLAGS.isdisjoint(flags[1].split())


def logical_cores() -> int:
    """Logical cores of the machine."""
    return os.cpu_count() or 1


CORES = "OPENVASA_CORES"
"""Variable that keeps a process to a number of cores, as one of several workers of a machine."""


def usable_cores() -> int:
    """Logical cores that this process may use: those it is given, or fewer by `CORES`."""
    given = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else logical_cores()
    asked = os.environ.get(CORES, "")
    return min(given, int(asked)) if asked.isdecimal() and int(asked) else given


def give_way(niceness: int) -> None:
    """Let other programs have the cores before this process: 0 as now, 19 whenever they want."""
    if niceness == 0:
        return
    if sys.platform == "win32":
        import psutil

        psutil.Process().nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
    else:
        os.nice(niceness)


def peak_memory() -> int:
    """Bytes of memory that this process has had at most."""
    if sys.platform == "win32":
        import psutil

        return psutil.Process().memory_info().peak_wset

    import resource

    # Linux counts in KiB, macOS in bytes.
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def resident_memory() -> int:
    """Bytes of memory that this process has now."""
    import psutil

    return psutil.Process().memory_info().rss


def load_average() -> float:
    """Programs that wanted a core during the last minute, on average."""
    import psutil

    # Windows keeps no such average: psutil does, from the first call on.
    return psutil.getloadavg()[0]
