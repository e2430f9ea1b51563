"""Which frame rate a machine can keep: lower it under load, raise it when there is room again."""

from __future__ import annotations

from openvasa.live.timeline import FRAME_RATES, RELIEF_RATES

WINDOW_S = 1.5
"""Time over which load is judged."""
CALM_S = 8.0
"""Time without a late frame before a higher rate is tried."""
BUSY, ROOMY = 0.92, 0.6
"""Share of time at work above which the rate sinks, and below which the next rate must fit."""
LATE_SHARE = 0.08
"""Share of frames left out that the rate sinks for."""
HEAVY_SHARE = 0.3
"""Share of frames left out that the rate sinks by three steps for."""


class Governor:
    """Chooses a frame rate, at most `wanted`, from what each second cost.

    Args:
        wanted: the user's frame rate.
    """

    def __init__(self, wanted: int) -> None:
        self._ladder = [r for r in sorted(RELIEF_RATES + FRAME_RATES) if r <= wanted]
        self._step = len(self._ladder) - 1
        self._calm = 0.0
        self._forget()

    @property
    def fps(self) -> int:
        """The rate to run at."""
        return self._ladder[self._step]

    def observe(self, elapsed_s: float, busy_s: float, shown: int, left_out: int) -> int:
        """Add what happened since the last call; returns the rate to run at.

        Args:
            elapsed_s, busy_s: wall time that passed, and the part of it spent at work.
            shown, left_out: frames painted, and frames that would have been too late.
        """
        self._elapsed += elapsed_s
        self._busy += busy_s
        self._shown += shown
        self._left_out += left_out
        if self._elapsed >= WINDOW_S:
            self._judge()
            self._forget()
        return self.fps

    def _judge(self) -> None:
        busy = self._busy / self._elapsed
        late = self._left_out > LATE_SHARE * (self._shown + self._left_out)
        if late or busy > BUSY:
            steps = 1 if self._left_out < HEAVY_SHARE * (self._shown + self._left_out) else 3
            self._step = max(self._step - steps, 0)
            self._calm = 0.0
            return
        self._calm += self._elapsed
        if self._calm >= CALM_S and self._step + 1 < len(self._ladder):
            rise = self._ladder[self._step + 1] / self.fps
            if busy * rise < ROOMY + 0.2 and busy < ROOMY:
                self._step += 1
                self._calm = 0.0

    def _forget(self) -> None:
        self._elapsed = self._busy = 0.0
        self._shown = self._left_out = 0
