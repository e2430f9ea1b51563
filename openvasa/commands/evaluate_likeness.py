"""`openvasa evaluate likeness`: do generated faces move as people do, judged from pixels."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from openvasa.commands.exit_status import OK
from openvasa.commands.parser import Commands, add_command
from openvasa.commands.renderers import add_renderer, choose_motion, choose_renderer
from openvasa.commands.training_data import (
    add_cache,
    add_clip_count,
    add_clips,
    check_clip_count,
)

LEAST_SIDE = 64


def add_likeness(group: Commands) -> None:
    """Add the command under `openvasa evaluate`."""
    parser = add_command(
        group,
        "likeness",
        _likeness,
        "measure from pixels whether generated faces move as people do",
        "openvasa evaluate likeness cache/ clips/ --html report.html",
        "openvasa evaluate likeness cache/ clips/ --clips 12 --seconds 5 --live",
        "openvasa evaluate likeness cache/ clips/ --rows",
        "openvasa evaluate likeness cache/ clips/ --rows --trained --clips 200 --seeds 1",
        "openvasa evaluate likeness cache/ clips/ --renderer learned:runs/tiny --side 128",
    )
    add_cache(parser)
    add_clips(parser)
    add_clip_count(parser)
    parser.add_argument(
        "--seconds", type=float, metavar="S", help="at most S seconds of each clip (2 or more)"
    )
    parser.add_argument(
        "--seeds", type=int, default=3, metavar="N", help="seeds for each clip (default: 3)"
    )
    parser.add_argument("--live", action="store_true", help="also judge the streaming generator")
    parser.add_argument(
        "--rows", action="store_true", help="judge rows of motion alone, without rendering: quick"
    )
    parser.add_argument(
        "--trained",
        action="store_true",
        help="judge people that were learnt from: does motion come out as it was learnt?",
    )
    add_renderer(parser)
    parser.add_argument(
        "--side",
        type=int,
        metavar="N",
        help="bring frames to N px before they are tracked, to compare renderers of two sizes",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures there")
    parser.add_argument(
        "--html", type=Path, metavar="FILE", help="also write table and traces there, in one file"
    )


def _likeness(options: argparse.Namespace) -> int:
    from openvasa.data.clip_list import Split
    from openvasa.data.redraw import LEAST_SECONDS
    from openvasa.evaluate.likeness import (
        LIVE,
        WHOLE,
        Make,
        judge_likeness,
        stream_with,
        whole_file,
    )
    from openvasa.evaluate.likeness_report import (
        likeness_json,
        likeness_report,
        write_likeness_page,
    )
    from openvasa.evaluate.page import check_writable, write_page
    from openvasa.evaluate.small_renderer import at_side
    from openvasa.live.engine import LiveSettings
    from openvasa.motion.settings import MotionSettings
    from openvasa.motion.speech_motion import SpeechMotion

    check_clip_count(options)
    if options.seeds < 1:
        options.usage_error(f"seeds {options.seeds}: choose 1 or more")
    if options.seconds is not None and not options.seconds >= LEAST_SECONDS:
        options.usage_error(f"seconds {options.seconds:g}: choose {LEAST_SECONDS:g} or more")
    if options.side is not None and options.side < LEAST_SIDE:
        options.usage_error(f"side {options.side}: choose {LEAST_SIDE} or more")
    for path in (options.json, options.html):
        if path:
            check_writable(path)

    def shipped(seed: int) -> SpeechMotion:
        return choose_motion(options.renderer, MotionSettings(seed=seed), threads=1)

    makers: dict[str, Make] = {WHOLE: whole_file(shipped)}
    if options.live:
        makers[LIVE] = stream_with(shipped, LiveSettings.hop, LiveSettings.lookahead)
    judged = judge_likeness(
        options.cache,
        options.clips,
        makers=makers,
        renderer=at_side(choose_renderer(options.renderer), options.side),
        seeds=options.seeds,
        count=options.count,
        seconds=options.seconds,
        pixels=not options.rows,
        split=Split.TRAIN if options.trained else Split.TEST,
    )
    print(likeness_report(judged))
    if options.json:
        write_page(options.json, json.dumps(likeness_json(judged), indent=2) + "\n")
        print(options.json)
    if options.html:
        write_likeness_page(judged, options.html)
        print(options.html)
    return OK
