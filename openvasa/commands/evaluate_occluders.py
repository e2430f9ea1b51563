"""`openvasa evaluate occluders`: how well what is in front of faces is found."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from openvasa.commands.exit_status import OK
from openvasa.commands.parser import Commands, add_command
from openvasa.commands.training_data import add_cache, add_clips


def add_occluders(group: Commands) -> None:
    """Add the command `openvasa evaluate occluders`."""
    parser = add_command(
        group,
        "occluders",
        _occluders,
        "measure what is found in front of faces, and fit the limits of the portrait check to it",
        "openvasa evaluate occluders cache/ clips/ runs/occluders",
    )
    add_cache(parser)
    add_clips(parser)
    parser.add_argument("run", type=Path, metavar="RUN", help="folder where stills are kept")
    parser.add_argument(
        "--count", type=int, default=400, metavar="N", help="composites a split (default: 400)"
    )


def _occluders(options: argparse.Namespace) -> int:
    from openvasa.evaluate.occluders import evaluate

    found = evaluate(options.cache, options.clips, options.run, options.count)
    print(json.dumps(found, indent=2))
    return OK
