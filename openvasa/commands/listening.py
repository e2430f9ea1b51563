"""`openvasa train listening` and `openvasa evaluate listening`."""

from __future__ import annotations

import argparse
import json

from openvasa.commands.exit_status import OK
from openvasa.commands.parser import Commands, add_command
from openvasa.commands.training_data import add_cache, add_clips


def add_training(group: Commands) -> None:
    """Add the command under `openvasa train`."""
    parser = add_command(
        group,
        "listening",
        _train,
        "fit how people nod while they listen, and how a smile sounds",
        "openvasa train listening cache/ clips/",
    )
    add_cache(parser)
    add_clips(parser)


def _train(options: argparse.Namespace) -> int:
    from openvasa.train.listening import train

    print(json.dumps(train(options.cache, options.clips), indent=2))
    return OK


def add_evaluation(group: Commands) -> None:
    """Add the command under `openvasa evaluate`."""
    parser = add_command(
        group,
        "listening",
        _evaluate,
        "measure how much the other's voice explains how a listener moves",
        "openvasa evaluate listening cache/ clips/",
        "openvasa evaluate listening cache/ clips/ --voices 12",
    )
    add_cache(parser)
    add_clips(parser)
    parser.add_argument(
        "--voices",
        type=int,
        default=24,
        metavar="N",
        help="that our listener hears, of people never trained on (default: 24)",
    )


def _evaluate(options: argparse.Namespace) -> int:
    from openvasa.evaluate.listening import FOLDS, evaluate, listening_report

    if options.voices < FOLDS:
        options.usage_error(f"voices {options.voices}: choose {FOLDS} or more")
    print(listening_report(evaluate(options.cache, options.clips, count=options.voices)))
    return OK
