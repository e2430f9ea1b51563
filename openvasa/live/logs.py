"""Structured logs: one JSON object a line."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Mapping

LOGGER = logging.getLogger("openvasa.live")


class JsonLines(logging.Formatter):
    """Formats a record as JSON; what was passed as `extra={"facts": {...}}` becomes its fields."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        line = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
            + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            **getattr(record, "facts", {}),
        }
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def note(
    event: str,
    facts: Mapping[str, object] | None = None,
    level: int = logging.INFO,
    error: BaseException | None = None,
) -> None:
    """Log an event with its facts."""
    LOGGER.log(level, event, exc_info=error, extra={"facts": facts or {}})


def log_to_stderr() -> None:
    """Send this package's log, and the web server's warnings, to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    LOGGER.addHandler(handler)
    LOGGER.setLevel(logging.INFO)
    LOGGER.propagate = False
    for name in ("uvicorn", "uvicorn.error", "aiortc", "aioice"):
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.setLevel(logging.WARNING)
        logger.propagate = False
