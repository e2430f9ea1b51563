"""Who speaks: how much and how quickly a person moves, drawn from people of the training clips."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

STYLE_NAMES = ("mouth", "rounding", "smile", "head", "head_speed", "brows", "gaze", "blinks")
"""Speaking style: logarithms of the spread of lip gap, rounding, smile and head, of the head's mean
speed, of the spread of brows and gaze, and of the rate of blinks; normalised over all clips."""


@dataclass(frozen=True)
class Speaker:
    """One way of moving.

    Attributes:
        style: (8,) float32 deviations from the mean of the training clips, as `STYLE_NAMES`.
        head: spread of the head's movement, of the average speaker's.
    """

    style: np.ndarray
    head: float


@dataclass(frozen=True)
class Speakers:
    """The people of the training clips.

    Attributes:
        styles: (M, 8) float32, one clip each.
        heads: (M,) float32 spread of the head, of the average speaker's.
        chances: (M,) float32 that sum to 1; every person counts alike, however many clips show one.
    """

    styles: np.ndarray
    heads: np.ndarray
    chances: np.ndarray

    def draw(self, seed: int) -> Speaker:
        """The same speaker for the same seed.

        Seed 0, which everyone begins with, is the most typical one. Others are calm and lively as
        often as people are.
        """
        if seed == 0:
            chosen = self._most_typical()
            return Speaker(self.styles[chosen], float(self.heads[chosen]))
        rng = np.random.default_rng([seed, 0x5EAC])
        chosen = int(rng.choice(len(self.chances), p=self.chances))
        return Speaker(self.styles[chosen], float(self.heads[chosen]))

    def _most_typical(self) -> int:
        """The speaker nearest to the mean of all."""
        traits = np.column_stack([self.styles, np.log(self.heads)])
        middle = self.chances @ traits
        spread = np.sqrt(self.chances @ (traits - middle) ** 2)
        return int(np.argmin((((traits - middle) / spread) ** 2).sum(axis=1)))


def count_people_alike(groups: list[str]) -> np.ndarray:
    """(M,) float64 chances of clips whose `groups` say who is shown."""
    names, place, counts = np.unique(np.array(groups), return_inverse=True, return_counts=True)
    return 1 / (counts[place] * len(names))
