"""Options that say how a stream is made while the sound still comes in."""

from __future__ import annotations

import argparse
from functools import partial
from typing import TYPE_CHECKING

from openvasa.commands.hair import add_hair_lag
from openvasa.commands.parser import Parser
from openvasa.rates import FRAME_RATES

if TYPE_CHECKING:
    from openvasa.live.frame import LiveSettings
    from openvasa.render.renderer import RendererFactory

SOUND_RATE = 48000
"""Hz, as browsers play it."""


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
        help="steps of 40 ms that lips wait to hear ahead; more are later and, where speech comes "
        "no faster than it is said, more exact (default: 1)",
    )
    parser.add_argument(
        "--refine",
        action="store_true",
        help="folds and shadows that move with the face, as in files; half as much work again",
    )
    add_hair_lag(parser)


def read_streaming(options: argparse.Namespace) -> tuple[LiveSettings, RendererFactory]:
    """How a stream is made and drawn, by the options of `add_streaming`.

    Raises:
        InputError: hop and look-ahead make a window that the network does not know, or another of
            the options is out of range.
    """
    from openvasa.live.frame import LiveSettings
    from openvasa.motion.streaming import check_window
    from openvasa.render.shipped import shipped_renderer

    check_window(options.hop, options.lookahead)
    settings = LiveSettings(
        options.fps,
        SOUND_RATE,
        options.hop,
        options.lookahead,
        size=options.size,
        hair_lag=options.hair_lag,
    )
    return settings, partial(shipped_renderer, refined=options.refine)
