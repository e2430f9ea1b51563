"""`openvasa data`: from talking clips to what training reads."""

from __future__ import annotations

import argparse
from pathlib import Path

from openvasa.commands.exit_status import BAD_INPUT, OK
from openvasa.commands.messages import complain
from openvasa.commands.parser import Commands, add_command, add_group


def add(commands: Commands) -> None:
    """Add the commands under `openvasa data`."""
    group = add_group(commands, "data", "prepare training data")
    parser = add_command(
        group,
        "prepare",
        _prepare,
        "track the faces of talking clips and compute their speech features",
        "openvasa data prepare clips/ cache/",
    )
    parser.add_argument("clips", type=Path, metavar="CLIPS", help="folder with a clips.jsonl")
    parser.add_argument("cache", type=Path, metavar="CACHE", help="folder to fill")


def _prepare(options: argparse.Namespace) -> int:
    from openvasa.data.prepare import prepare

    problems = prepare(options.clips, options.cache)
    for problem in problems:
        complain(problem)
    return BAD_INPUT if problems else OK
