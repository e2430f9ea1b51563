"""Put the parts of a live portrait together."""

from __future__ import annotations

import threading
from functools import lru_cache

from openvasa.live.engine import Engine, LiveSettings
from openvasa.motion.streaming import StreamingGenerator
from openvasa.runtime import get_runtime


def live_engine(settings: LiveSettings | None = None, *, seed: int = 0) -> Engine:
    """An engine with the shipped motion generator, on one CPU thread.

    Args:
        settings: frame rate, sound rate, hop and look-ahead.
        seed: same seed, same speech, same motion.
    """
    settings = settings or LiveSettings()
    generator = StreamingGenerator(
        seed=seed,
        hop=settings.hop,
        lookahead=settings.lookahead,
        threads=1,
    )
    return Engine(generator, settings)


@lru_cache(maxsize=1)
def painting_turns() -> threading.BoundedSemaphore:
    """What the players of this process share: `Runtime.painters` of them paint at a time."""
    return threading.BoundedSemaphore(get_runtime().painters)
