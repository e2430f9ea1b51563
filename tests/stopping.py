"""Start a command as a process and stop it by a signal."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable


def stop_when(
    begun: Callable[[], object], command: list[str], stopped_by: signal.Signals
) -> tuple[int, str]:
    """Run a command, stop it once `begun` says so; its exit status and what it complained of."""
    # A test run in the background may have been told to ignore interrupts, and so would this.
    running = subprocess.Popen(
        command,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 120
    while not begun() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert begun()
    running.send_signal(stopped_by)
    _, said = running.communicate(timeout=60)
    return running.returncode, said
