"""The command line: arguments in, calls into the package, one line for each error.

The commands are in `openvasa.commands`. Everything heavy is imported inside the functions that run
them, so that help and usage errors come at once.
"""

from __future__ import annotations

import _thread
import argparse
import os
import signal
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn, TextIO

from openvasa import __version__
from openvasa.commands import (
    animate,
    batch,
    bench,
    check,
    data,
    demo,
    doctor,
    drive,
    edit,
    evaluate,
    idle,
    live,
    serve,
    talk,
    train,
    verify,
)
from openvasa.commands.device import use_asked_device
from openvasa.commands.exit_status import CANCELLED, OK, TERMINATED
from openvasa.commands.messages import bad_input, one_line, with_remedy
from openvasa.commands.parser import Parser
from openvasa.errors import InputError

EXTRAS: dict[str, set[str]] = {
    "train": {"onnx", "onnxscript", "torch"},
    "evaluate": {"dlib"},
    "live": {
        "aiortc",
        "fastapi",
        "multipart",
        "prometheus_client",
        "segno",
        "sqlalchemy",
        "uvicorn",
        "websockets",
    },
    "jobs": {"fastapi", "multipart", "psycopg", "sqlalchemy", "uvicorn"},
    "livekit": {"livekit"},
    "pipecat": {"pipecat"},
    "ray": {"ray"},
    # Its torch is that of training; `device` names this extra where a GPU is asked for.
    "gpu": set(),
    "talk": {"espeakng_loader", "moonshine_voice"},
    "vendor": {"tflite"},
}
"""Packages that come with an extra only, as they are imported."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: without the program's name; those of the process when None.

    Returns:
        Exit status: 0 done, 1 something is wrong with the installation, 2 bad input, 130 cancelled,
        143 terminated; `verify` and `detect` have their own, see their help.
    """
    with _warnings_in_one_line(), _cleanup_when_terminated(), _no_stop_swallowed():
        try:
            options = make_parser().parse_args(arguments)
            return _run(options)
        except KeyboardInterrupt as stop:
            return _report_stop(stop)
        except SystemExit as leaving:
            return leaving.code if isinstance(leaving.code, int) else OK
        except ImportError as error:
            # A module written in C that is stopped while it loads says that it cannot be loaded.
            stop = _stop_behind(error)
            if stop is not None:
                return _report_stop(stop)
            extra = _extra_with(error.name or "")
            if extra is None:
                raise
            return bad_input(f"needs {error.name}; run pip install 'openvasa[{extra}]'")
        except OSError as error:
            return bad_input(_describe(error))


def _run(options: argparse.Namespace) -> int:
    try:
        use_asked_device(options)
        return options.command(options)
    except InputError as error:
        return bad_input(with_remedy(error, options))


def _report_stop(stop: KeyboardInterrupt) -> int:
    terminated = isinstance(stop, _Terminated)
    print("terminated" if terminated else "cancelled", file=sys.stderr)
    return TERMINATED if terminated else CANCELLED


def _stop_behind(error: BaseException | None) -> KeyboardInterrupt | None:
    """The request to stop that an error came from, if there was one."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error


def _extra_with(package: str) -> str | None:
    return next((extra for extra, packages in EXTRAS.items() if package in packages), None)


class _Terminated(KeyboardInterrupt):
    """SIGTERM, as an exception that unwinds and cleans up like Ctrl-C."""


@contextmanager
def _cleanup_when_terminated() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        # Only the main thread may handle signals.
        yield
        return

    def terminate(_signal: int, _frame: FrameType | None) -> NoReturn:
        raise _Terminated

    before = signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _no_stop_swallowed() -> Iterator[None]:
    """Stop a moment later where an exception cannot get out.

    Callbacks from C (numba's compiler makes thousands) report what is raised in them and go on.
    """
    before = sys.unraisablehook

    def hook(unraisable: sys.UnraisableHookArgs) -> None:
        if isinstance(unraisable.exc_value, KeyboardInterrupt):
            terminated = isinstance(unraisable.exc_value, _Terminated)
            number = signal.SIGTERM if terminated else signal.SIGINT
            threading.Timer(0.02, _thread.interrupt_main, [number]).start()
        else:
            before(unraisable)

    sys.unraisablehook = hook
    try:
        yield
    finally:
        sys.unraisablehook = before


def make_parser() -> Parser:
    """The parser of every command."""
    parser = Parser(
        prog="openvasa",
        description="One portrait and a voice in, a lifelike talking face out.",
        epilog="example:\n  openvasa animate portrait.jpg voice.wav -o talking.mp4",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"openvasa {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    demo.add(commands)
    animate.add(commands)
    batch.add(commands)
    idle.add(commands)
    check.add(commands)
    edit.add(commands)
    verify.add_verify(commands)
    verify.add_detect(commands)
    drive.add(commands)
    data.add(commands)
    train.add(commands)
    evaluate.add(commands)
    bench.add(commands)
    live.add(commands)
    talk.add(commands)
    serve.add(commands)
    doctor.add(commands)
    return parser


@contextmanager
def _warnings_in_one_line() -> Iterator[None]:
    told: set[str] = set()

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        from tqdm import tqdm

        # The sound is read more than once; its damage is worth one line.
        text = f"openvasa: warning: {one_line(str(message))}"
        if issubclass(category, UserWarning) and text not in told:
            told.add(text)
            tqdm.write(text, file=sys.stderr)

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield


def _describe(error: OSError) -> str:
    reason = error.strerror or str(error) or type(error).__name__
    return f"{error.filename}: {reason}" if error.filename else reason


def program() -> NoReturn:
    """`main` as a process of its own."""
    status = main()
    if status in (CANCELLED, TERMINATED):
        # Everything is cleaned up, but native libraries that were stopped in the middle of their
        # work can crash when the interpreter takes them down.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    sys.exit(status)
