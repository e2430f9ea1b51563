"""Small behaviours that speech does not explain."""

from __future__ import annotations

import numpy as np

NOD_S = 0.7
NOD_RAD = 0.045
FIRST_NOD_S, LONGEST_PAUSE_S = 1.2, 5.0


class ListeningNods:
    """A nod now and then while listening; one that has begun is always finished."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self._due: float | None = None
        self._began = -NOD_S
        self._size = 0.0

    def pitch(self, time_s: float, listening: bool) -> float:
        """Downward turn of the head, rad; call with times that never go back."""
        if not listening:
            self._due = None
        elif self._due is None:
            self._due = time_s + FIRST_NOD_S * self._rng.uniform(0.6, 1.4)
        elif time_s >= self._due:
            self._began = time_s
            self._size = NOD_RAD * self._rng.uniform(0.5, 1.0)
            self._due = time_s + NOD_S + LONGEST_PAUSE_S * self._rng.uniform(0.3, 1.0)
        share = (time_s - self._began) / NOD_S
        if not 0 <= share < 1:
            return 0.0
        # Down, back up past rest by a little, and to rest.
        return self._size * float(np.sin(np.pi * share) ** 2 * np.cos(0.6 * np.pi * share))
