"""The video that a command writes: where to, with a progress bar, and what came out.

An output that ends in / is a folder of numbered pictures; every other is a video file.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, NoReturn

from openvasa.commands.marking import marks_in_words
from openvasa.commands.messages import complain
from openvasa.commands.parser import Parser
from openvasa.errors import InputError
from openvasa.rates import MOTION_RATE

if TYPE_CHECKING:
    from tqdm import tqdm

    from openvasa.media.container import Codec
    from openvasa.provenance.marking import Marking
    from openvasa.video import Video


GIF_RATE, GIF_SIDE = 20, 384
"""Frames a second and px where nothing else is asked for: a GIF holds each frame nearly whole, and
one of 512 px at 25 fps has about twice the bytes. Its clock of 1/100 s shows 20 a second evenly."""
CODECS = ("h264", "h265", "av1", "vp9")


def add_output(parser: Parser) -> None:
    """The option that says where the video goes."""
    parser.add_argument(
        "-o",
        "--output",
        required=True,
        metavar="OUT.mp4|FOLDER/",
        help="a name that ends in .mp4, .mov, .webm or .mkv; in .gif or .webp for an animation "
        "without sound; or in / for a folder of numbered pictures (00001.png, …) and sound.wav, "
        "which must be new or empty",
    )
    parser.add_argument(
        "--codec",
        choices=CODECS,
        help="of the picture (default: vp9 in .webm, h264 in other films)",
    )


def check_output(
    output: str, given: Path | None, codec: Codec | None = None, *, transparent: bool = False
) -> None:
    """Raise InputError where `output` cannot be written, or is the input that was given itself."""
    if _is_folder(output):
        from openvasa.media.frames import check_folder

        if codec is not None:
            raise InputError(f"{output}: a folder of pictures has no codec; choose none")
        check_folder(Path(output))
        return
    if transparent:
        from openvasa.media.alpha import check_transparent

        if codec is not None:
            raise InputError(f"{output}: a transparent film has a codec of its own; choose none")
        check_transparent(Path(output), given)
        return
    from openvasa.media.container import CONTAINERS
    from openvasa.media.container import check_output as check_video

    if Path(output).suffix.lower() not in CONTAINERS:
        raise InputError(
            f"{output}: let the output end in {', '.join(CONTAINERS)}, or in / for a folder of "
            "numbered pictures"
        )
    check_video(Path(output), given, codec)


def spare_inputs(output: str | Path, *inputs: str | Path | None) -> None:
    """Raise InputError where writing `output` would replace one of the inputs."""
    from openvasa.media.place import spare_input

    for given in inputs:
        spare_input(Path(output), None if given is None else Path(given))


def frame_rate(options: argparse.Namespace) -> Fraction:
    """The rate asked for, else the usual one of the kind of file, frames a second."""
    if options.fps is not None:
        return options.fps
    return Fraction(GIF_RATE if _is_gif(options.output) else MOTION_RATE)


def usual_size(output: str) -> int | None:
    """The size in px that a kind of file has of its own; None where it has none."""
    return GIF_SIDE if _is_gif(output) else None


def save_video(video: Video, options: argparse.Namespace, marking: Marking) -> None:
    """Write the video with a progress bar and say what came out."""
    started = perf_counter()
    with _progress_bar(video, options.quiet) as advance:
        if _is_folder(options.output):
            video.save_frames(options.output, progress=advance, marking=marking)
        else:
            codec = getattr(options, "codec", None)
            video.save(options.output, progress=advance, marking=marking, codec=codec)
    if not marking.marked:
        complain(f"{options.output} is NOT marked as AI-generated (--no-marks)")
    if not options.quiet:
        frames, rate = video.frame_count, video.frame_count / (perf_counter() - started)
        print(
            f"{options.output}: {frames / float(video.rate):.2f} s, {frames} frames rendered at "
            f"{rate:.0f} fps, {marks_in_words(marking, options.output)}"
        )


@contextmanager
def _progress_bar(video: Video, quiet: bool) -> Iterator[Callable[[int], None]]:
    """A function to call with the number of frames done; the bar appears with the first."""
    from tqdm import tqdm

    bar: tqdm[NoReturn] | None = None

    def advance(done: int) -> None:
        nonlocal bar
        if bar is None:
            bar = tqdm(
                total=video.frame_count,
                disable=quiet,
                # A log file wants a line now and then, a terminal a bar that moves.
                mininterval=0.1 if sys.stderr.isatty() else 5.0,
                unit=" frames",
                bar_format="{percentage:3.0f}% {bar:30} {n_fmt}/{total_fmt}, {rate_fmt}, "
                "{remaining} left",
            )
        bar.update(done - bar.n)

    try:
        yield advance
    finally:
        if bar is not None:
            bar.close()


def _is_gif(output: str) -> bool:
    return output.lower().endswith(".gif")


def _is_folder(output: str) -> bool:
    return output.endswith(("/", os.sep))
