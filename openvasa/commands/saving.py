"""The video that a command writes: where to, with a progress bar, and what came out.

An output that ends in / is a folder of numbered pictures; every other is an mp4.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, NoReturn

from openvasa.commands.marking import marks_in_words
from openvasa.commands.messages import complain
from openvasa.commands.parser import Parser
from openvasa.errors import InputError

if TYPE_CHECKING:
    from tqdm import tqdm

    from openvasa.provenance.marking import Marking
    from openvasa.video import Video


def add_output(parser: Parser) -> None:
    """The option that says where the video goes."""
    parser.add_argument(
        "-o",
        "--output",
        required=True,
        metavar="OUT.mp4|FOLDER/",
        help="a name that ends in .mp4, or in / for a folder of numbered pictures (00001.png, …) "
        "and sound.wav; the folder must be new or empty",
    )


def check_output(output: str, given: Path | None, *, transparent: bool = False) -> None:
    """Raise InputError where `output` cannot be written, or is the input that was given itself."""
    if _is_folder(output):
        from openvasa.media.frames import check_folder

        check_folder(Path(output))
        return
    if transparent:
        from openvasa.media.alpha import check_transparent

        check_transparent(Path(output), given)
        return
    if Path(output).suffix.lower() != ".mp4":
        raise InputError(
            f"{output}: let the output end in .mp4, or in / for a folder of numbered pictures"
        )
    from openvasa.media.mp4 import check_output as check_video

    check_video(Path(output), given)


def save_video(video: Video, options: argparse.Namespace, marking: Marking) -> None:
    """Write the video with a progress bar and say what came out."""
    started = perf_counter()
    with _progress_bar(video, options.quiet) as advance:
        save = video.save_frames if _is_folder(options.output) else video.save
        save(options.output, progress=advance, marking=marking)
    if not marking.marked:
        complain(f"{options.output} is NOT marked as AI-generated (--no-marks)")
    if not options.quiet:
        frames, rate = video.frame_count, video.frame_count / (perf_counter() - started)
        print(
            f"{options.output}: {frames / float(video.rate):.2f} s, {frames} frames rendered at "
            f"{rate:.0f} fps, {marks_in_words(marking)}"
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


def _is_folder(output: str) -> bool:
    return output.endswith(("/", os.sep))
