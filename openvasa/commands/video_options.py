"""The options of every command that makes a video of a portrait."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from openvasa.commands.background import add_background, background_of
from openvasa.commands.choosing import add_anyway, add_face_choice
from openvasa.commands.device import add_device
from openvasa.commands.framing import add_framing
from openvasa.commands.hair import add_hair_lag
from openvasa.commands.marking import add_marking, marking_of
from openvasa.commands.parser import Parser, add_frame_rate
from openvasa.commands.saving import add_output, check_output, spare_inputs

if TYPE_CHECKING:
    from openvasa.backgrounds import Background
    from openvasa.provenance.marking import Marking


def add_video_options(parser: Parser, face: str = "--face") -> None:
    """Add what a video looks like, where it goes and how it is marked.

    Args:
        parser: of the command; PORTRAIT is its own.
        face: name of the option that chooses a face of PORTRAIT.
    """
    parser.add_argument("portrait", metavar="PORTRAIT", help="a picture, or an avatar .npz")
    add_output(parser)
    add_frame_rate(parser)
    add_framing(parser)
    add_background(parser)
    add_hair_lag(parser)
    add_face_choice(parser, face)
    add_anyway(parser)
    add_device(parser)
    parser.add_argument("--quiet", action="store_true", help="no progress bar and no closing line")
    add_marking(parser)


def add_seed(parser: Parser) -> None:
    """Add --seed."""
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="same seed, same video (default: 0)"
    )


def check_seed(options: argparse.Namespace) -> None:
    """Refuse a seed below 0."""
    if options.seed < 0:
        options.usage_error(f"seed {options.seed}: choose 0 or more")


def read_video_options(
    options: argparse.Namespace, *inputs: Path | None
) -> tuple[Marking, Background]:
    """How the video is marked and what is behind the person, before anything costs time.

    Args:
        options: of the command.
        inputs: files that the output must not replace, besides portrait and background.

    Raises:
        InputError: the output cannot be written, or would replace an input.
    """
    marking = marking_of(options)
    transparent = options.background == "transparent"
    for given in inputs or (None,):
        check_output(options.output, given, options.codec, transparent=transparent)
    spare_inputs(options.output, options.portrait, options.background)
    return marking, background_of(options)
