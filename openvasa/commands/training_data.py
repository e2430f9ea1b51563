"""Arguments that say which training data: the folders of it, how many clips and people."""

from __future__ import annotations

import argparse
from pathlib import Path

from openvasa.commands.parser import Parser


def add_cache(parser: Parser) -> None:
    """The folder that `openvasa data prepare` has filled."""
    parser.add_argument("cache", type=Path, metavar="CACHE", help="from openvasa data prepare")


def add_clips(parser: Parser) -> None:
    """The folder that `openvasa data prepare` has read."""
    parser.add_argument(
        "clips",
        type=Path,
        metavar="CLIPS",
        help="a folder with a clip list, the one CACHE was made from",
    )


def add_clip_count(parser: Parser) -> None:
    """How many of the clips to judge; `check_clip_count` refuses too few."""
    parser.add_argument(
        "--clips",
        type=int,
        metavar="N",
        dest="count",
        help="at most N clips, different people first",
    )


def check_clip_count(options: argparse.Namespace) -> None:
    """Refuse fewer clips than 1."""
    if options.count is not None and options.count < 1:
        options.usage_error(f"clips {options.count}: choose 1 or more")


def count_people(text: str) -> int:
    """What --people says, 1 or more."""
    try:
        count = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text}: give a whole number") from None
    if count < 1:
        raise argparse.ArgumentTypeError(f"{count}: choose 1 or more")
    return count
