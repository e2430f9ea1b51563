"""`openvasa evaluate matte`: how cleanly people are cut out of their portraits."""

from __future__ import annotations

import argparse
from pathlib import Path

from openvasa.commands.exit_status import OK
from openvasa.commands.parser import Commands, add_command


def add_matte(group: Commands) -> None:
    """Add the command `openvasa evaluate matte`."""
    parser = add_command(
        group,
        "matte",
        _matte,
        "measure halo and flicker of people cut out of portraits",
        "openvasa evaluate matte portraits/*.jpg",
    )
    parser.add_argument("portraits", type=Path, nargs="+", metavar="PORTRAIT", help="pictures")


def _matte(options: argparse.Namespace) -> int:
    from openvasa.evaluate.matte import matte_report, measure_matte

    print(matte_report([measure_matte(portrait) for portrait in options.portraits]))
    return OK
