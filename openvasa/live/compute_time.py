"""How long after its sound a frame is due: the hop that it waits for, and what its making takes.

Motion and picture are given as long as they took lately. What a frame is given changes slowly, and
less only in silence: a jump would tear the speech apart.
"""

from __future__ import annotations

from collections import deque

LEAST_S, MOST_S = 0.025, 0.06
"""What making a frame is given at least and at most, s; a stream starts with most."""
MARGIN_S = 0.008
"""Given beyond what the slowest frames took: the work of one more network step."""
RECENT = 200
"""Frames by which it is judged."""
SLOW_SHARE = 0.01
"""Share of the slowest frames that nothing waits for: they come late, or are left out."""
STEP = 0.08
"""Largest change from one frame to the next, as a share of a frame: little enough for WebRTC's
jitter buffers; the page's own player by the socket makes up for it in silence."""


class ComputeTime:
    """Follows what frames take, upwards at any time, downwards in silence alone.

    `add` belongs to the painting thread, all else to the engine's.

    Args:
        hop_s: how long a frame waits for its hop at most, s.
    """

    def __init__(self, hop_s: float) -> None:
        self._taken: deque[float] = deque(maxlen=RECENT)
        self._making = MOST_S
        self._hop = hop_s
        self._allowed = hop_s + MOST_S

    def add(self, taken_s: float) -> None:
        """Add a frame: from the moment when its sound was in to its picture, s."""
        self._taken.append(taken_s)
        if len(self._taken) == RECENT:
            slow = sorted(self._taken)[-1 - round(SLOW_SHARE * RECENT)]
            self._making = min(max(slow + MARGIN_S, LEAST_S), MOST_S)

    def expect(self, hop_s: float) -> None:
        """Say how long a hop will be, s."""
        self._hop = hop_s

    def covers(self, hop_s: float) -> bool:
        """Whether frames are given the time already that a hop of `hop_s` takes."""
        return self._allowed >= hop_s + self._making

    def pause(self) -> None:
        """Say that the clock has paused: the next frame is given as much as is wanted at once."""
        self._allowed = max(self._allowed, self._hop + self._making)

    def allow(self, length_s: float, *, speaks: bool) -> float:
        """What the next frame is given for its hop and its making, s.

        Args:
            length_s: how long the frame is, s.
            speaks: whether there is speech in it, of which no part may be lost.
        """
        step = STEP * length_s
        lowest = self._allowed if speaks else self._allowed - step
        self._allowed = min(max(self._hop + self._making, lowest), self._allowed + step)
        return self._allowed
