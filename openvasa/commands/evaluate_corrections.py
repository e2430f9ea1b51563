"""`openvasa evaluate corrections`: what each correction of generated motion is worth."""

from __future__ import annotations

import argparse

from openvasa.commands.exit_status import OK
from openvasa.commands.parser import Commands, add_command
from openvasa.commands.training_data import add_cache


def add_corrections(group: Commands) -> None:
    """Add the command `openvasa evaluate corrections`."""
    parser = add_command(
        group,
        "corrections",
        _corrections,
        "measure what each correction of generated motion is worth",
        "openvasa evaluate corrections cache/",
        "openvasa evaluate corrections cache/ --live --clips 12",
    )
    add_cache(parser)
    parser.add_argument("--live", action="store_true", help="judge streams, not files")
    parser.add_argument(
        "--clips", type=int, metavar="N", help="judge at most so many clips (default: all)"
    )


def _corrections(options: argparse.Namespace) -> int:
    from openvasa.evaluate.corrections import corrections_table, judge_corrections
    from openvasa.evaluate.motion import held_out

    if options.clips is not None and options.clips < 1:
        options.usage_error(f"clips {options.clips}: choose 1 or more")
    clips = held_out(options.cache)
    worths = judge_corrections(clips, live=options.live, most=options.clips)
    print(corrections_table(worths).markdown())
    return OK
