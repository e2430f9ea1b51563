"""Put the parts of a live portrait together."""

from __future__ import annotations

from openvasa.live.engine import Engine, LiveSettings
from openvasa.motion.streaming import StreamingGenerator


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
