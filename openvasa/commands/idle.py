"""`openvasa idle`: a portrait that breathes, blinks and looks about without saying anything."""

from __future__ import annotations

import argparse
from dataclasses import replace

from openvasa.commands.choosing import read_portrait
from openvasa.commands.exit_status import OK
from openvasa.commands.framing import framing_of
from openvasa.commands.parser import Commands, add_command
from openvasa.commands.saving import frame_rate, save_video, usual_size
from openvasa.commands.steering import add_steering, motion_settings
from openvasa.commands.video_options import (
    add_seed,
    add_video_options,
    check_seed,
    read_video_options,
)


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
    add_video_options(parser)
    parser.add_argument(
        "--seconds", type=float, default=10.0, metavar="S", help="length (default: 10)"
    )
    parser.add_argument("--loop", action="store_true", help="let the end run on into the beginning")
    add_seed(parser)
    add_steering(parser)


def _idle(options: argparse.Namespace) -> int:
    if not 1 <= options.seconds <= 3600:
        options.usage_error(f"seconds {options.seconds:g}: choose 1 to 3600")
    check_seed(options)
    marking, background = read_video_options(options)
    if marking.notice is not None:
        options.usage_error("--notice goes with sound, and an idle portrait has none")
    face = read_portrait(options, options.face)

    from openvasa.face.frame import choose_frame
    from openvasa.motion.distance import limit_distance
    from openvasa.motion.idle import idle_motion
    from openvasa.motion.speech_motion import SpeechMotion
    from openvasa.video import Video

    settings, rate = motion_settings(options, face), frame_rate(options)
    frame = choose_frame(face, **framing_of(options, usual_size(options.output)))
    settings = replace(settings, controls=limit_distance(settings.controls, face, frame))
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
