"""The option that says what is behind the person."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from openvasa.commands.parser import Parser

if TYPE_CHECKING:
    from openvasa.backgrounds import Background


def add_background(parser: Parser) -> None:
    """Add `--background`."""
    parser.add_argument(
        "--background",
        default="keep",
        metavar="WHAT",
        help="behind the person: keep (the default), green, #rrggbb, blur, or a picture or "
        "video, which covers the frame; or transparent, for "
        ".webm (VP9), .mov (ProRes 4444) and a folder of pictures",
    )


def background_of(options: argparse.Namespace) -> Background:
    """The background asked for."""
    from openvasa.backgrounds import parse_background

    return parse_background(options.background)
