"""The report of `openvasa evaluate portraits`: tables, and the same as plain numbers."""

from __future__ import annotations

import math

from openvasa.data.portrait_kinds import KINDS, NEUTRAL
from openvasa.evaluate.page import Table
from openvasa.evaluate.portraits import FIGURES, OFFSETS, Comparison, Judged, compare

TITLES = {
    "aperture": "lip aperture ×",
    "width": "lip width ×",
    "pucker": "pucker ×",
    "funnel": "funnel ×",
    "smile": "smile ×",
    "closed": "closed lips ×",
    "blinks": "blinks ×",
    "confidence": "S_C ×",
    "mean_aperture": "mean aperture, off by %",
    "mean_width": "mean width, off by %",
    "mean_smile": "mean smile, off by",
    "aperture_r": "aperture r",
}
NOTE = (
    "Beside the neutral portraits of the same people, which make the same motion: spreads, the "
    "share of frames with closed lips, blinks and S_C times theirs; means off from theirs; "
    "correlation of the aperture with theirs. ± is the standard error over clips."
)


def portraits_report(judged: Judged) -> str:
    """All kinds in Markdown."""
    found = _comparisons(judged)
    head = ("", *(f"{kind} ({len(judged.pairs[kind])})" for kind in found))
    rows = [
        (TITLES[name], *(_cell(name, comparison) for comparison in found.values()))
        for name in FIGURES
    ]
    left_out = [f"Left out: {line}." for line in judged.left_out]
    return "\n".join([Table(head, tuple(rows)).markdown(), "", NOTE, *left_out])


def portraits_json(judged: Judged) -> dict[str, object]:
    """All kinds as plain numbers, null where there is none; every clip's figures with them."""
    return {
        "kinds": {kind: _plain(found) for kind, found in _comparisons(judged).items()},
        "clips": {
            kind: [[vars(seen) for seen in pair] for pair in pairs]
            for kind, pairs in judged.pairs.items()
        },
        "left_out": judged.left_out,
    }


def _plain(comparison: Comparison) -> dict[str, object]:
    parts = {"values": comparison.values, "errors": comparison.errors}
    told = {
        part: {name: value if math.isfinite(value) else None for name, value in numbers.items()}
        for part, numbers in parts.items()
    }
    return {"clips": comparison.clips, **told}


def _comparisons(judged: Judged) -> dict[str, Comparison]:
    kinds = [kind for kind in KINDS if kind in judged.pairs and kind != NEUTRAL]
    return {kind: compare(judged.pairs[kind]) for kind in kinds}


def _cell(name: str, comparison: Comparison) -> str:
    sign = "+" if name in OFFSETS else ""
    digits = 1 if name in ("mean_aperture", "mean_width") else 2
    value, error = comparison.values[name], comparison.errors[name]
    return f"{value:{sign}.{digits}f} ± {error:.{digits}f}"
