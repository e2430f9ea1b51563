"""Put the parts of a live portrait together: motion model, engine, painter and player."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from openvasa.face.latent import FaceLatent
from openvasa.live.engine import Engine
from openvasa.live.frame import LiveSettings
from openvasa.live.painter import UNREFINED, Painter
from openvasa.live.player import Player, Shown
from openvasa.live.turns import Turns
from openvasa.motion.distance import farthest_distance
from openvasa.motion.model import MotionModel
from openvasa.motion.settings import MotionSettings
from openvasa.motion.speech_motion import SpeechMotion
from openvasa.render.renderer import RendererFactory
from openvasa.runtime import get_runtime

ModelFactory = Callable[[int], MotionModel]
"""Makes the motion model of one portrait from its seed."""


def shipped_motion(seed: int) -> MotionModel:
    """The shipped model, with a speaker drawn by the seed."""
    return SpeechMotion(MotionSettings(seed=seed))


class LivePortrait:
    """A portrait that can be played: `assemble_portrait` makes it.

    Attributes:
        engine: turns sound into motion.
        face: what is animated.
        content_id: what the invisible watermark of every picture carries, 32 bits.
    """

    def __init__(
        self, engine: Engine, face: FaceLatent, content_id: int, renderer: RendererFactory
    ) -> None:
        self.engine = engine
        self.content_id = content_id
        self.face, self._renderer = face, renderer
        self._painter = self._prepare()
        self.bound_distance(engine)

    def paint(self, motion: np.ndarray, time_s: float) -> np.ndarray:
        """(6 + D + 2,) row of motion at a time on the timeline → (S, S, 3) uint8 RGB, marked."""
        return self._painter.paint(motion, time_s)

    def change_face(self, face: FaceLatent) -> None:
        """Go on with another face from the next picture on; takes as long as a start.

        Have the engine's thread carry out `bound_distance` then.
        """
        self.face = face
        self._painter = self._prepare()

    def bound_distance(self, engine: Engine) -> None:
        """Let the head go no farther than the border of the face's picture stays out of sight."""
        engine.farthest = farthest_distance(self.face)

    def change_renderer(self, renderer: RendererFactory) -> None:
        """Have another renderer draw from the next picture on; takes as long as a start."""
        self._renderer = renderer
        self._painter = self._prepare()

    def _prepare(self) -> Painter:
        settings = self.engine.settings
        return Painter(self.face, self.content_id, self._renderer, settings.size, settings.hair_lag)

    def make_player(
        self, show: Callable[[Shown], None], wanted: Callable[[], bool] = lambda: True
    ) -> Player:
        """A player that has not started; `show` and `wanted` as in `Player`."""
        return Player(self.engine, self.paint, show, wanted, turns=_shared_turns())


def assemble_portrait(
    face: FaceLatent,
    settings: LiveSettings | None = None,
    *,
    content_id: int,
    model: MotionModel | None = None,
    renderer: RendererFactory = UNREFINED,
) -> LivePortrait:
    """Prepare a live portrait; on a machine's first run kernels are compiled for many seconds.

    Args:
        face: the portrait.
        settings: frame rate, size, sound rate, hop and look-ahead.
        content_id: what the invisible watermark of every picture carries, 32 bits.
        model: generates the motion, with the style and controls it was made with; None takes
            the shipped one.
        renderer: draws the pictures.
    """
    return LivePortrait(assemble_engine(settings, model), face, content_id, renderer)


def assemble_engine(
    settings: LiveSettings | None = None, model: MotionModel | None = None
) -> Engine:
    """The engine alone, without pictures; arguments as in `assemble_portrait`."""
    settings = settings or LiveSettings()
    model = model or shipped_motion(settings.seed)
    return Engine(model.live(settings.hop, settings.lookahead), settings)


@lru_cache(maxsize=1)
def _shared_turns() -> Turns:
    """What the players of this process share: `Runtime.painters` of them paint at a time."""
    return Turns(get_runtime().painters)
