"""`openvasa train latent` and what follows it: the learned latent, its export, its motion."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from openvasa.commands.exit_status import OK
from openvasa.commands.parser import Commands, add_command
from openvasa.commands.training_data import add_cache, add_clips, count_people
from openvasa.commands.training_steps import add_steps, trainer_config

if TYPE_CHECKING:
    from openvasa.train.trainer import TrainerConfig

LOSSES = {
    "consist": "consist",
    "cross-id": "cross_identity",
    "perceptual": "perceptual",
    "adversary": "adversary",
}
"""Losses of the learned latent that can be left out, and their names in its weights."""


def add_latent(group: Commands) -> None:
    """Add the command `openvasa train latent`."""
    parser = add_command(
        group,
        "latent",
        _latent,
        "train the learned latent; goes on from the last checkpoint in RUN",
        "openvasa train latent cache/ clips/ runs/tiny --config tiny --steps 8000",
        "openvasa train latent cache/ clips/ runs/plain --config tiny --without cross-id",
    )
    add_cache(parser)
    add_clips(parser)
    parser.add_argument("run", type=Path, metavar="RUN", help="folder of the run")
    add_steps(parser, steps=8000)
    parser.add_argument(
        "--config",
        choices=("mini", "tiny", "base", "full"),
        default="tiny",
        help="frames of 64, 128, 256 or 512 px; two cores can train mini (default: tiny)",
    )
    parser.add_argument(
        "--batch", type=int, metavar="N", help="clips in a batch (default: the configuration's)"
    )
    parser.add_argument("--people", type=count_people, metavar="N", help="at most N (default: all)")
    parser.add_argument(
        "--learning-rate",
        type=float,
        metavar="X",
        help="at its peak (default: 0.0005, good for the batches of a GPU; small ones bear 0.001)",
    )
    parser.add_argument(
        "--from",
        type=Path,
        dest="first",
        metavar="RUN",
        help="begin a new run with the weights of this one, where names and shapes agree",
    )
    parser.add_argument(
        "--decoded",
        type=Path,
        metavar="FOLDER",
        help="keep decoded frames there, so that another run begins at once",
    )
    parser.add_argument(
        "--without",
        action="append",
        choices=tuple(LOSSES),
        default=[],
        help="leave a loss out, to see what it does; may be given again",
    )


def _latent(options: argparse.Namespace) -> int:
    from openvasa.learned.config import find_config
    from openvasa.train.latent import DEFAULTS, LatentTraining, LatentWeights, train

    weights = replace(LatentWeights(), **{LOSSES[name]: 0.0 for name in options.without})
    training = LatentTraining(find_config(options.config), weights, options.batch, options.people)
    trainer = trainer_config(DEFAULTS, options)
    if options.learning_rate is not None:
        trainer = replace(trainer, learning_rate=options.learning_rate)
    where = options.cache, options.clips, options.run
    train(*where, trainer, training, options.first, options.decoded)
    return OK


def add_latent_export(group: Commands) -> None:
    """Add the command `openvasa train latent-export`."""
    parser = add_command(
        group,
        "latent-export",
        _latent_export,
        "make a trained latent ready for openvasa animate --renderer learned:RUN",
        "openvasa train latent-export cache/ clips/ runs/tiny",
    )
    add_cache(parser)
    add_clips(parser)
    parser.add_argument("run", type=Path, metavar="RUN", help="from openvasa train latent")


def _latent_export(options: argparse.Namespace) -> int:
    from openvasa.train.latent_export import export

    reading = export(options.cache, options.clips, options.run)
    print(f"tracked points tell {reading.explained:.0%} of the dynamics code on people held back")
    return OK


def train_latent_motion(options: argparse.Namespace, config: TrainerConfig) -> int:
    """What `openvasa train motion --latent` does."""
    from openvasa.train.latent_motion import export_motion, latent_rows
    from openvasa.train.speech_motion import train

    if options.export is not None:
        options.usage_error("--export: goes without --latent, which puts the weights beside it")
    if not options.clips:
        options.usage_error(
            "--latent: its encoder looks at the clips; give their folder by --clips"
        )
    rows = latent_rows(options.cache, options.clips, options.latent, options.run, options.people)
    train(rows, options.run, config)
    print(export_motion(options.run, options.latent, options.weights))
    return OK
