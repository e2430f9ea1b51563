"""The one exception that means "the input, not the program, is at fault"."""

from __future__ import annotations


class InputError(ValueError):
    """A bad input: the message is one line naming the input and the remedy.

    A remedy that is a choice of the caller's is named in plain words, since a caller in Python, on
    the command line and in a browser makes it in different places.

    Attributes:
        parameters: names of the parameters with which it is made, where the input alone does not
            show them.
    """

    def __init__(self, message: str, *, parameters: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.parameters = parameters
