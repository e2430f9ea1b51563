"""`openvasa animate`: a portrait and a voice in, a talking face out."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from openvasa.commands.choosing import read_portrait
from openvasa.commands.exit_status import OK
from openvasa.commands.framing import framing_of
from openvasa.commands.parser import Commands, add_command
from openvasa.commands.renderers import LATENT, add_renderer, choose_motion, choose_renderer
from openvasa.commands.saving import frame_rate, save_video, usual_size
from openvasa.commands.steering import add_steering, motion_settings
from openvasa.commands.tracking import add_pose_from, motion_from
from openvasa.commands.video_options import (
    add_seed,
    add_video_options,
    check_seed,
    read_video_options,
)
from openvasa.rates import MOTION_RATE

if TYPE_CHECKING:
    from openvasa.backgrounds import Background
    from openvasa.face.latent import FaceLatent
    from openvasa.motion.motion import Motion
    from openvasa.motion.settings import MotionSettings
    from openvasa.video import Video

PREVIEW_SECONDS = 3.0
PREVIEW_SIZE = 256


def add(commands: Commands) -> None:
    """Add the command `openvasa animate`."""
    parser = add_command(
        commands,
        "animate",
        _animate,
        "make a portrait talk and write a video or pictures, marked as AI-generated",
        "openvasa animate portrait.jpg voice.wav -o talking.mp4",
        "openvasa animate group.jpg voice.mp3 -o talking.mp4 --face 2 --full-frame",
        "openvasa animate portrait.jpg voice.wav -o smooth.mp4 --fps 60 --size 1024",
        "openvasa animate portrait.jpg voice.wav -o story.mp4 --aspect 9:16 --size 1080",
        "openvasa animate portrait.jpg voice.wav -o look.mp4 --preview",
        "openvasa animate portrait.jpg voice.wav -o a.mp4 --save-motion a.npz --save-avatar me.npz",
        "openvasa animate me.npz voice.wav -o b.mp4 --motion a.npz",
        "openvasa animate portrait.jpg voice.wav -o nods.mp4 --pose-from actor.mp4",
        "openvasa animate portrait.jpg voice.wav -o talk.mp4 --partner other.wav",
        "openvasa animate portrait.jpg call.wav -o talk.mp4 --speaks left",
        "openvasa animate portrait.jpg voice.wav -o c.mp4 --gaze 15,-5 --emotion happy:0.7",
        "openvasa animate portrait.jpg voice.wav -o talking.mp4 --label eu --notice morse",
        "openvasa animate portrait.jpg voice.wav -o frames/",
        "openvasa animate portrait.jpg voice.wav -o green.mp4 --background green",
        "openvasa animate portrait.jpg voice.wav -o cutout.webm --background transparent",
    )
    add_video_options(parser)
    parser.add_argument("audio", metavar="AUDIO", help="an audio or video file with speech")
    add_seed(parser)
    parser.add_argument(
        "--preview",
        action="store_true",
        help=f"only the first {PREVIEW_SECONDS:.0f} seconds, {PREVIEW_SIZE} px",
    )
    parser.add_argument(
        "--motion",
        type=Path,
        metavar="FILE",
        help="use this motion (.npz or Live Link Face .csv); AUDIO is then only the sound track",
    )
    parser.add_argument(
        "--partner",
        type=Path,
        metavar="FILE",
        help="the voice of who talks with the portrait, in step with AUDIO: the portrait listens "
        "while it does not speak, and both voices are in the video",
    )
    parser.add_argument(
        "--speaks",
        choices=["left", "right"],
        help="AUDIO is a conversation on two channels: the portrait speaks this one and listens "
        "to the other, as with --partner",
    )
    parser.add_argument(
        "--loop", action="store_true", help="ease head and face back at the end to how they begin"
    )
    add_pose_from(parser, "move the head as there: a motion, or a video clip of a person")
    parser.add_argument(
        "--save-motion", type=Path, metavar="FILE", help="write the motion too (.npz or .csv)"
    )
    parser.add_argument(
        "--save-avatar", type=Path, metavar="FILE.npz", help="write the encoded portrait too"
    )
    add_steering(parser)
    add_renderer(parser)


def _animate(options: argparse.Namespace) -> int:
    if options.preview and (options.size is not None or options.full_frame):
        options.usage_error("--preview goes with neither --size nor --full-frame")
    check_seed(options)
    if options.preview and options.loop:
        options.usage_error("--loop goes round whole videos, not a --preview")

    from openvasa.face.frame import choose_frame

    if options.speaks and options.partner:
        options.usage_error("--speaks takes the partner from AUDIO; leave out --partner")
    if (options.partner or options.speaks) and options.motion:
        options.usage_error("a partner goes with speech; a ready --motion does not listen")
    _check_latent(options)
    inputs = (Path(options.audio), options.partner, options.pose_from)
    marking, background = read_video_options(options, *inputs)
    face = read_portrait(options, options.face)
    choose_frame(face, **framing_of(options))
    if options.save_avatar:
        face.save(options.save_avatar)
    with _each_voice(options) as asked:
        video = _video(face, background, asked)
        if asked.pose_from or asked.save_motion or asked.loop:
            # What was generated stays said to be, though the video gets it ready made.
            marking = replace(marking, controls={**video.describe_motion(), **marking.controls})
            video = replace(video, source=_motion(video, asked), loop=asked.loop)
        with _both_voices(video, asked.partner) as heard:
            save_video(heard, asked, marking)
    return OK


def _check_latent(options: argparse.Namespace) -> None:
    """Motion in a learned latent is drawn by its own renderer alone, and is made nowhere else."""
    asked = options.motion, options.save_motion, options.partner, options.speaks
    if options.renderer.startswith(LATENT) and any(asked):
        options.usage_error(
            "--renderer latent: makes motion that no other renderer can draw; to take a ready one, "
            "to save it or for a partner, choose learned:"
        )


@contextmanager
def _each_voice(options: argparse.Namespace) -> Iterator[argparse.Namespace]:
    """The options with a file for each voice of a conversation on two channels."""
    if options.speaks is None:
        yield options
        return

    from openvasa.audio.channels import split_channels

    with TemporaryDirectory(prefix="openvasa-") as folder:
        left, right = Path(folder) / "left.wav", Path(folder) / "right.wav"
        split_channels(Path(options.audio), left, right)
        own, other = (left, right) if options.speaks == "left" else (right, left)
        yield argparse.Namespace(**{**vars(options), "audio": str(own), "partner": other})


@contextmanager
def _both_voices(video: Video, partner: Path | None) -> Iterator[Video]:
    """The video with the partner's voice in its sound track too."""
    if partner is None or video.audio is None:
        yield video
        return

    from openvasa.audio.mixing import mix_voices

    with TemporaryDirectory(prefix="openvasa-") as folder:
        mixed = Path(folder) / "both.wav"
        mix_voices(video.audio, partner, mixed)
        yield replace(video, audio=mixed)


def _video(face: FaceLatent, background: Background, options: argparse.Namespace) -> Video:
    from openvasa.audio.decode import probe
    from openvasa.motion.motion import Motion
    from openvasa.video import animate

    settings = motion_settings(options, face)
    if options.pose_from and (settings.controls.distance is not None or options.head is not None):
        options.usage_error(
            "--pose-from brings the head's distance and movement; give no distance or --head"
        )
    source: str | Motion = options.audio
    if options.motion:
        source = Motion.load(options.motion)
        probe(options.audio)
    video = animate(
        face,
        source,
        fps=frame_rate(options),
        **framing_of(options, usual_size(options.output)),
        **_who_moves(options, settings),
        partner=options.partner,
        sound=options.audio,
        background=background,
        hair_lag=options.hair_lag,
        renderer=choose_renderer(options.renderer),
    )
    if options.preview:
        return replace(video, size=PREVIEW_SIZE, seconds_limit=PREVIEW_SECONDS)
    return video


def _who_moves(options: argparse.Namespace, settings: MotionSettings) -> dict[str, Any]:
    if not options.renderer.startswith(LATENT):
        return {"settings": settings}
    return {"model": choose_motion(options.renderer, settings)}


def _motion(video: Video, options: argparse.Namespace) -> Motion:
    """The motion with the head and the end asked for; --save-motion writes it."""
    from openvasa.motion.edit import take_pose
    from openvasa.motion.loop import return_to_start

    motion = _whole_motion(video)
    if options.pose_from:
        motion = take_pose(motion, motion_from(options.pose_from, options.quiet, options.pose_face))
    if options.loop:
        motion = return_to_start(motion)
    if options.save_motion:
        motion.save(options.save_motion)
    return motion


def _whole_motion(video: Video) -> Motion:
    """The video's motion; where it is generated from the sound, all of it is, here and now."""
    import numpy as np

    from openvasa.motion.motion import Motion

    if isinstance(video.source, Motion):
        return video.source
    rows = np.concatenate(list(replace(video, fps=MOTION_RATE).rows()))
    return Motion.from_rows(rows, MOTION_RATE)
