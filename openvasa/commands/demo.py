"""`openvasa demo`: a talking face from the portrait and the voice that come with the package."""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from openvasa.commands.consent import add_consent, require_consent
from openvasa.commands.exit_status import OK
from openvasa.commands.parser import Commands, add_command
from openvasa.commands.saving import check_output, save_video

if TYPE_CHECKING:
    from openvasa.video import Video

WARM_UP_SECONDS = 1.0


def add(commands: Commands) -> None:
    """Add the command `openvasa demo`."""
    parser = add_command(
        commands,
        "demo",
        _demo,
        "make a portrait talk that comes with OpenVASA, and tell how fast this machine is",
        "openvasa demo",
        "openvasa demo -o out/demo.mp4 --accept-policy",
    )
    parser.add_argument(
        "-o",
        "--output",
        default="demo.mp4",
        metavar="OUT.mp4",
        help="the file to write (default: demo.mp4)",
    )
    parser.add_argument("--quiet", action="store_true", help="no progress and no closing line")
    add_consent(parser)


def _demo(options: argparse.Namespace) -> int:
    from openvasa.assets import EXAMPLE_PORTRAIT, EXAMPLE_VOICE
    from openvasa.face.encode import load_portrait
    from openvasa.provenance.marking import Marking
    from openvasa.video import animate

    require_consent(options.accept_policy)
    check_output(options.output, None)
    video = animate(load_portrait(EXAMPLE_PORTRAIT), EXAMPLE_VOICE)
    if not options.quiet:
        print("preparing: a first run compiles, which takes up to a minute", file=sys.stderr)
    _warm_up(video)
    save_video(video, options, Marking())
    return OK


def _warm_up(video: Video) -> None:
    """Make a short one first: what is compiled once on a machine is no part of its speed."""
    with tempfile.TemporaryDirectory() as folder:
        short = replace(video, seconds_limit=WARM_UP_SECONDS)
        short.save(Path(folder) / "short.mp4")
