"""What the machine is: its processor and how much of it this process may use."""

from __future__ import annotations

import os
import platform
from pathlib import Path


def cpu_name() -> str:
    """The processor's name, as far as the system tells it."""
    facts = Path("/proc/cpuinfo")
    if facts.is_file():
        for line in facts.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


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
