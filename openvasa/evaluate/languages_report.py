"""The report of `openvasa evaluate languages`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from openvasa.evaluate.language_texts import ENGLISH
from openvasa.evaluate.languages import ClipFigures, LanguageFigures, Mean
from openvasa.evaluate.page import Table

_VOICES = ("language", "voices", "S_C", "× English", "S_C live", "× English")
_VOICES += ("sounds alone", "× English", "ours over the sounds alone, × English")
_LIPS = ("language", "p, b, m closed %", "× English", "open vowels closed %", "rounding mm")
_CLIPS = ("language", "people", "clips", "S_C real", "S_C ours", "ours / real")


def languages_report(
    spoken: Sequence[LanguageFigures], clips: Sequence[ClipFigures], left_out: Sequence[str]
) -> str:
    """All figures in Markdown."""
    parts = [
        "S_C with standard errors over sentences; × English by voices of the same kind. Sounds "
        "alone: what the expert makes of lips that follow the sounds by one rule.",
        "",
        voices_table(spoken).markdown(),
    ]
    if any(row.lips for row in spoken):
        parts += ["", "What phonetics asks of the same lips:", "", lips_table(spoken).markdown()]
    if clips:
        parts += ["", "Real clips whose language is stated:", "", clips_table(clips).markdown()]
    return "\n".join([*parts, "", *(f"Left out: {line}." for line in left_out)])


def languages_json(
    spoken: Sequence[LanguageFigures], clips: Sequence[ClipFigures], left_out: Sequence[str]
) -> dict[str, Any]:
    """All figures for a JSON file, which knows no nan."""
    return {
        "spoken": [_without_nan(asdict(row)) for row in spoken],
        "clips": [_without_nan(asdict(row)) for row in clips],
        "left_out": list(left_out),
    }


def _without_nan(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nan(part) for key, part in value.items()}
    return None if isinstance(value, float) and math.isnan(value) else value


def voices_table(spoken: Sequence[LanguageFigures]) -> Table:
    """S_C by language and kind of voices."""
    rows = []
    for row in spoken:
        english = _english(spoken, row)
        rows.append(
            (
                row.language,
                f"{row.voices} {row.kind.value}",
                _text(row.confidence),
                _share(row.confidence, english and english.confidence),
                _text(row.live),
                _share(row.live, english and english.live),
                _text(row.phonetic),
                _share(row.phonetic, english and english.phonetic),
                _share(_over_sounds(row), english and _over_sounds(english)),
            )
        )
    return Table(_VOICES, tuple(rows))


def lips_table(spoken: Sequence[LanguageFigures]) -> Table:
    """What phonetics says of each language's lips."""
    rows = []
    for row in spoken:
        if row.lips is None:
            continue
        english = _english(spoken, row)
        assert english is not None
        assert english.lips is not None
        rows.append(
            (
                row.language,
                f"{100 * row.lips.bilabials:.0f} of {row.lips.count}",
                f"{row.lips.bilabials / english.lips.bilabials:.2f}",
                f"{100 * row.lips.open_vowels:.0f}",
                f"{row.lips.rounding:.2f}",
                f"{row.lips.rounding / english.lips.rounding:.2f}",
                f"{100 * row.lips.told_apart:.0f}",
            )
        )
    return Table((*_LIPS, "× English", "rounded narrower than spread %"), tuple(rows))


def clips_table(clips: Sequence[ClipFigures]) -> Table:
    """S_C of real and made motion."""
    people = {"test": "held out", "train": "learnt from"}
    rows = [
        (
            row.language,
            people[row.split.value],
            f"{row.clips} ({row.seconds:.0f} s)",
            _text(row.real),
            _text(row.ours),
            _text(row.ratio),
        )
        for row in clips
    ]
    return Table(_CLIPS, tuple(rows))


def _english(spoken: Sequence[LanguageFigures], row: LanguageFigures) -> LanguageFigures | None:
    """English by the same kind of voices."""
    same = [r for r in spoken if r.language == ENGLISH and r.kind == row.kind]
    return same[0] if same else None


def _over_sounds(row: LanguageFigures) -> Mean | None:
    """S_C over that of the sounds alone: what is left when the expert's distrust is taken out."""
    if row.phonetic is None:
        return None
    return Mean(row.confidence.value / row.phonetic.value, float("nan"))


def _text(mean: Mean | None) -> str:
    if mean is None:
        return "–"
    return f"{mean.value:.2f}" + (f" ± {mean.error:.2f}" if mean.error == mean.error else "")


def _share(mean: Mean | None, english: Mean | None) -> str:
    return f"{mean.value / english.value:.2f}" if mean and english else "–"
