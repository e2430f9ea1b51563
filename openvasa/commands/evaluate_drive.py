"""`openvasa evaluate drive`: what a driven portrait does, beside what its driver does."""

from __future__ import annotations

import argparse

from openvasa.commands.exit_status import OK
from openvasa.commands.parser import Commands, add_command
from openvasa.commands.training_data import add_clips


def add_drive(group: Commands) -> None:
    """Add the command `openvasa evaluate drive`."""
    parser = add_command(
        group,
        "drive",
        _drive,
        "measure how well clips of held-out people are made again from their first frames",
        "openvasa evaluate drive clips/",
        "openvasa evaluate drive clips/ --people 5",
    )
    add_clips(parser)
    parser.add_argument(
        "--people", type=int, metavar="N", help="only the first N people (default: everyone)"
    )


def _drive(options: argparse.Namespace) -> int:
    from openvasa.evaluate.drive import drive_report, measure_drive

    if options.people is not None and options.people < 1:
        options.usage_error(f"people {options.people}: choose 1 or more")
    print(drive_report(measure_drive(options.clips, options.people)))
    return OK
