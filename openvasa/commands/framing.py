"""Options that say which part of the picture a video shows, and how large."""

from __future__ import annotations

import argparse
from typing import TypedDict

from openvasa.commands.parser import Parser


class Framing(TypedDict):
    """What `openvasa.video.Video` is told of the frame."""

    size: int | str | None
    full_frame: bool
    aspect: str | None


def add_framing(parser: Parser) -> None:
    """Add --size, --full-frame and --aspect."""
    parser.add_argument(
        "--size",
        type=_size,
        metavar="N|native",
        help="px of the shorter side, with --full-frame of the longer side; native: as many as the "
        "picture has there (default: 512, .gif 384; with --full-frame native)",
    )
    part = parser.add_mutually_exclusive_group()
    part.add_argument(
        "--full-frame", action="store_true", help="the whole picture, with the person moving in it"
    )
    part.add_argument(
        "--aspect",
        metavar="W:H",
        help="head and shoulders at this width to height: 1:1, 4:5, 9:16, 5:4 or 16:9 "
        "(default: 1:1)",
    )


def framing_of(options: argparse.Namespace, usual: int | None = None) -> Framing:
    """The frame that the options ask for; `usual` is the size where they ask for none."""
    size = usual if options.size is None and not options.full_frame else options.size
    return {
        "size": size,
        "full_frame": options.full_frame,
        "aspect": options.aspect,
    }


def _size(text: str) -> int | str:
    if text == "native":
        return text
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text}: give px or native") from None
