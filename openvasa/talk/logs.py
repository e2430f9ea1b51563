"""What Pipecat says, in this program's words; it greets when it is imported."""

from __future__ import annotations

import sys

from loguru import logger


def show_warnings() -> None:
    """Show warnings of Pipecat alone; call it before anything of Pipecat is imported."""
    logger.remove()
    logger.add(sys.stderr, level="WARNING", format="openvasa talk: {message}")
