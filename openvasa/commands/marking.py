"""Options that say how a video is marked as AI-generated."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from openvasa.commands.consent import add_consent, require_consent
from openvasa.commands.parser import Parser

if TYPE_CHECKING:
    from openvasa.provenance.marking import Marking


def add_marking(parser: Parser) -> None:
    """Options that say how a video is marked; `marking_of` reads them."""
    group = parser.add_argument_group(
        "marking",
        "Every video carries an invisible watermark, metadata and, where its kind of file can hold "
        "them, signed Content Credentials that say it is AI-generated; see "
        "docs/responsible-use.md.",
    )
    add_consent(group)
    group.add_argument(
        "--label",
        nargs="?",
        const="text",
        choices=("text", "eu", "cn"),
        help="also a visible label: plain text (the default), or as the EU's or China's rules ask",
    )
    group.add_argument(
        "--label-seconds",
        type=float,
        metavar="S",
        help="show the label only for the first S seconds, at least 2 (default: always)",
    )
    group.add_argument(
        "--notice",
        choices=("morse", "spoken"),
        help="also an audible notice at the start: AI in Morse code, or a spoken sentence "
        "(needs the program espeak-ng)",
    )
    group.add_argument("--producer", metavar="NAME", help="who is named in the field of --label cn")
    group.add_argument(
        "--content-id",
        type=_content_id,
        metavar="HEX",
        help="8 hexadecimal digits for the watermark (default: made from portrait and sound)",
    )
    group.add_argument(
        "--c2pa-cert",
        type=Path,
        metavar="PEM",
        help="sign with this certificate chain (or set OPENVASA_C2PA_CERT; default: self-signed)",
    )
    group.add_argument(
        "--c2pa-key", type=Path, metavar="PEM", help="its private key (or set OPENVASA_C2PA_KEY)"
    )
    group.add_argument(
        "--c2pa-timestamp", metavar="URL", help="have the time confirmed there; needs the network"
    )
    group.add_argument(
        "--no-marks",
        action="store_true",
        help="write no mark at all; you answer for the video's use, and the run says so",
    )


def marking_of(options: argparse.Namespace) -> Marking:
    """The marking that the options ask for, once the user has agreed to the policy.

    Raises:
        InputError: the user has not agreed to the use policy.
    """
    from openvasa.provenance.marking import UNMARKED, Marking

    require_consent(options.accept_policy)
    if options.no_marks:
        wanted = ("label", "notice", "content_id", "c2pa_cert", "c2pa_key", "c2pa_timestamp")
        given = [name for name in wanted if getattr(options, name) is not None]
        if given:
            options.usage_error(f"--no-marks does not go with --{given[0].replace('_', '-')}")
        return UNMARKED
    if options.label_seconds is not None and options.label is None:
        options.usage_error("--label-seconds goes with --label")
    if options.producer is not None and options.label != "cn":
        options.usage_error("--producer goes with --label cn")
    portrait = Path(options.portrait)
    return Marking(
        content_id=options.content_id,
        label=options.label,
        label_seconds=options.label_seconds,
        notice=options.notice,
        producer=options.producer,
        cert=options.c2pa_cert,
        key=options.c2pa_key,
        timestamp_url=options.c2pa_timestamp,
        portrait=None if portrait.suffix.lower() == ".npz" else portrait,
        controls={
            name: value
            for name in ("full_frame", "aspect", "preview", "gaze", "distance", "emotion")
            if (value := getattr(options, name, None)) is not None
        },
    )


def marks_in_words(marking: Marking, output: str) -> str:
    """What the marking has put into a file, or into a folder of pictures."""
    if not marking.marked:
        return "NOT marked as AI-generated (--no-marks)"
    from openvasa.provenance.certificate import identity
    from openvasa.provenance.credentials import can_hold

    label = f", label {marking.label}" if marking.label else ""
    suffix = "" if output.endswith(("/", os.sep)) else Path(output).suffix
    if suffix and not can_hold(Path(output)):
        return (
            f"marked as AI-generated: watermark, metadata{label} ({suffix} files can hold no "
            "Content Credentials)"
        )
    signed = "self-signed" if identity(marking.cert, marking.key).self_signed else "signed"
    return f"marked as AI-generated: watermark, Content Credentials ({signed}){label}"


def _content_id(text: str) -> int:
    if len(text) > 8 or not all(digit in "0123456789abcdefABCDEF" for digit in text) or not text:
        raise argparse.ArgumentTypeError(f"{text!r} is not 1 to 8 hexadecimal digits")
    return int(text, 16)
