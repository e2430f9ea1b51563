"""Who speaks: how much and how quickly a person moves, drawn from people of the training clips."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

STYLE_NAMES = ("mouth", "rounding", "smile", "head", "head_speed", "brows", "gaze", "blinks")
"""Speaking style: logarithms of the spread of lip gap, rounding, smile and head, of the head's mean
speed, of the spread of brows and gaze, and of the rate of blinks; normalised over all clips."""

LARGEST_STYLE = 3.0
"""Deviations that a style is cut to."""
RARE = 0.01
"""Share of people at either end of a style whose amounts are too rare to have been learnt."""


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
        average_style: (8,) float32 of one who moves as far as people do on average.
    """

    styles: np.ndarray
    heads: np.ndarray
    chances: np.ndarray
    average_style: np.ndarray

    def draw(self, seed: int) -> Speaker:
        """The same speaker for the same seed.

        Seed 0, which everyone begins with, moves as far as people do on average. Others are calm
        and lively as often as people are.
        """
        if seed == 0:
            return Speaker(self.average_style, float(self.chances @ self.heads))
        rng = np.random.default_rng([seed, 0x5EAC])
        chosen = int(rng.choice(len(self.chances), p=self.chances))
        return Speaker(self.styles[chosen], float(self.heads[chosen]))

    def learnt_range(self) -> tuple[np.ndarray, np.ndarray]:
        """(8,) lowest and highest of each number of a style that a network has seen enough of."""
        order = self.styles.argsort(axis=0)
        below = self.chances[order].cumsum(axis=0)
        ends = [(below < share).sum(axis=0) for share in (RARE, 1 - RARE)]
        low, high = np.minimum(ends, len(self.styles) - 1)
        numbers = np.arange(self.styles.shape[1])
        return self.styles[order[low, numbers], numbers], self.styles[order[high, numbers], numbers]


def average_amounts(styles: np.ndarray, deviation: np.ndarray, chances: np.ndarray) -> np.ndarray:
    """The style whose amounts are the people's mean amounts.

    Styles are logarithms, and few people move very much: the mean of the logarithms stands for one
    who moves less than people do on average, and blinks three fifths as often.

    Args:
        styles: (M, 8) normalised logarithms.
        deviation: (8,) of the logarithms, before they were normalised.
        chances: (M,) that sum to 1.

    Returns:
        (8,) float32.
    """
    return (np.log(chances @ np.exp(styles * deviation)) / deviation).astype(np.float32)


@dataclass(frozen=True)
class StyleResponse:
    """What to ask the network for, number by number: `shift` + `gain` · the style to be shown.

    What is shown is what was asked, in part, and chance (`train.style_response`). Nothing is asked
    for that is rarer than people: past what it has learnt, a network overdoes a style, and eyes or
    head may run away.

    Attributes:
        gain, shift: (8,) float32 in the order of `STYLE_NAMES`.
    """

    gain: np.ndarray
    shift: np.ndarray

    @staticmethod
    def none() -> StyleResponse:
        """Asks for styles as they are, as far as people show them."""
        return StyleResponse(np.ones(len(STYLE_NAMES)), np.zeros(len(STYLE_NAMES)))

    def ask_for(self, style: np.ndarray, people: Speakers) -> np.ndarray:
        """(8,) style to be shown → (8,) float32 to ask a network for that learnt from people."""
        return np.clip(self.shift + self.gain * style, *people.learnt_range()).astype(np.float32)

    @property
    def text(self) -> str:
        """A line for every number of a style."""
        rows = zip(STYLE_NAMES, self.gain, self.shift, strict=True)
        return "\n".join(f"{name}: ask for {b:+.2f} {a:+.2f} · shown" for name, a, b in rows)


def count_people_alike(groups: list[str]) -> np.ndarray:
    """(M,) float64 chances of clips whose `groups` say who is shown."""
    names, place, counts = np.unique(np.array(groups), return_inverse=True, return_counts=True)
    return 1 / (counts[place] * len(names))
