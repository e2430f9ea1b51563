"""`openvasa edit`: motion in, changed motion out."""

from __future__ import annotations

import argparse
from pathlib import Path

from openvasa.commands.exit_status import OK
from openvasa.commands.parser import Commands, add_command
from openvasa.commands.tracking import add_pose_from, motion_from

MOTION_FILE = "motion to write, .npz or .csv"


def add(commands: Commands) -> None:
    """Add the command `openvasa edit`."""
    parser = add_command(
        commands,
        "edit",
        _edit,
        "change a motion file; the edits asked for are done in the order listed here",
        "openvasa edit talk.npz -o still.npz --expression-only",
        "openvasa edit talk.npz -o turning.npz --spin 20",
        "openvasa edit talk.npz -o mixed.npz --pose-from other.npz --add mouthSmile:0.3",
        "openvasa edit talk.npz -o nodding.npz --pose-from actor.mp4",
        "openvasa edit recording.csv -o talk.npz",
        "openvasa animate portrait.jpg voice.wav -o out.mp4 --motion turning.npz",
    )
    parser.add_argument("motion", type=Path, metavar="MOTION", help=".npz, or Live Link Face .csv")
    parser.add_argument("-o", "--output", required=True, type=Path, metavar="OUT", help=MOTION_FILE)
    part = parser.add_mutually_exclusive_group()
    part.add_argument("--pose-only", action="store_true", help="the head's movement, face at rest")
    part.add_argument("--expression-only", action="store_true", help="the face, head held still")
    add_pose_from(parser, "take the head from there: a motion, or a video clip of a person")
    parser.add_argument(
        "--expression-from", type=Path, metavar="MOTION", help="take the face from there"
    )
    parser.add_argument(
        "--spin", type=float, metavar="DEG", help="let the head circle so far to the sides"
    )
    parser.add_argument(
        "--blend", type=Path, metavar="MOTION", help="go part of the way to another motion"
    )
    parser.add_argument(
        "--share", type=float, default=0.5, metavar="S", help="how far, 0 to 1 (default: 0.5)"
    )
    parser.add_argument(
        "--scale-pose", type=float, default=1.0, metavar="F", help="move the head so much more"
    )
    parser.add_argument(
        "--scale-expression", type=float, default=1.0, metavar="F", help="and the face"
    )
    parser.add_argument(
        "--add",
        action="append",
        default=[],
        metavar="NAME:AMOUNT",
        help="add an ARKit blendshape, as jawOpen:0.3; may be repeated",
    )
    parser.add_argument(
        "--stretch", type=float, default=1.0, metavar="F", help="make it so many times as long"
    )


def _edit(options: argparse.Namespace) -> int:
    from openvasa.motion import edit
    from openvasa.motion.motion import Motion

    motion = Motion.load(options.motion)
    if options.pose_only:
        motion = edit.keep_pose(motion)
    if options.expression_only:
        motion = edit.keep_expression(motion)
    if options.pose_from:
        motion = edit.take_pose(motion, motion_from(options.pose_from, False, options.pose_face))
    if options.expression_from:
        motion = edit.take_expression(motion, Motion.load(options.expression_from))
    if options.spin is not None:
        motion = edit.spin_head(motion, options.spin)
    if options.blend:
        motion = edit.blend_motions(motion, Motion.load(options.blend), options.share)
    motion = edit.scale_parts(motion, pose=options.scale_pose, expression=options.scale_expression)
    motion = edit.add_blendshapes(motion, _amounts(options))
    motion = edit.stretch_time(motion, options.stretch)
    motion.save(options.output)
    print(f"{options.output}: {motion.seconds:.2f} s, {len(motion)} frames")
    return OK


def _amounts(options: argparse.Namespace) -> dict[str, float]:
    added: dict[str, float] = {}
    for text in options.add:
        name, _, amount = text.partition(":")
        try:
            added[name] = added.get(name, 0.0) + float(amount)
        except ValueError:
            options.usage_error(f"--add {text}: give name and amount, as jawOpen:0.3")
    return added
