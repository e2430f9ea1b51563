"""`openvasa live`: talking portraits in the browser, in real time."""

from __future__ import annotations

import argparse

from openvasa.commands.exit_status import OK
from openvasa.commands.live_options import add_serving, start_server
from openvasa.commands.parser import Commands, add_command


def add(commands: Commands) -> None:
    """Add the command `openvasa live`."""
    parser = add_command(
        commands,
        "live",
        _live,
        "serve talking portraits in real time to browsers",
        "openvasa live",
        "openvasa live --portrait me.jpg --portrait painting.png --port 9000",
        "openvasa live --portrait me.jpg --background office.jpg",
        "openvasa live --host 0.0.0.0 --certificate cert.pem key.pem",
    )
    add_serving(parser)


def _live(options: argparse.Namespace) -> int:
    start_server(options)
    return OK
