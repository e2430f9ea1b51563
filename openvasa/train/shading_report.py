"""What came of a fit of the numbers of light and colour: as a table and as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from openvasa.train.shading_search import CLEAR, Change


@dataclass(frozen=True)
class Worth:
    """What fitted values are worth: how errors change when nothing else does.

    Attributes:
        name: of the number, or of the layer for all its numbers together.
        present, fitted: its values; None for a layer.
        learnt, held_back: the change over the people of either kind.
    """

    name: str
    present: float | None
    fitted: float | None
    learnt: Change
    held_back: Change


@dataclass(frozen=True)
class Outcome:
    """What came of a fit.

    Attributes:
        worths: of each number with a new value, the others as fitted, and of whole layers.
        kept: names of numbers that are best as they are.
        undecided: names of numbers of which people do not tell which way is better.
        unseen: names of numbers that the frames do not show.
        learnt, held_back: numbers of people.
    """

    worths: list[Worth]
    kept: list[str]
    undecided: list[str]
    unseen: list[str]
    learnt: int
    held_back: int


def table(outcome: Outcome) -> str:
    """An outcome as Markdown; ± is one standard error over people of the change."""
    lines = [
        f"{outcome.learnt} people learnt from, {outcome.held_back} held back; grey levels. "
        f"Clear: held-back error falls by more than {CLEAR:g} standard errors.",
        "",
        "| number | present | fitted | learnt | change | held back | change | clear |",
        "|---|---|---|---|---|---|---|---|",
        *(_row(worth) for worth in outcome.worths),
    ]
    for title, names in (
        ("Best as they are", outcome.kept),
        ("Left alone, change within its scatter", outcome.undecided),
        ("Left alone, not seen in these frames", outcome.unseen),
    ):
        if names:
            lines += ["", f"{title}: {', '.join(names)}"]
    return "\n".join(lines)


def _row(worth: Worth) -> str:
    values = ["" if value is None else f"{value:.4g}" for value in (worth.present, worth.fitted)]
    changes = [
        text
        for change in (worth.learnt, worth.held_back)
        for text in (
            f"{change.before:.3f} → {change.after:.3f}",
            f"{change.mean:+.3f} ± {change.scatter:.3f}",
        )
    ]
    clear = "yes" if worth.held_back.better else "no"
    return f"| {' | '.join([worth.name, *values, *changes, clear])} |"


def as_json(outcome: Outcome) -> dict[str, Any]:
    """An outcome as JSON can hold it."""
    return {
        "people": {"learnt": outcome.learnt, "held back": outcome.held_back},
        "fitted": {worth.name: _worth_as_json(worth) for worth in outcome.worths},
        "best as they are": outcome.kept,
        "within scatter": outcome.undecided,
        "not seen": outcome.unseen,
    }


def _worth_as_json(worth: Worth) -> dict[str, Any]:
    return {
        "present": worth.present,
        "fitted": worth.fitted,
        "learnt": worth.learnt._asdict(),
        "held back": worth.held_back._asdict(),
        "clear": worth.held_back.better,
    }
