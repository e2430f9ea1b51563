"""What a machine can keep: lower the frame rate and lengthen the hop under load, and back again.

Motion has 25 rows a second. As long as there are more frames, fewer of them lose little, so the
rate sinks to that first. Then the hop grows to two and to three times its length, by which motion
costs a half and a third, and everything is later; only then are there fewer frames than rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from openvasa.live.timeline import RELIEF_RATES
from openvasa.rates import FRAME_RATES, MOTION_RATE

WINDOW_S = 1.5
"""Time over which load is judged."""
CALM_S = 8.0
"""Time without a late frame before the next step up is tried."""
BUSY, ROOMY = 0.92, 0.6
"""Share of time at work above which there is a step down, and below which the next step up must
fit."""
LATE_SHARE = 0.08
"""Share of frames left out that a step down is taken for."""
LONGER_HOPS = (2, 3)
"""Hops that come before a rate below that of motion, as many times the usual one."""
HEAVY_SHARE = 0.3
"""Share of frames left out that three steps down are taken for."""


class Pace(NamedTuple):
    """How a portrait runs.

    Attributes:
        fps: frames a second.
        hop: rows of motion made at a time.
    """

    fps: int
    hop: int


class Governor:
    """Chooses a pace, at most the one `wanted`, from what each second cost.

    Args:
        wanted: the user's.
        longest_hop: rows that a hop may have.
    """

    def __init__(self, wanted: Pace, longest_hop: int) -> None:
        rates = [r for r in sorted(RELIEF_RATES + FRAME_RATES) if r <= wanted.fps]
        longer = {min(times * wanted.hop, longest_hop) for times in LONGER_HOPS}
        hops = [wanted.hop, *sorted(hop for hop in longer if hop > wanted.hop)]
        self._hops = hops
        # A rate below that of motion is asked for: there is nothing to come before it.
        turn = min(MOTION_RATE, wanted.fps)
        slow = [Pace(rate, hops[-1]) for rate in rates if rate < turn]
        fast = [Pace(rate, wanted.hop) for rate in rates if rate >= turn]
        self._ladder = [*slow, *(Pace(turn, hop) for hop in reversed(hops[1:])), *fast]
        self._step = len(self._ladder) - 1
        self._calm = 0.0
        self._forget()

    @property
    def pace(self) -> Pace:
        """How to run."""
        return self._ladder[self._step]

    def choose_hop(self, now: int, ready: Callable[[int], bool]) -> int:
        """Rows of the next hop: those of the pace, or fewer until frames can wait for so many.

        Args:
            now: rows that hops have.
            ready: whether frames are given the time already that a hop of so many rows takes.
        """
        longer = [hop for hop in self._hops if now < hop <= self.pace.hop and ready(hop)]
        return max(longer, default=min(now, self.pace.hop))

    def made_motion(self, elapsed_s: float, busy_s: float) -> None:
        """Add a turn of the engine: wall time that passed, and the part of it spent at work.

        Called by the engine's thread, `add_frame` by the painting one.
        """
        self._motion_elapsed += elapsed_s
        self._motion_busy += busy_s

    def add_frame(self, elapsed_s: float, busy_s: float, *, left_out: bool) -> None:
        """Add a frame: the same of the painting, and whether the frame would have been too late."""
        self._elapsed += elapsed_s
        self._busy += busy_s
        self._shown += not left_out
        self._left_out += left_out
        if self._elapsed >= WINDOW_S:
            self._judge()
            self._forget()

    def _judge(self) -> None:
        busy = self._busy / self._elapsed
        motion = self._motion_busy / self._motion_elapsed if self._motion_elapsed else 0.0
        late = self._left_out > LATE_SHARE * (self._shown + self._left_out)
        # Motion costs the same at any rate, but fewer pictures leave it more of a shared core.
        if late or max(busy, motion) > BUSY:
            steps = 1 if self._left_out < HEAVY_SHARE * (self._shown + self._left_out) else 3
            self._step = max(self._step - steps, 0)
            self._calm = 0.0
            return
        self._calm += self._elapsed
        if self._calm >= CALM_S and self._step + 1 < len(self._ladder) and self._fits(busy, motion):
            self._step += 1
            self._calm = 0.0

    def _fits(self, busy: float, motion: float) -> bool:
        """Whether the next step up fits, as far as the present load tells."""
        now, above = self.pace, self._ladder[self._step + 1]
        painting, making = busy * above.fps / now.fps, motion * now.hop / above.hop
        return busy < ROOMY and painting < ROOMY + 0.2 and (making < ROOMY or above.hop == now.hop)

    def _forget(self) -> None:
        self._elapsed = self._busy = 0.0
        self._motion_elapsed = self._motion_busy = 0.0
        self._shown = self._left_out = 0
