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
        self._cut_at = -TICKS

    def close(self, at: int, cut_at: int, until: int) -> None:
        """Close from now on.

        Args:
            at: tick of the next frame.
            cut_at: where the sound of what was said ends; before it, motion is of that.
            until: where only silence is left in the motion. It opens again there, if nothing new is
                said before.
        """
        self._level = self.openness(at)
        self._closing_from, self._cut_at = at, cut_at
        self._opening_from = max(until, at + round(CLOSING_S * TICKS))

    def open_for(self, speech: int, at: int) -> None:
        """Let something new be seen that is said from tick `speech` on; the next frame is at `at`.

        It opens ahead of the sound where there is time, and shows nothing of what was said before.
        """
        ahead = max(speech - round(OPENING_S * TICKS), self._cut_at, at)
        self._opening_from = min(self._opening_from, ahead)

    def openness(self, at: int) -> float:
        """Scale of the mouth's movement at a tick, 0 to 1."""
        opened = smoothstep_at(0.0, OPENING_S, (at - self._opening_from) / TICKS)
        closed = smoothstep_at(0.0, CLOSING_S, (at - self._closing_from) / TICKS)
        return max(opened, self._level * (1 - closed))
