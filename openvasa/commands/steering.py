"""Options that say how the portrait talks."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from openvasa.commands.parser import Parser

if TYPE_CHECKING:
    from openvasa.face.latent import FaceLatent
    from openvasa.motion.amount import Amount
    from openvasa.motion.settings import MotionSettings

AMOUNTS = {
    "head": "the head's movement",
    "brows": "the movement of brows and cheeks",
    "mouth": "the mouth's movement",
    "eyes": "how far the eyes wander",
}
MOVEMENTS = ("calm", "natural", "lively")


def add_steering(parser: Parser) -> None:
    """Options that say how the portrait talks; `motion_settings` reads them."""
    steering = parser.add_argument_group(
        "steering", "what is not said is left to the model; --controls holds curves over time"
    )
    steering.add_argument(
        "--gaze",
        metavar="YAW,PITCH|viewer",
        help="main gaze in degrees, to the picture's right and up, as 15,-5 or --gaze=-15,5; "
        "`viewer` looks into the lens",
    )
    steering.add_argument(
        "--distance", type=float, metavar="F", help="head distance, 1.1 is a tenth farther"
    )
    steering.add_argument(
        "--emotion",
        metavar="NAME[:AMOUNT]",
        help="happy, angry, sad, surprised or neutral, amount 0 to 1, as happy:0.7",
    )
    steering.add_argument(
        "--controls",
        type=Path,
        metavar="FILE.json",
        help='curves over time, as {"gaze": [[0, 0, 0], [2.5, 15, -5]]}',
    )
    add_amounts(steering)


def add_amounts(parser: Parser | argparse._ArgumentGroup) -> None:
    """Options that say how much of the movement is shown; `read_amount` reads them."""
    parser.add_argument(
        "--movement",
        choices=MOVEMENTS,
        default="natural",
        help="how much the portrait moves (default: natural, as people do)",
    )
    for name, what in AMOUNTS.items():
        parser.add_argument(
            f"--{name}",
            type=float,
            metavar="F",
            help=f"factor of {what}: 0 still, 1 as people, 2 twice (default: by --movement)",
        )


def motion_settings(options: argparse.Namespace, face: FaceLatent) -> MotionSettings:
    """The settings that the options ask for a portrait; --seed is among them.

    Raises:
        InputError: the file of curves, or a value of an option, cannot be used.
    """
    from openvasa.motion.controls import VIEWER, Controls, parse_emotion, parse_gaze
    from openvasa.motion.settings import MotionSettings
    from openvasa.motion.viewer import gaze_to_viewer

    single = {"gaze": options.gaze, "distance": options.distance, "emotion": options.emotion}
    given = {key: value for key, value in single.items() if value is not None}
    if options.controls is not None:
        if given:
            options.usage_error(f"--{next(iter(given))} does not go with --controls")
        controls = Controls.load(options.controls)
    else:
        parsers = {
            "gaze": lambda text: gaze_to_viewer(face) if text == VIEWER else parse_gaze(text),
            "distance": float,
            "emotion": parse_emotion,
        }
        controls = Controls(**{key: parsers[key](value) for key, value in given.items()})
    return MotionSettings(seed=options.seed, controls=controls, amount=read_amount(options))


def read_amount(options: argparse.Namespace) -> Amount:
    """How much of the movement the options ask for.

    Raises:
        InputError: a factor is out of range.
    """
    from openvasa.motion.amount import PRESETS

    given = {name: getattr(options, name) for name in AMOUNTS}
    asked = {name: value for name, value in given.items() if value is not None}
    return replace(PRESETS[options.movement], **asked)
