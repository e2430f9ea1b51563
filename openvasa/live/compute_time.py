"""How long motion and picture of a frame may take before the frame is due: as long as they took."""

from __future__ import annotations

from collections import deque

LEAST_S, MOST_S = 0.025, 0.06
"""What a frame is given at least and at most, s; a stream starts with most."""
MARGIN_S = 0.008
"""Given beyond what the slowest frames took: the work of one more network step."""
RECENT = 200
"""Frames by which it is judged."""
SLOW_SHARE = 0.01
"""Share of the slowest frames that nothing waits for: they come late, or are left out."""
STEP_S = 0.002
"""Largest change from one frame to the next: players of sound even it out unheard."""


class ComputeTime:
    """Follows what frames take, upwards at any time, downwards in silence alone.

    `add` belongs to the painting thread, `allow` to the engine's.
    """

    def __init__(self) -> None:
        self._taken: deque[float] = deque(maxlen=RECENT)
        self._wanted = self._allowed = MOST_S

    def add(self, taken_s: float) -> None:
        """Add a frame: from the moment when its sound was in to its picture, s."""
        self._taken.append(taken_s)
        if len(self._taken) == RECENT:
            slow = sorted(self._taken)[-1 - round(SLOW_SHARE * RECENT)]
            self._wanted = min(max(slow + MARGIN_S, LEAST_S), MOST_S)

    def allow(self, *, speaks: bool) -> float:
        """What the next frame is given, s.

        Args:
            speaks: whether there is speech in it, of which no part may be lost.
        """
        lowest = self._allowed if speaks else self._allowed - STEP_S
        self._allowed = min(max(self._wanted, lowest), self._allowed + STEP_S)
        return self._allowed
