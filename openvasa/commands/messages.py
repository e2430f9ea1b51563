"""Messages of the command line to its user: one line each, to stderr."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from openvasa.commands.exit_status import BAD_INPUT
from openvasa.errors import InputError

OPTIONS = {
    "anyway": "--anyway",
    "aspect": "--aspect W:H",
    "cert": "--c2pa-cert PEM",
    "face": "--face N",
    "faces": "--faces PREVIEW.png",
    "full_frame": "--full-frame",
    "key": "--c2pa-key PEM",
    "partner": "--partner FILE",
    "portrait_face": "--portrait-face N",
    "pose_face": "--pose-face N",
    "seconds": "--seconds S",
    "seed": "--seed N",
    "steps": "--steps N",
    "threads": "--threads N",
    "workers": "--workers N",
}
"""What the command line calls the parameters that an `InputError` names."""


def complain(message: str) -> None:
    """Say what is wrong, or worth a warning, in one line."""
    print(f"openvasa: {one_line(message)}", file=sys.stderr)


def bad_input(message: str) -> int:
    """Say what is wrong with the input and return the exit status for it."""
    complain(message)
    return BAD_INPUT


def with_remedy(error: InputError, options: argparse.Namespace) -> str:
    """The error's message, with the command's own options for the parameters that it names."""
    named = [OPTIONS[name] for name in error.parameters if name in OPTIONS]
    remedies = [option for option in named if hasattr(options, _attribute_of(option))]
    return f"{error} ({', '.join(remedies)})" if remedies else str(error)


@contextmanager
def face_called(name: str) -> Iterator[None]:
    """Within it, an `InputError` that asks for the parameter `face` asks for `name`.

    A command that reads a portrait and a video has an option for the face of each.
    """
    try:
        yield
    except InputError as error:
        named = tuple(name if p == "face" else p for p in error.parameters)
        raise InputError(str(error), parameters=named) from error


def one_line(text: str) -> str:
    """The text with every run of white space as one space."""
    return " ".join(text.split())


def _attribute_of(option: str) -> str:
    """An option with its metavar → the attribute that argparse keeps it in."""
    return option.split()[0].removeprefix("--").replace("-", "_")
