"""Options that say how the portrait talks."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from openvasa.commands.parser import Parser

if TYPE_CHECKING:
    from openvasa.motion.settings import MotionSettings

STYLES = {
    "mouth": "how far the mouth opens",
    "head": "how much the head moves",
    "brows": "how much the brows move",
    "gaze": "how much the eyes wander",
}


def add_steering(parser: Parser) -> None:
    """Options that say how the portrait talks; `motion_settings` reads them."""
    steering = parser.add_argument_group(
        "steering", "what is not said is left to the model; --controls holds curves over time"
    )
    steering.add_argument(
        "--gaze",
        metavar="YAW,PITCH",
        help="main gaze in degrees, to the picture's right and up, as 15,-5 or --gaze=-15,5",
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
    add_styles(steering)


def add_styles(parser: Parser | argparse._ArgumentGroup) -> None:
    """Options of the speaking style; `read_styles` reads them."""
    for name, what in STYLES.items():
        parser.add_argument(
            f"--{name}-style",
            type=float,
            default=0.0,
            metavar="S",
            help=f"{what}, −2 calm to 2 lively (default: 0)",
        )


def motion_settings(options: argparse.Namespace) -> MotionSettings:
    """The settings that the options ask for; --seed is among them.

    Raises:
        InputError: the file of curves, or a value of an option, cannot be used.
    """
    from openvasa.motion.controls import Controls, parse_emotion, parse_gaze
    from openvasa.motion.settings import MotionSettings

    single = {"gaze": options.gaze, "distance": options.distance, "emotion": options.emotion}
    given = {key: value for key, value in single.items() if value is not None}
    if options.controls is not None:
        if given:
            options.usage_error(f"--{next(iter(given))} does not go with --controls")
        controls = Controls.load(options.controls)
    else:
        parsers = {"gaze": parse_gaze, "distance": float, "emotion": parse_emotion}
        controls = Controls(**{key: parsers[key](value) for key, value in given.items()})
    return MotionSettings(seed=options.seed, controls=controls, **read_styles(options))


def read_styles(options: argparse.Namespace) -> dict[str, Any]:
    """The speaking style that the options ask for, as fields of `MotionSettings`."""
    styles = {name: getattr(options, f"{name}_style") for name in STYLES}
    for name, amount in styles.items():
        if not -3 <= amount <= 3:
            options.usage_error(f"--{name}-style {amount}: choose -3 to 3")
    return styles
