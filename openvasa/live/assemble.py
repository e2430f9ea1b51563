"""Put the parts of a live portrait together."""

from __future__ import annotations

import threading
from functools import lru_cache

from openvasa.live.engine import Engine, LiveSettings
from openvasa.motion.diffusion import DiffusionMotion
from openvasa.motion.model import MotionModel
from openvasa.motion.settings import MotionSettings
from openvasa.runtime import get_runtime


def live_engine(
    settings: LiveSettings | None = None, *, seed: int = 0, model: MotionModel | None = None
) -> Engine:
    """An engine that a motion model drives.

    Args:
        settings: frame rate, sound rate, hop and look-ahead.
        seed: of the shipped model: same seed, same speech, same motion.
        model: the shipped one where None.
    """
    settings = settings or LiveSettings()
    model = model or DiffusionMotion(MotionSettings(seed=seed))
    return Engine(model.live(settings.hop, settings.lookahead), settings)


@lru_cache(maxsize=1)
def painting_turns() -> threading.BoundedSemaphore:
    """What the players of this process share: `Runtime.painters` of them paint at a time."""
    return threading.BoundedSemaphore(get_runtime().painters)
