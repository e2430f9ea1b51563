"""Messages of the command line to its user: one line each, to stderr."""

from __future__ import annotations

import sys

from openvasa.commands.exit_status import BAD_INPUT


def complain(message: str) -> None:
    """Say what is wrong, or worth a warning, in one line."""
    print(f"openvasa: {one_line(message)}", file=sys.stderr)


def bad_input(message: str) -> int:
    """Say what is wrong with the input and return the exit status for it."""
    complain(message)
    return BAD_INPUT


def one_line(text: str) -> str:
    """The text with every run of white space as one space."""
    return " ".join(text.split())
