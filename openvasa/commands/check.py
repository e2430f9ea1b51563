"""`openvasa check`: will this portrait come out well?"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from openvasa.commands.choosing import add_face_choice, write_preview
from openvasa.commands.exit_status import BAD_INPUT, OK
from openvasa.commands.messages import bad_input
from openvasa.commands.parser import Commands, add_command
from openvasa.errors import InputError


def add(commands: Commands) -> None:
    """Add the command `openvasa check`."""
    parser = add_command(
        commands,
        "check",
        _check,
        "say whether portraits are fit to be animated, and what would make them better",
        "openvasa check portrait.jpg",
        "openvasa check photos/*.jpg --json",
        "openvasa check group.jpg --faces numbered.png",
    )
    parser.description = (
        "Say whether portraits are fit to be animated, and what would make them better: one line a "
        "finding. Exit status: 0 every portrait can be animated, 2 some portrait would be refused."
    )
    parser.add_argument("portraits", nargs="+", type=Path, metavar="PORTRAIT")
    add_face_choice(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object a line for each file")


def _check(options: argparse.Namespace) -> int:
    from openvasa.face.check import check_found, check_portrait

    if options.faces and len(options.portraits) > 1:
        options.usage_error("--faces takes one PORTRAIT")
    status = OK
    for path in options.portraits:
        try:
            if options.faces:
                found = write_preview(path, options.faces, options.frame)
                findings = check_found(found, face=options.face, name=str(path))
            else:
                findings = check_portrait(path, face=options.face, frame=options.frame)
        except InputError as error:
            status = bad_input(str(error))
            continue
        if any(finding.severity == "refuse" for finding in findings):
            status = BAD_INPUT
        if options.json:
            listed = [finding.as_json() for finding in findings]
            print(json.dumps({"path": str(path), "findings": listed}), flush=True)
            continue
        for finding in findings:
            print(f"{path}: {finding.severity}: {finding.message}", flush=True)
    return status
