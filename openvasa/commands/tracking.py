"""Tracking a clip before the user's eyes: how far it is, and whether the face was lost."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from openvasa.commands.messages import complain, face_called
from openvasa.commands.parser import Parser

if TYPE_CHECKING:
    import numpy as np

    from openvasa.capture.tracking import DriverTrack
    from openvasa.motion.motion import Motion

MOTION_FILES = {".npz", ".csv"}
LEAST_SEEN = 0.98
"""A face seen in a smaller share of a video is worth a warning."""


def track(
    frames: Iterable[tuple[float, np.ndarray]], name: str, quiet: bool, face: int | None
) -> DriverTrack:
    """Track the face of a clip with a progress bar.

    Args:
        frames: time in s, and (h, w, 3) uint8 RGB frame.
        name: what to call the clip in errors.
        quiet: no progress bar.
        face: which of several people; see `track_driver`.

    Raises:
        InputError: no face, or too short.
    """
    from tqdm import tqdm

    from openvasa.capture.tracking import track_driver

    with tqdm(
        desc="tracking",
        disable=quiet,
        mininterval=0.1 if sys.stderr.isatty() else 5.0,
        unit=" frames",
        bar_format="{desc}: {n_fmt} frames, {rate_fmt}",
    ) as bar:

        def advance(done: int) -> None:
            bar.update(done - bar.n)

        return track_driver(frames, name, advance, face=face)


def add_pose_from(parser: Parser, what: str) -> None:
    """Add --pose-from and --pose-face, a head from elsewhere.

    Args:
        parser: of a command.
        what: what it does, for its help.
    """
    parser.add_argument("--pose-from", type=Path, metavar="FILE", help=what)
    parser.add_argument(
        "--pose-face",
        type=int,
        metavar="N",
        help="which of several people in that video, in reading order (default: the largest)",
    )


def report_track(track: DriverTrack, name: str) -> None:
    """Say how many cuts a video has, and where its face was not seen in a part of it."""
    if track.cuts:
        count = "1 cut" if track.cuts == 1 else f"{track.cuts} cuts"
        complain(f"{name}: {count}; each shot is measured against its own rest")
    seen = track.seen.mean()
    if seen < LEAST_SEEN:
        complain(
            f"warning: {name}: shows no face in {100 * (1 - seen):.0f} % of its time; "
            "the portrait rests there"
        )


def motion_from(path: Path, quiet: bool, face: int | None) -> Motion:
    """The motion in a motion file, or that of a person in a video clip.

    Raises:
        InputError: the file cannot be read, or the clip shows no face.
    """
    from openvasa.capture.footage import file_frames
    from openvasa.capture.retargeting import motion_of
    from openvasa.motion.motion import Motion

    if path.suffix.lower() in MOTION_FILES:
        return Motion.load(path)
    with face_called("pose_face"):
        tracked = track(file_frames(path, None), str(path), quiet, face)
    report_track(tracked, str(path))
    return motion_of(tracked)
