"""`openvasa drive`: a portrait moves as somebody in a video or before the camera does."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from openvasa.commands.choosing import read_portrait
from openvasa.commands.exit_status import OK
from openvasa.commands.framing import framing_of
from openvasa.commands.messages import face_called
from openvasa.commands.parser import Commands, add_command
from openvasa.commands.saving import frame_rate, save_video, usual_size
from openvasa.commands.tracking import report_track, track
from openvasa.commands.video_options import add_video_options, read_video_options

if TYPE_CHECKING:
    from openvasa.capture.tracking import DriverTrack

CAMERA_SECONDS = 60.0
"""Longest recording from a camera where --seconds says nothing else."""


def add(commands: Commands) -> None:
    """Add the command `openvasa drive`."""
    parser = add_command(
        commands,
        "drive",
        _drive,
        "make a portrait move as the person in a video or before the camera does",
        "openvasa drive portrait.jpg actor.mp4 -o reenacted.mp4",
        "openvasa drive portrait.jpg actor.mp4 -o nods.mp4 --pose-only",
        "openvasa drive portrait.jpg interview.mp4 -o guest.mp4 --face 2",
        "openvasa drive first_frame.png actor.mp4 -o again.mp4 --pose absolute",
        "openvasa drive portrait.jpg webcam -o me.mp4 --seconds 15",
        "openvasa drive portrait.jpg actor.mp4 -o a.mp4 --save-motion a.npz",
    )
    add_video_options(parser, face="--portrait-face")
    parser.add_argument(
        "driver",
        metavar="VIDEO|webcam",
        help="a video file; or webcam, webcam:N, /dev/videoN, recorded until Ctrl-C",
    )
    part = parser.add_mutually_exclusive_group()
    part.add_argument(
        "--pose-only", action="store_true", help="only the head's movement; the face stays as it is"
    )
    part.add_argument(
        "--expression-only", action="store_true", help="only the face; the head is held still"
    )
    parser.add_argument(
        "--seconds", type=float, metavar="S", help="only the driver's first S seconds"
    )
    parser.add_argument(
        "--face",
        type=int,
        metavar="N",
        help="which of several people in VIDEO, in reading order in the first frame that shows so "
        "many (default: the largest)",
    )
    parser.add_argument(
        "--pose",
        choices=("relative", "absolute"),
        default="relative",
        help="relative: the head moves from PORTRAIT's own pose as the person's does from theirs; "
        "absolute: it looks the way the person's does (default: relative)",
    )
    parser.add_argument(
        "--save-motion", type=Path, metavar="FILE", help="write the motion too (.npz or .csv)"
    )


def _drive(options: argparse.Namespace) -> int:
    if options.seconds is not None and options.seconds <= 0:
        options.usage_error(f"seconds {options.seconds:g}: choose more than 0")

    from openvasa.audio.decode import probe
    from openvasa.capture.footage import is_camera
    from openvasa.capture.retargeting import motion_of, rest_until, with_tongue_heard
    from openvasa.face.frame import choose_frame
    from openvasa.media.inspect import has_sound
    from openvasa.motion.edit import keep_expression, keep_pose
    from openvasa.video import Video

    file = None if is_camera(options.driver) else Path(options.driver)
    marking, background = read_video_options(options, file)
    with face_called("portrait_face"):
        face = read_portrait(options, options.portrait_face)
    choose_frame(face, **framing_of(options))
    tracked = _track_driver(options)
    motion = motion_of(tracked, face if options.pose == "absolute" else None)
    sound = file if file is not None and has_sound(file) else None
    if sound is not None:
        seconds = probe(sound).duration_s
        motion = rest_until(motion, min(seconds, options.seconds or seconds))
        motion = with_tongue_heard(motion, sound)
    if options.pose_only:
        motion = keep_pose(motion, face.dynamics)
    if options.expression_only:
        motion = keep_expression(motion)
    if options.save_motion:
        motion.save(options.save_motion)
    video = Video(
        face,
        motion,
        audio=sound,
        fps=frame_rate(options),
        **framing_of(options, usual_size(options.output)),
        seconds_limit=options.seconds,
        background=background,
        hair_lag=options.hair_lag,
    )
    save_video(video, options, marking)
    report_track(tracked, options.driver)
    return OK


def _track_driver(options: argparse.Namespace) -> DriverTrack:
    from openvasa.capture.footage import camera_frames, file_frames, is_camera

    if is_camera(options.driver):
        print(f"{options.driver}: recording; Ctrl-C ends it", file=sys.stderr)
        frames = camera_frames(options.driver, options.seconds or CAMERA_SECONDS)
    else:
        frames = file_frames(Path(options.driver), options.seconds)
    return track(frames, options.driver, options.quiet, options.face)
