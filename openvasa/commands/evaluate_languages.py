"""`openvasa evaluate languages`: whether lips go with speech in many languages."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from openvasa.commands.exit_status import OK
from openvasa.commands.parser import Commands, add_command
from openvasa.commands.training_data import add_cache


def add_languages(group: Commands) -> None:
    """Add the command `openvasa evaluate languages`."""
    parser = add_command(
        group,
        "languages",
        _languages,
        "measure whether lips go with speech in many languages",
        "openvasa evaluate languages cache/",
        "openvasa evaluate languages cache/ --live --language French --json languages.json",
    )
    add_cache(parser)
    parser.add_argument(
        "--language",
        action="append",
        default=[],
        metavar="NAME",
        help="only this one and English, by its English name; may be repeated (default: all)",
    )
    parser.add_argument("--live", action="store_true", help="also judge the streaming generator")
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="also write every figure there, as JSON"
    )


def _languages(options: argparse.Namespace) -> int:
    from openvasa.evaluate.languages import choose_languages, judge_clips, judge_synthetic
    from openvasa.evaluate.languages_report import languages_json, languages_report
    from openvasa.evaluate.page import check_writable, write_page

    chosen = choose_languages(options.language)
    if options.json:
        check_writable(options.json)
    spoken, left_out = judge_synthetic(chosen, live=options.live)
    clips = judge_clips(options.cache)
    print(languages_report(spoken, clips, left_out))
    if options.json:
        figures = languages_json(spoken, clips, left_out)
        write_page(options.json, json.dumps(figures, indent=2) + "\n")
        print(options.json)
    return OK
