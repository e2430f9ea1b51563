"""The option that says how far hair stays behind the head."""

from __future__ import annotations

from openvasa.commands.parser import Parser


def add_hair_lag(parser: Parser) -> None:
    """Add `--hair-lag`."""
    parser.add_argument(
        "--hair-lag",
        type=float,
        default=1.0,
        metavar="F",
        help="how far loose hair, earrings and veils stay behind the head and swing: 0 not at all, "
        "1 as they do of themselves, up to 2 (default: 1)",
    )
