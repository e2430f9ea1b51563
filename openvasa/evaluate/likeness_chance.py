"""How much of a likeness is chance: which clips are judged, and which people they show.

Both are found by drawing clips anew with replacement (the bootstrap: Efron & Tibshirani, An
Introduction to the Bootstrap, 1993).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from openvasa.evaluate.likeness_figures import JUDGED, Figures

DRAWS = 1000
FEWEST = 10
"""Clips below which drawing them anew says too little: they are taken for all people there are."""


@dataclass(frozen=True)
class Chance:
    """What likeness comes to over draws of clips, mean and standard deviation."""

    mean: float
    deviation: float


@dataclass(frozen=True)
class RealClips:
    """The judged figures of N real clips.

    Attributes:
        figures: of each.
        frames: by which each counts.
    """

    figures: Sequence[Figures]
    frames: Sequence[int]

    def scatter_of(self, made: Sequence[Figures]) -> float:
        """Deviation of the likeness of the N clips made, if other clips had been judged."""
        counts = self._draw(np.random.default_rng(0))
        return float(_likenesses(self._means(counts, made), self._means(counts)).std())

    def of_other_clips(self) -> Chance | None:
        """Likeness of N real clips like these beside N others: what a generator that moves as
        people do, not knowing who is shown, can reach. None below `FEWEST` clips.

        Clips are taken as independent, those of one person too.
        """
        if len(self.frames) < FEWEST:
            return None
        rng = np.random.default_rng(0)
        found = _likenesses(self._means(self._draw(rng)), self._means(self._draw(rng)))
        return Chance(float(found.mean()), float(found.std()))

    def _draw(self, rng: np.random.Generator) -> np.ndarray:
        """(DRAWS, N) how often each clip is drawn."""
        count = len(self.frames)
        return rng.multinomial(count, np.full(count, 1 / count), DRAWS)

    def _means(self, counts: np.ndarray, made: Sequence[Figures] | None = None) -> np.ndarray:
        """(DRAWS, 10) judged figures of the clips drawn, by length."""
        values = [[getattr(one, name) for name in JUDGED] for one in made or self.figures]
        weights = counts * np.asarray(self.frames)
        return weights @ np.array(values) / weights.sum(axis=1, keepdims=True)


def _likenesses(made: np.ndarray, real: np.ndarray) -> np.ndarray:
    """(DRAWS,) as `likeness_figures.likeness`."""
    return np.maximum(0, 1 - np.abs(made - real) / np.maximum(real, 1e-9)).mean(axis=1)
