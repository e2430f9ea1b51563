"""How far the mouth may open after an interruption."""

from __future__ import annotations

from openvasa.live.timeline import TICKS
from openvasa.maths import smoothstep_at

CLOSING_S, OPENING_S = 0.14, 0.2
"""The mouth closes after an interruption, and may open again, over these times, s: about those of a
syllable. Set by eye."""


class LipEnvelope:
    """How far the mouth may open after an interruption: 1, down to 0, and back to 1."""

    def __init__(self) -> None:
        self._closing_from, self._opening_from, self._level = -TICKS, -TICKS, 1.0

    def close(self, at: int, until: int) -> None:
        """Close from now; opening again starts at `until`, when only silence is in the motion."""
        self._level = self.openness(at)
        self._closing_from = at
        self._opening_from = max(until, at + round(CLOSING_S * TICKS))

    def openness(self, at: int) -> float:
        """Scale of the mouth's movement at a tick, 0 to 1."""
        opened = smoothstep_at(0.0, OPENING_S, (at - self._opening_from) / TICKS)
        if opened > 0:
            return opened
        closed = smoothstep_at(0.0, CLOSING_S, (at - self._closing_from) / TICKS)
        return self._level * (1 - closed)
