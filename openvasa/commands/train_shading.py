"""`openvasa train shading`: fit the numbers that mouth and eyes are coloured by."""

from __future__ import annotations

import argparse
from pathlib import Path

from openvasa.commands.exit_status import OK
from openvasa.commands.parser import Commands, add_command
from openvasa.commands.training_data import add_cache, add_clips, count_people


def add_shading(group: Commands) -> None:
    """Add the command `openvasa train shading`."""
    parser = add_command(
        group,
        "shading",
        _shading,
        "fit the numbers that mouth and eyes are coloured by; goes on where it was stopped in RUN",
        "openvasa train shading cache/ clips/ runs/shading",
        "openvasa train shading cache/ clips/ runs/shading --only mouth.tones",
    )
    add_cache(parser)
    add_clips(parser)
    parser.add_argument("run", type=Path, metavar="RUN", help="folder of the fit")
    parser.add_argument(
        "--steps", type=int, default=4, metavar="N", help="rounds through the numbers (default: 4)"
    )
    parser.add_argument(
        "--only", default="", metavar="PREFIX", help="only numbers whose names begin so"
    )
    parser.add_argument(
        "--people",
        type=count_people,
        default=45,
        metavar="N",
        help="at most N, a third of them held back (default: 45)",
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="draws people and frames (default: 0)"
    )


def _shading(options: argparse.Namespace) -> int:
    from openvasa.train.shading import ShadingFit, train
    from openvasa.train.shading_report import table

    fit = ShadingFit(options.steps, options.people, options.seed, options.only)
    print(table(train(options.cache, options.clips, options.run, fit)))
    return OK
