"""Which frame rate a machine can keep: lower it under load, raise it when there is room again."""

from __future__ import annotations

from openvasa.live.timeline import RELIEF_RATES
from openvasa.rates import FRAME_RATES

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

    def made_motion(self, elapsed_s: float, busy_s: float) -> None:
        """Add a turn of the engine: wall time that passed, and the part of it spent at work.

        Called by the engine's thread, `painted` by the painting one.
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
        if self._calm >= CALM_S and self._step + 1 < len(self._ladder):
            rise = self._ladder[self._step + 1] / self.fps
            if busy * rise < ROOMY + 0.2 and busy < ROOMY:
                self._step += 1
                self._calm = 0.0

    def _forget(self) -> None:
        self._elapsed = self._busy = 0.0
        self._motion_elapsed = self._motion_busy = 0.0
        self._shown = self._left_out = 0
