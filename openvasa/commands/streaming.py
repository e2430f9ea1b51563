"""Options that say how motion is made while the sound still comes in."""

from __future__ import annotations

from openvasa.commands.hair import add_hair_lag
from openvasa.commands.parser import Parser
from openvasa.rates import FRAME_RATES


def add_streaming(parser: Parser) -> None:
    """Rate of the frames, and how often and how far ahead motion is made."""
    *rates, last = FRAME_RATES
    parser.add_argument(
        "--fps",
        type=int,
        default=40,
        metavar="N",
        help=f"{', '.join(map(str, rates))} or {last} (default: 40)",
    )
    parser.add_argument(
        "--size", type=int, default=512, metavar="N", help="side of the pictures, px (default: 512)"
    )
    parser.add_argument(
        "--hop",
        type=int,
        default=2,
        metavar="N",
        help="steps of 40 ms in which motion is made; 1 costs twice as much (default: 2)",
    )
    parser.add_argument(
        "--lookahead",
        type=int,
        default=1,
        metavar="N",
        help="steps of 40 ms that the lips hear ahead; more are more exact and later (default: 1)",
    )
    parser.add_argument(
        "--refine",
        action="store_true",
        help="folds and shadows that move with the face, as in files; half as much work again",
    )
    add_hair_lag(parser)
