"""How a session goes, from its last frames: rate, latency, what was left out, loudness."""

from __future__ import annotations

from collections import deque

import numpy as np

from openvasa.live.player import Shown

RECENT = 400
"""Frames over which the figures shown to users are taken."""


class Figures:
    """Figures of one session; `add` every frame."""

    def __init__(self) -> None:
        self._latencies: deque[float] = deque(maxlen=RECENT)
        self._left_out: deque[bool] = deque(maxlen=RECENT)
        self._shown_at: deque[float] = deque(maxlen=60)
        self._loudness = 0.0

    def add(self, shown: Shown) -> None:
        """Count a frame."""
        self._loudness = float(np.sqrt(np.mean(shown.frame.sound**2)))
        self._left_out.append(shown.picture is None)
        if shown.picture is not None:
            self._latencies.append(shown.ready_at - shown.sounded_at)
            self._shown_at.append(shown.ready_at)

    def report(self) -> dict[str, object]:
        """Every figure by its name."""
        latency = np.array(self._latencies or [0.0])
        shown = self._shown_at
        rate = (len(shown) - 1) / (shown[-1] - shown[0]) if len(shown) > 1 else 0.0
        return {
            "loudness": round(self._loudness, 3),
            "fps": round(rate, 1),
            "latency_ms": round(1000 * float(np.median(latency))),
            "latency_p95_ms": round(1000 * float(np.percentile(latency, 95))),
            "left_out_share": round(sum(self._left_out) / max(1, len(self._left_out)), 4),
        }
