"""The exception that says that the input, not the program, is at fault, and a check for it."""

from __future__ import annotations

from collections.abc import Collection


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


def check_choice(name: str, value: object, choices: Collection[object]) -> None:
    """Refuse a value that is none of its choices.

    Args:
        name: what the user chose, for the message.
        value: what was given for it.
        choices: what may be given.

    Raises:
        InputError: `value` is not among `choices`.
    """
    if value not in choices:
        raise InputError(f"{name} {value}: choose one of {', '.join(map(str, choices))}")
