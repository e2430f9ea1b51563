"""The report of `openvasa evaluate portraits`: tables, and the same as plain numbers."""

from __future__ import annotations

from openvasa.data.portrait_kinds import KINDS, NEUTRAL
from openvasa.evaluate.lip_amplitude import ALIKE, Amplitude, amplitude_shares
from openvasa.evaluate.page import Table
from openvasa.evaluate.portraits import FIGURES, OFFSETS, RATIOS, Comparison, Judged, compare

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
    "correlation of the aperture with theirs. ± is the standard error over people."
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
    """All kinds as plain numbers; every person's figures with them."""
    return {
        "kinds": {kind: vars(comparison) for kind, comparison in _comparisons(judged).items()},
        "people": {
            kind: [[vars(seen) for seen in pair] for pair in pairs]
            for kind, pairs in judged.pairs.items()
        },
        "left_out": judged.left_out,
    }


def _comparisons(judged: Judged) -> dict[str, Comparison]:
    kinds = [kind for kind in KINDS if kind in judged.pairs and kind != NEUTRAL]
    return {kind: compare(judged.pairs[kind]) for kind in kinds}


def _cell(name: str, comparison: Comparison) -> str:
    sign = "+" if name in OFFSETS else ""
    digits = 1 if name in ("mean_aperture", "mean_width") else 2
    assert name in RATIOS or name in OFFSETS or name == "aperture_r"
    value, error = comparison.values[name], comparison.errors[name]
    return f"{value:{sign}.{digits}f} ± {error:.{digits}f}"


def amplitude_report(found: list[Amplitude]) -> str:
    """Lip amplitude of a folder's portraits over their median, in Markdown."""
    shares = amplitude_shares(found)
    rows = [
        (one.name, f"{one.aperture:.2f}", f"{share:.2f}", "" if abs(share - 1) <= ALIKE else "no")
        for one, share in zip(found, shares, strict=True)
    ]
    table = Table(("portrait", "lip aperture %", "× median", f"within {ALIKE:.0%}"), tuple(rows))
    alike = sum(not row[-1] for row in rows)
    return f"{table.markdown()}\n\n{alike} of {len(rows)} portraits are within {ALIKE:.0%}."
