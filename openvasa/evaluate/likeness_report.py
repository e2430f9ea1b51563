"""The report of `openvasa evaluate likeness`: a table, JSON, and a page with traces over time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from openvasa.evaluate.first_blinks import Beginning, find_first_blinks
from openvasa.evaluate.likeness import LIVE, REAL, REDRAWN, WHOLE, Judged, Verdict, Way
from openvasa.evaluate.likeness_chance import RealClips
from openvasa.evaluate.likeness_clips import NEUTRAL, PEOPLE
from openvasa.evaluate.likeness_figures import (
    JUDGED,
    Figures,
    Traces,
    likeness,
    likeness_parts,
    mean_figures,
)
from openvasa.evaluate.page import Table, page, paragraph, write_page
from openvasa.evaluate.plots import Series, lines
from openvasa.rates import MOTION_RATE

TITLES = {
    "yaw": "yaw °",
    "pitch": "pitch °",
    "roll": "roll °",
    "pose_change": "ΔP °",
    "blinks": "blinks/min",
    "aperture": "lip aperture %",
    "width": "lip width %",
    "pucker": "pucker",
    "funnel": "funnel",
    "smile": "smile",
    "press": "press",
    "brow_up": "browInnerUp",
    "brow_down": "browDown",
    "squint": "eyeSquint",
    "gaze": "gaze °",
    "aperture_r": "aperture r",
    "width_r": "width r",
    "confidence": "S_C",
}
AGREEMENTS = ("aperture_r", "width_r", "confidence")
NOTE = (
    "Spreads are standard deviations within a clip, mean over clips by length; in brackets times "
    "real; ± is the deviation over seeds. Likeness is the mean of max(0, 1 − |made − real| / real) "
    "over yaw, pitch, roll, ΔP, blinks, lip aperture and width, pucker, smile and browInnerUp. It "
    "asks how much, not when: that is for r and S_C. First blinks are of the first seed, and of "
    "clips that last so long."
)
SHOWN_CLIPS = 8
TRACES: dict[str, tuple[Callable[[Traces], np.ndarray], str]] = {
    "yaw": (lambda t: t.angles[:, 0], "degrees"),
    "pitch": (lambda t: t.angles[:, 1], "degrees"),
    "roll": (lambda t: t.angles[:, 2], "degrees"),
    "lids": (lambda t: t.lids, "opening, 1 is usual"),
    "brows": (lambda t: t.shapes["brow_up"], "browInnerUp"),
    "lip aperture": (lambda t: t.aperture, "% of the eye corners' distance"),
}


@dataclass(frozen=True)
class Summary:
    """One way over all clips.

    Attributes:
        rounds: by figure (`TITLES`), its mean over clips for every seed.
        likeness: for every seed.
        over_clips: deviation of a seed's likeness over which clips are judged, mean over seeds.
        parts: likeness of each judged figure, mean over seeds.
    """

    rounds: dict[str, np.ndarray]
    likeness: np.ndarray
    over_clips: float
    parts: dict[str, float]

    def mean(self, name: str) -> float:
        """Mean of a figure over seeds."""
        return float(self.rounds[name].mean())


def summarise(judged: Judged) -> dict[str, Summary]:
    """A summary of every way, by name."""
    clips = _real_clips(judged)
    return {name: _summary(way, clips) for name, way in judged.ways.items()}


def _real_clips(judged: Judged) -> RealClips:
    verdicts = judged.ways[REAL].rounds[0]
    return RealClips([v.figures for v in verdicts], [v.frames for v in verdicts])


def _figures_of(verdicts: list[Verdict]) -> Figures:
    return mean_figures([v.figures for v in verdicts], [v.frames for v in verdicts])


def _summary(way: Way, clips: RealClips) -> Summary:
    real = mean_figures(clips.figures, clips.frames)
    means = [_figures_of(verdicts) for verdicts in way.rounds]
    rounds = {f.name: np.array([getattr(m, f.name) for m in means]) for f in fields(Figures)}
    for name in AGREEMENTS:
        rounds[name] = np.array(
            [
                np.average(
                    [getattr(v, name) for v in verdicts], weights=[v.frames for v in verdicts]
                )
                for verdicts in way.rounds
            ]
        )
    parts = [likeness_parts(mean, real) for mean in means]
    return Summary(
        rounds,
        np.array([likeness(mean, real) for mean in means]),
        float(np.mean([clips.scatter_of([v.figures for v in round_]) for round_ in way.rounds])),
        {name: float(np.mean([p[name] for p in parts])) for name in JUDGED},
    )


def _first_blinks(judged: Judged) -> dict[str, list[Beginning]]:
    return find_first_blinks({name: way.traces for name, way in judged.ways.items()})


def likeness_table(judged: Judged) -> Table:
    """A row for each figure, a column for each way."""
    found = summarise(judged)
    rows = [
        ("likeness", *(_cell(s.likeness, None) for s in found.values())),
        ("its deviation over clips", *(f"{s.over_clips:.2g}" for s in found.values())),
    ]
    for name, title in TITLES.items():
        wanted = None if name.endswith("_r") else found[REAL].mean(name)
        cells = (_cell(s.rounds[name], None if way == REAL else wanted) for way, s in found.items())
        rows.append((title, *cells))
    beginnings = zip(*_first_blinks(judged).values(), strict=True)
    rows += [(ways[0].title, *(beginning.text for beginning in ways)) for ways in beginnings]
    return Table(("", *found), tuple(rows))


def _cell(values: np.ndarray, real: float | None) -> str:
    text = f"{values.mean():.3g}"
    if len(values) > 1:
        text += f" ± {values.std(ddof=1):.1g}"
    if real is not None:
        text += f" ({values.mean() / real:.2f} ×)" if real else " (–)"
    return text


def _scope(judged: Judged) -> str:
    seconds = sum(v.frames for v in judged.ways[REAL].rounds[0]) / MOTION_RATE
    how = "rendered and tracked" if judged.pixels else "rows alone, nothing rendered"
    scope = f"{len(judged.clips)} clips of {PEOPLE[judged.split]}, {seconds:.0f} s, {how}"
    others = _real_clips(judged).of_other_clips()
    if others is None:
        return scope
    return (
        f"{scope}. As many other clips of people like them have a likeness of {others.mean:.2f} "
        f"± {others.deviation:.2f}"
    )


def likeness_report(judged: Judged) -> str:
    """All figures in Markdown."""
    left_out = [f"Left out: {line}." for line in judged.left_out]
    return "\n".join(
        [_scope(judged) + ".", "", likeness_table(judged).markdown(), "", NOTE, *left_out]
    )


def likeness_json(judged: Judged) -> dict[str, object]:
    """All figures as plain numbers: by way, each figure's mean, deviation over seeds and ratio."""
    found, first_blinks = summarise(judged), _first_blinks(judged)
    real = found[REAL]
    ways = {}
    for way, summary in found.items():
        ways[way] = {
            "likeness": [float(v) for v in summary.likeness],
            "over_clips": summary.over_clips,
            "parts": summary.parts,
            "first_blinks": [vars(found) for found in first_blinks[way]],
            "figures": {
                name: {
                    "seeds": [float(v) for v in values],
                    "mean": float(values.mean()),
                    "times_real": float(values.mean() / real.mean(name))
                    if real.mean(name)
                    else None,
                }
                for name, values in summary.rounds.items()
            },
        }
    frames = [v.frames for v in judged.ways[REAL].rounds[0]]
    clips = dict(zip(judged.clips, frames, strict=True))
    others = _real_clips(judged).of_other_clips()
    return {
        "pixels": judged.pixels,
        "frames": clips,
        "other_clips": vars(others) if others else None,
        "ways": ways,
        "left_out": judged.left_out,
    }


def write_likeness_page(judged: Judged, path: Path) -> None:
    """Write the table and traces over time as one self-contained HTML file."""
    shown = _shown_ways(judged)
    parts = [
        paragraph(_scope(judged) + ". " + NOTE),
        likeness_table(judged).html(),
        *(paragraph(f"Left out: {line}.") for line in judged.left_out),
        "<h2>Over time, first seed</h2>",
        *(
            _clip_plots(judged, shown, index)
            for index in range(min(len(judged.clips), SHOWN_CLIPS))
        ),
    ]
    write_page(path, page("Motion beside people's", parts))


def _shown_ways(judged: Judged) -> dict[str, int]:
    """Way → colour: real, whole-file, and live or else redrawn; from a neutral portrait."""
    suffix = f", {NEUTRAL}" if judged.pixels else ""
    others = [n for n in judged.ways if n not in (REAL, REDRAWN) and n.endswith(suffix)]
    shown = [REAL, *sorted(others, key=(WHOLE + suffix, LIVE + suffix).__contains__)[-2:]]
    if len(shown) < 3 and REDRAWN in judged.ways:
        shown.append(REDRAWN)
    return {name: colour for colour, name in enumerate(shown)}


def _clip_plots(judged: Judged, shown: dict[str, int], index: int) -> str:
    plots = []
    for title, (read, unit) in TRACES.items():
        series = [
            Series(name, colour, np.arange(len(values)) / MOTION_RATE, values)
            for name, colour in shown.items()
            for values in [read(judged.ways[name].traces[index])]
        ]
        plots.append(lines(f"{judged.clips[index]}: {title}", series, "seconds", unit, height=200))
    return f"<div class='plots'>{''.join(plots)}</div>"
