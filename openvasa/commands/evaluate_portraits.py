"""`openvasa evaluate portraits` and `lip-amplitude`: does any portrait move alike, from pixels."""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path

from openvasa.commands.exit_status import OK
from openvasa.commands.parser import Commands, Parser, add_command
from openvasa.commands.renderers import add_renderer, choose_renderer
from openvasa.commands.training_data import (
    add_cache,
    add_clip_count,
    add_clips,
    check_clip_count,
)


def add_portraits(group: Commands) -> None:
    """Add the commands under `openvasa evaluate`."""
    parser = add_command(
        group,
        "portraits",
        _portraits,
        "measure from pixels whether smiling, open-mouthed and averted portraits move as neutral "
        "ones do",
        "openvasa evaluate portraits cache/ clips/ --clips 20 --seconds 4",
    )
    add_cache(parser)
    add_clips(parser)
    add_clip_count(parser)
    _add_shared(parser)
    parser = add_command(
        group,
        "lip-amplitude",
        _lip_amplitude,
        "measure from pixels how alike the lips of all portraits of a folder move in one speech",
        "openvasa evaluate lip-amplitude portraits/ --audio voice.wav",
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="with pictures")
    parser.add_argument(
        "--audio", type=Path, metavar="A", help="what they say (default: the example's)"
    )
    _add_shared(parser)


def _add_shared(parser: Parser) -> None:
    parser.add_argument(
        "--seconds", type=float, default=4.0, metavar="S", help="of each video (default: 4)"
    )
    add_renderer(parser)
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures there")


def _portraits(options: argparse.Namespace) -> int:
    from openvasa.evaluate.portraits import judge_portraits
    from openvasa.evaluate.portraits_report import portraits_json, portraits_report

    check_clip_count(options)
    _check(options)
    judged = judge_portraits(
        options.cache,
        options.clips,
        renderer=choose_renderer(options.renderer),
        count=options.count,
        seconds=options.seconds,
    )
    print(portraits_report(judged))
    _write(options.json, portraits_json(judged))
    return OK


def _lip_amplitude(options: argparse.Namespace) -> int:
    from openvasa.assets import EXAMPLE_VOICE
    from openvasa.evaluate.lip_amplitude import amplitude_report, measure_amplitudes

    _check(options)
    found, left_out = measure_amplitudes(
        options.folder,
        options.audio or EXAMPLE_VOICE,
        renderer=choose_renderer(options.renderer),
        seconds=options.seconds,
    )
    print(amplitude_report(found, left_out))
    apertures = {one.name: one.aperture for one in found}
    _write(options.json, {"apertures": apertures, "left_out": left_out})
    return OK


def _check(options: argparse.Namespace) -> None:
    from openvasa.data.redraw import LEAST_SECONDS
    from openvasa.evaluate.page import check_writable

    if not (math.isfinite(options.seconds) and options.seconds >= LEAST_SECONDS):
        options.usage_error(f"seconds {options.seconds:g}: choose {LEAST_SECONDS:g} or more")
    if options.json:
        check_writable(options.json)


def _write(path: Path | None, figures: object) -> None:
    from openvasa.evaluate.page import write_page

    if path:
        write_page(path, json.dumps(figures, indent=2, allow_nan=False) + "\n")
        print(path)
