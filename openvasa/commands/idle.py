"""`openvasa idle`: a portrait that breathes, blinks and looks about without saying anything."""

from __future__ import annotations

import argparse
from dataclasses import replace

from openvasa.commands.background import add_background, background_of
from openvasa.commands.choosing import add_anyway, add_face_choice, read_portrait
from openvasa.commands.device import add_device
from openvasa.commands.exit_status import OK
from openvasa.commands.framing import add_framing, framing_of
from openvasa.commands.hair import add_hair_lag
from openvasa.commands.marking import add_marking, marking_of
from openvasa.commands.parser import Commands, add_command, add_frame_rate
from openvasa.commands.saving import (
    add_output,
    check_output,
    frame_rate,
    save_video,
    spare_inputs,
    usual_size,
)
from openvasa.commands.steering import add_steering, motion_settings


def add(commands: Commands) -> None:
    """Add the command `openvasa idle`."""
    parser = add_command(
        commands,
        "idle",
        _idle,
        "make a portrait live without speech: it breathes, blinks and looks about",
        "openvasa idle portrait.jpg -o idle.mp4 --seconds 10 --loop",
        "openvasa idle portrait.jpg -o idle.webm --loop --background transparent",
        "openvasa idle portrait.jpg -o idle.gif --seconds 4 --loop --movement calm",
    )
    parser.add_argument("portrait", metavar="PORTRAIT", help="a picture, or an avatar .npz")
    add_output(parser)
    parser.add_argument(
        "--seconds", type=float, default=10.0, metavar="S", help="length (default: 10)"
    )
    parser.add_argument("--loop", action="store_true", help="let the end run on into the beginning")
    add_frame_rate(parser)
    add_framing(parser)
    add_device(parser)
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="same seed, same video (default: 0)"
    )
    add_background(parser)
    add_hair_lag(parser)
    add_face_choice(parser)
    add_anyway(parser)
    add_steering(parser)
    parser.add_argument("--quiet", action="store_true", help="no progress bar and no closing line")
    add_marking(parser)


def _idle(options: argparse.Namespace) -> int:
    if not 1 <= options.seconds <= 3600:
        options.usage_error(f"seconds {options.seconds:g}: choose 1 to 3600")
    if options.seed < 0:
        options.usage_error(f"seed {options.seed}: choose 0 or more")
    transparent = options.background == "transparent"
    check_output(options.output, None, options.codec, transparent=transparent)
    spare_inputs(options.output, options.portrait, options.background)
    marking = marking_of(options)
    if marking.notice is not None:
        options.usage_error("--notice goes with sound, and an idle portrait has none")
    background = background_of(options)
    face = read_portrait(options, options.face)

    from openvasa.motion.idle import idle_motion
    from openvasa.motion.speech_motion import SpeechMotion
    from openvasa.video import Video

    settings, rate = motion_settings(options, face), frame_rate(options)
    generated = {"motion": "generated from silence", **SpeechMotion(settings).describe()}
    marking = replace(marking, controls={**generated, **marking.controls})
    video = Video(
        face,
        idle_motion(settings, options.seconds, loop=options.loop, fps=float(rate)),
        fps=rate,
        **framing_of(options, usual_size(options.output)),
        background=background,
        hair_lag=options.hair_lag,
        loop=options.loop,
    )
    save_video(video, options, marking)
    return OK
