"""Options of a server of live portraits, and its start."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from openvasa.commands.consent import add_consent, require_consent
from openvasa.commands.device import add_device
from openvasa.commands.parser import Parser, add_address
from openvasa.commands.steering import add_amounts, read_amount
from openvasa.commands.streaming import add_streaming, read_streaming

if TYPE_CHECKING:
    from openvasa.live.server import Extension


def add_serving(parser: Parser) -> None:
    """Where and what is served; `start_server` reads it."""
    add_address(parser, 8765)
    parser.add_argument(
        "--portrait",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="a picture or avatar .npz to choose from; may be given more than once, the page"
        " opens on the first and asks whose face where a picture shows several",
    )
    parser.add_argument(
        "--background",
        default="keep",
        metavar="WHAT",
        help="behind every portrait: keep (the default), green, #rrggbb, blur, or a picture, which "
        "covers the frame",
    )
    parser.add_argument(
        "--piper-voice",
        type=Path,
        action="append",
        default=[],
        metavar="FILE.onnx",
        help="a Piper voice to speak text with; eSpeak NG is found by itself",
    )
    parser.add_argument("--token", metavar="T", help="ask for this token (default: made up)")
    parser.add_argument(
        "--certificate",
        type=Path,
        nargs=2,
        metavar=("CERT", "KEY"),
        help="serve HTTPS, without which browsers give a microphone to localhost only",
    )
    parser.add_argument(
        "--allow-origin",
        action="append",
        default=[],
        metavar="SITE",
        help="let pages of another site use this server, as https://example.com; may be repeated",
    )
    parser.add_argument(
        "--allow-embedding",
        action="append",
        default=[],
        metavar="SITE",
        help="let another site show /view in a frame; may be repeated",
    )
    parser.add_argument(
        "--ice",
        action="append",
        default=[],
        metavar="URL[,USER,CREDENTIAL]",
        help="a STUN or TURN server for WebRTC through firewalls, as stun:HOST:PORT or "
        "turn:HOST:PORT?transport=tcp,USER,CREDENTIAL; may be repeated (default: none is asked)",
    )
    parser.add_argument(
        "--sessions", type=int, default=4, metavar="N", help="at the same time (default: 4)"
    )
    parser.add_argument(
        "--drain",
        type=float,
        default=0.0,
        metavar="S",
        help="after SIGTERM take no new sessions, and give open ones S seconds (default: 0)",
    )
    add_consent(parser)
    add_streaming(parser)
    add_device(parser)
    add_amounts(parser)


def start_server(options: argparse.Namespace, *extensions: Extension) -> None:
    """Serve what the options say, until interrupted.

    Args:
        options: of a command with `add_serving`.
        extensions: add routes to the server.
    """
    if not 1 <= options.port <= 65535:
        options.usage_error(f"port {options.port}: choose 1 to 65535")
    if options.sessions < 1:
        options.usage_error(f"sessions {options.sessions}: choose 1 or more")
    if not options.drain >= 0:
        options.usage_error(f"drain {options.drain}: choose 0 or more seconds")

    amount = read_amount(options)

    from openvasa.jobs.page_routes import video_extension
    from openvasa.live.serve import serve
    from openvasa.live.session import Limits
    from openvasa.motion.settings import MotionSettings
    from openvasa.motion.speech_motion import SpeechMotion

    require_consent(options.accept_policy)
    settings, person = read_streaming(options)
    serve(
        host=options.host,
        port=options.port,
        portraits=options.portrait,
        settings=settings,
        person=person,
        background=options.background,
        model=lambda seed: SpeechMotion(MotionSettings(seed=seed, amount=amount)),
        limits=Limits(sessions=options.sessions),
        token=options.token,
        piper_voices=options.piper_voice,
        certificate=tuple(options.certificate) if options.certificate else None,
        origins=options.allow_origin,
        embedders=options.allow_embedding,
        ice=options.ice,
        drain_s=options.drain,
        extensions=(video_extension(amount), *extensions),
    )
