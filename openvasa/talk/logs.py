"""What Pipecat says, in this program's words; it greets when it is imported."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from loguru import logger

if TYPE_CHECKING:
    from loguru import Record


def show_warnings() -> None:
    """Show warnings of Pipecat alone; call it before anything of Pipecat is imported."""
    logger.remove()
    logger.add(
        sys.stderr, level="WARNING", format="openvasa talk: {message}", filter=_concerns_users
    )


def _concerns_users(record: Record) -> bool:
    """Not that turns are heard after a longer silence than Pipecat recommends: it is meant."""
    return "stop_secs" not in record["message"]
