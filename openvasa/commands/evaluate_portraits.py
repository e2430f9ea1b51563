"""`openvasa evaluate portraits`: does any portrait of a person move alike, judged from pixels."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from openvasa.commands.exit_status import OK
from openvasa.commands.parser import Commands, add_command
from openvasa.commands.renderers import add_renderer, choose_renderer
from openvasa.commands.training_data import add_cache, add_clips


def add_portraits(group: Commands) -> None:
    """Add the command under `openvasa evaluate`."""
    parser = add_command(
        group,
        "portraits",
        _portraits,
        "measure from pixels whether smiling, open-mouthed and averted portraits move as neutral "
        "ones do",
        "openvasa evaluate portraits cache/ clips/ --clips 20 --seconds 4",
        "openvasa evaluate portraits cache/ clips/ --portraits folder/",
    )
    add_cache(parser)
    add_clips(parser)
    parser.add_argument(
        "--clips",
        type=int,
        metavar="N",
        dest="count",
        help="at most N clips, different people first",
    )
    parser.add_argument(
        "--seconds", type=float, default=4.0, metavar="S", help="of each video (default: 4)"
    )
    parser.add_argument(
        "--portraits",
        type=Path,
        metavar="FOLDER",
        help="instead: how alike the lips of all portraits of this folder move in one speech",
    )
    parser.add_argument("--audio", type=Path, metavar="A", help="for it (default: the example's)")
    add_renderer(parser)
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures there")


def _portraits(options: argparse.Namespace) -> int:
    from openvasa.assets import EXAMPLE_VOICE
    from openvasa.data.redraw import LEAST_SECONDS
    from openvasa.evaluate.lip_amplitude import measure_amplitudes
    from openvasa.evaluate.page import check_writable, write_page
    from openvasa.evaluate.portraits import judge_portraits
    from openvasa.evaluate.portraits_report import (
        amplitude_report,
        portraits_json,
        portraits_report,
    )

    if options.count is not None and options.count < 1:
        options.usage_error(f"clips {options.count}: choose 1 or more")
    if not options.seconds >= LEAST_SECONDS:
        options.usage_error(f"seconds {options.seconds:g}: choose {LEAST_SECONDS:g} or more")
    if options.json:
        check_writable(options.json)
    renderer = choose_renderer(options.renderer)
    if options.portraits:
        found = measure_amplitudes(
            options.portraits,
            options.audio or EXAMPLE_VOICE,
            renderer=renderer,
            seconds=options.seconds,
        )
        print(amplitude_report(found))
        figures = {one.name: one.aperture for one in found}
    else:
        judged = judge_portraits(
            options.cache,
            options.clips,
            renderer=renderer,
            count=options.count,
            seconds=options.seconds,
        )
        print(portraits_report(judged))
        figures = portraits_json(judged)
    if options.json:
        write_page(options.json, json.dumps(figures, indent=2) + "\n")
        print(options.json)
    return OK
