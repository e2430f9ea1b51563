"""`openvasa evaluate latent`: a learned latent on people it has never seen."""

from __future__ import annotations

import argparse
from pathlib import Path

from openvasa.commands.exit_status import OK
from openvasa.commands.parser import Commands, add_command
from openvasa.commands.training_data import add_cache, add_clips, count_people


def add_latent(group: Commands) -> None:
    """Add the command."""
    parser = add_command(
        group,
        "latent",
        _latent,
        "measure a learned latent: self-reenactment by turn of the head, and what swaps change",
        "openvasa evaluate latent runs/tiny cache/ clips/",
        "openvasa evaluate latent runs/tiny cache/ clips/ --compare runs/plain --sheet sheet.png",
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="from openvasa train latent")
    add_cache(parser)
    add_clips(parser)
    parser.add_argument("--people", type=count_people, metavar="N", help="at most N (default: all)")
    parser.add_argument(
        "--compare",
        type=Path,
        action="append",
        default=[],
        metavar="RUN",
        help="swaps of this run as well, trained without a loss for one; may be given again",
    )
    parser.add_argument("--sheet", type=Path, metavar="FILE.png", help="also write pictures there")


def _latent(options: argparse.Namespace) -> int:
    from openvasa.evaluate.latent import evaluate
    from openvasa.evaluate.latent_report import latent_report, write_sheet

    arguments = options.cache, options.clips
    others = {
        run.name: evaluate(run, *arguments, people=options.people, geometric=False)
        for run in options.compare
    }
    figures = evaluate(options.run, *arguments, people=options.people)
    print(latent_report(figures, others))
    if options.sheet:
        write_sheet(figures, options.sheet)
        print(options.sheet)
    return OK
