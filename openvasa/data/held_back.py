"""People that a training only looks at: by them it sees what its network has learnt of people."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from openvasa.errors import InputError


def held_back_people(groups: Iterable[str], one_in: int) -> frozenset[str]:
    """One of so many people, and one at least; the same of the same people in every run.

    Args:
        groups: of the clips; clips of one group probably show one person.
        one_in: one of so many is held back.

    Raises:
        InputError: there are fewer than two people.
    """
    people = sorted(set(groups), key=lambda group: hashlib.sha256(group.encode()).hexdigest())
    if len(people) < 2:
        raise InputError("training clips of one person only; give clips of two people or more")
    return frozenset(people[: max(1, round(len(people) / one_in))])
