"""The one exception that means "the input, not the program, is at fault"."""

from __future__ import annotations


class InputError(ValueError):
    """A bad input: the message is one line naming the input and the remedy.

    The command line prints it without a traceback and exits with status 2.
    """
