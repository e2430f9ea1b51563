"""Options of every training in steps."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING

from openvasa.commands.parser import Parser

if TYPE_CHECKING:
    from openvasa.train.trainer import TrainerConfig


def add_steps(parser: Parser, steps: int) -> None:
    """What every training in steps asks for; see `train.trainer.TrainerConfig`."""
    parser.add_argument(
        "--steps",
        type=int,
        default=steps,
        metavar="N",
        help=f"of the whole run, those of earlier starts included (default: {steps})",
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=0,
        metavar="N",
        help="of first weights and order; a second seed says what chance does (default: 0)",
    )
    parser.add_argument(
        "--threads", type=int, metavar="N", help="CPU threads of torch (default: all cores)"
    )
    parser.add_argument(
        "--workers",
        type=int,
        default=0,
        metavar="N",
        help="processes that draw batches ahead, for a GPU; the model is the same (default: 0)",
    )


def trainer_config(defaults: TrainerConfig, options: argparse.Namespace) -> TrainerConfig:
    """The settings of a training with what was asked for."""
    return replace(
        defaults,
        steps=options.steps,
        seed=options.seed,
        threads=options.threads,
        workers=options.workers,
    )
