"""The option that says what draws the frames."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from openvasa.commands.parser import Parser
from openvasa.errors import InputError

if TYPE_CHECKING:
    from openvasa.render.renderer import RendererFactory

GEOMETRIC, LEARNED = "geometric", "learned:"


def add_renderer(parser: Parser) -> None:
    """Add --renderer."""
    parser.add_argument(
        "--renderer",
        default=GEOMETRIC,
        metavar="NAME",
        help="what draws the frames: geometric, or learned:RUN with a RUN from openvasa train "
        "latent-export (default: geometric)",
    )


def choose_renderer(name: str) -> RendererFactory:
    """The renderer of a name.

    Raises:
        InputError: there is none, or its run holds no exported network.
    """
    from openvasa.learned.renderer import learned_renderer
    from openvasa.render.shipped import shipped_renderer

    if name == GEOMETRIC:
        return shipped_renderer
    if name.startswith(LEARNED):
        return learned_renderer(Path(name.removeprefix(LEARNED)))
    raise InputError(f"renderer {name}: choose {GEOMETRIC} or {LEARNED}RUN")
