"""Arguments that name the folders of training data."""

from __future__ import annotations

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
