"""`openvasa doctor`: is this installation whole, and how fast is it?"""

from __future__ import annotations

import argparse

from openvasa.commands.exit_status import FAILED, OK
from openvasa.commands.parser import Commands, add_command


def add(commands: Commands) -> None:
    """Add the command `openvasa doctor`."""
    add_command(
        commands,
        "doctor",
        _doctor,
        "check this installation and measure its speed",
        "openvasa doctor",
    )


def _doctor(_: argparse.Namespace) -> int:
    from openvasa.doctor import examine

    problems = 0
    for finding in examine():
        problems += finding.problem
        print(finding.line, flush=True)
    print(f"{problems} problem{'s' if problems > 1 else ''}" if problems else "ok")
    return FAILED if problems else OK
