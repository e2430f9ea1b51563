"""The option that says what draws the frames."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from openvasa.commands.parser import Parser
from openvasa.errors import InputError

if TYPE_CHECKING:
    from openvasa.motion.settings import MotionSettings
    from openvasa.motion.speech_motion import SpeechMotion
    from openvasa.render.renderer import RendererFactory

GEOMETRIC, LEARNED, LATENT = "geometric", "learned:", "latent:"


def add_renderer(parser: Parser) -> None:
    """Add --renderer."""
    parser.add_argument(
        "--renderer",
        default=GEOMETRIC,
        metavar="NAME",
        help="what draws the frames: geometric; learned:RUN with a RUN from openvasa train "
        "latent-export; latent:RUN, which moves in RUN's own latent as well (openvasa train motion "
        "--latent) (default: geometric)",
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
    if name.startswith(LATENT):
        return learned_renderer(Path(name.removeprefix(LATENT)), own_motion=True)
    raise InputError(f"renderer {name}: choose {GEOMETRIC}, {LEARNED}RUN or {LATENT}RUN")


def choose_motion(name: str, settings: MotionSettings, threads: int = 2) -> SpeechMotion:
    """The motion model that goes with the renderer of a name.

    Raises:
        InputError: its run holds none, or the settings ask for what it does not know.
    """
    from openvasa.learned.speaking import latent_motion
    from openvasa.motion.speech_motion import SpeechMotion

    if name.startswith(LATENT):
        return latent_motion(Path(name.removeprefix(LATENT)), settings, threads)
    return SpeechMotion(settings, threads=threads)
