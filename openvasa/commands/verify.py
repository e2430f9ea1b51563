"""`openvasa verify` and `openvasa detect`: did OpenVASA make this video?"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from openvasa.commands.exit_status import BAD_INPUT, CHANGED, FAILED, OK
from openvasa.commands.messages import bad_input
from openvasa.commands.parser import Commands, add_command
from openvasa.errors import InputError


def add_verify(commands: Commands) -> None:
    """Add the command `openvasa verify`."""
    parser = add_command(
        commands,
        "verify",
        _verify,
        "look for marks of OpenVASA and for Content Credentials in videos and pictures",
        "openvasa verify talking.mp4",
        "openvasa verify downloads/*.mp4 screenshot.png --json",
    )
    parser.description = (
        "Look for marks of OpenVASA and for Content Credentials in videos and pictures. Exit "
        "status: 0 every file carries an intact mark of OpenVASA, 1 some file has none, 3 some "
        "file was changed after it was signed, 2 some file cannot be read."
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--json", action="store_true", help="one JSON object a line for each file")


def _verify(options: argparse.Namespace) -> int:
    from openvasa.verify import in_words, verify

    status_of = {"marked": OK, "unmarked": FAILED, "changed": CHANGED}
    statuses = []
    for path in options.files:
        try:
            report = verify(path)
        except InputError as error:
            statuses.append(bad_input(str(error)))
            continue
        status = status_of[report.finding]
        statuses.append(status)
        said = (
            json.dumps(report.as_json() | {"status": status}) if options.json else in_words(report)
        )
        print(said, flush=True)
    order = (BAD_INPUT, CHANGED, FAILED, OK)
    return min(statuses, key=order.index)


def add_detect(commands: Commands) -> None:
    """Add the command `openvasa detect`."""
    parser = add_command(
        commands,
        "detect",
        _detect,
        "judge by the picture alone whether OpenVASA rendered a talking face",
        "openvasa detect video.mp4",
    )
    parser.description = (
        "Judge by the picture alone whether OpenVASA rendered a talking face, for videos whose "
        "marks are gone. It knows this renderer and no other generator, and it errs: see "
        "openvasa/assets/detector.md. Try openvasa verify first. Exit status: 0 probably rendered "
        "by OpenVASA, 1 probably not, 2 bad input."
    )
    parser.add_argument("video", type=Path, metavar="VIDEO")
    parser.add_argument("--json", action="store_true", help="print JSON in place of words")


def _detect(options: argparse.Namespace) -> int:
    from statistics import median

    from openvasa.media.inspect import read_frames
    from openvasa.provenance.detector import detect

    scores = detect(read_frames(options.video), str(options.video))
    score = median(scores)
    if options.json:
        print(json.dumps({"path": str(options.video), "score": score, "excerpts": scores}))
    else:
        verdict = "probably" if score >= 0.5 else "probably not"
        print(
            f"{options.video}: {verdict} rendered by OpenVASA (score {score:.2f} of 0 to 1, "
            f"{len(scores)} excerpts); says nothing about other generators"
        )
    return OK if score >= 0.5 else FAILED
