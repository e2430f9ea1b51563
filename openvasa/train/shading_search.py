"""Search for numbers by which an error over people is least, one number at a time.

Compass search (Kolda, Lewis and Torczon, "Optimization by direct search", SIAM Review 45, 2003):
each number is tried one step up and one step down; the better one is kept if it is better, and
otherwise the step is halved. "Better" is judged over people: the mean change of their errors has to
exceed its scatter. No chance is involved.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

FIRST_STEP = 1.25
"""Ratio by which a number is first changed."""

CLEAR = 2.0
"""Standard errors over people by which a change of the error has to differ from none."""

LEAST_SEEN = 0.01
"""Grey levels that the error of one person has to change by for a change to be seen."""

Errors = Callable[[Mapping[str, float]], np.ndarray]
"""Numbers by name that differ from the present ones → (P,) error of each person."""


@dataclass(frozen=True)
class Number:
    """One number to fit.

    Attributes:
        name: as in `Shading`.
        present: its value; not 0.
        low, high: bounds of what is tried.
    """

    name: str
    present: float
    low: float
    high: float


class Change(NamedTuple):
    """How errors of people change, grey levels.

    Attributes:
        before, after: mean errors.
        mean: of the change.
        scatter: standard error of that mean over people.
        most: largest change of one person's error, either way.
    """

    before: float
    after: float
    mean: float
    scatter: float
    most: float

    @property
    def better(self) -> bool:
        """The error falls by more than its scatter."""
        return self.mean < -CLEAR * self.scatter

    @property
    def decided(self) -> bool:
        """The error changes by more than its scatter, for better or worse."""
        return abs(self.mean) > CLEAR * self.scatter

    @property
    def seen(self) -> bool:
        """It changes for anyone."""
        return self.most >= LEAST_SEEN


def compare(before: np.ndarray, after: np.ndarray) -> Change:
    """The change between two (P,) errors of the same people; P is 2 or more."""
    change = after - before
    scatter = float(change.std(ddof=1) / np.sqrt(len(change)))
    means = float(before.mean()), float(after.mean()), float(change.mean())
    return Change(*means, scatter, float(np.abs(change).max()))


@dataclass
class Found:
    """What a search has found.

    Attributes:
        values: numbers by name that differ from the present ones.
        unseen: names of numbers that change nobody's error.
        undecided: names of numbers that change it, but within its scatter over people.
    """

    values: dict[str, float] = field(default_factory=dict)
    unseen: list[str] = field(default_factory=list)
    undecided: list[str] = field(default_factory=list)


def search(
    errors: Errors,
    numbers: Sequence[Number],
    steps: int,
    allowed: Callable[[Mapping[str, float]], bool] = lambda _: True,
    watch: Callable[[Iterable[Number]], Iterable[Number]] = iter,
) -> Found:
    """Fit numbers in so many rounds through them.

    A number about which the first round decides nothing is left as it is.

    Args:
        errors: measures people.
        numbers: what to fit, in this order.
        steps: rounds.
        allowed: says of changed numbers whether they make sense together.
        watch: wraps the numbers of a round, for a progress bar.
    """
    found = Found()
    ratios = {number.name: FIRST_STEP for number in numbers}
    best, left = errors(found.values), set[str]()
    for step in range(steps):
        for number in watch(numbers):
            if number.name in left:
                continue
            trials = [
                (values, errors(values))
                for values in _neighbours(number, found.values, ratios[number.name])
                if allowed(values)
            ]
            changes = [compare(best, tried) for _, tried in trials]
            if step == 0 and changes and not any(change.decided for change in changes):
                seen = any(change.seen for change in changes)
                (found.undecided if seen else found.unseen).append(number.name)
                left.add(number.name)
                continue
            least = min(range(len(trials)), key=lambda i: changes[i].mean, default=None)
            if least is not None and changes[least].better:
                found.values, best = trials[least]
            else:
                ratios[number.name] **= 0.5
    return found


def _neighbours(
    number: Number, values: Mapping[str, float], ratio: float
) -> list[dict[str, float]]:
    """The same numbers with one a step down and a step up, within its bounds."""
    now = values.get(number.name, number.present)
    tried = (float(np.clip(v, number.low, number.high)) for v in (now / ratio, now * ratio))
    # Four digits say all that a fit can know, and read well in the source.
    rounded = (float(f"{value:.4g}") for value in tried)
    return [{**values, number.name: value} for value in rounded if value != now]
