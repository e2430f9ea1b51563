"""Parsers of commands and of families of commands: their help and their errors."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from fractions import Fraction
from typing import NoReturn, TypeAlias

from openvasa.commands.exit_status import BAD_INPUT
from openvasa.commands.messages import one_line
from openvasa.errors import InputError
from openvasa.media.frame_rate import FASTEST, SLOWEST, exact_rate

Command = Callable[[argparse.Namespace], int]
"""From options to the exit status."""
Commands: TypeAlias = "argparse._SubParsersAction[Parser]"
"""Where commands are added."""


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and where help is, and exit with status 2."""
        self.exit(BAD_INPUT, f"openvasa: {one_line(message)}; see {self.prog} --help\n")


def add_command(
    commands: Commands,
    name: str,
    command: Command,
    summary: str,
    *examples: str,
) -> Parser:
    """Add a command; it finds its parser's `error` in its options, as `usage_error`."""
    parser = commands.add_parser(
        name,
        help=summary,
        description=summary[0].upper() + summary[1:] + ".",
        epilog="examples:\n" + "\n".join(f"  {example}" for example in examples),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(command=command, usage_error=parser.error)
    return parser


def add_address(parser: Parser, port: int) -> None:
    """Add --host and --port, where a server listens; `port` is the usual one."""
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        metavar="H",
        help="where to listen; any but a loopback address asks for a token (default: 127.0.0.1)",
    )
    parser.add_argument("--port", type=int, default=port, metavar="N", help=f"(default: {port})")


def add_frame_rate(parser: Parser) -> None:
    """Add --fps, the rate of the frames in a file; the kind of file has a usual one."""
    parser.add_argument(
        "--fps",
        type=_frame_rate,
        metavar="N",
        help=f"frames a second, {SLOWEST} to {FASTEST}, as 24 or 29.97 (default: 25, .gif 20)",
    )


def _frame_rate(text: str) -> Fraction:
    try:
        return exact_rate(text)
    except InputError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def add_group(commands: Commands, name: str, summary: str) -> Commands:
    """Add a family of commands."""
    parser = commands.add_parser(
        name, help=summary, description=summary[0].upper() + summary[1:] + "."
    )
    return parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
