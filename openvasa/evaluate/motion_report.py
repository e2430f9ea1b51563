"""The report of `openvasa evaluate motion`: tables for the terminal and a page with plots."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from openvasa.data.experts import SHIFTS
from openvasa.evaluate.motion import LIVE, REAL, SEEDS, WHOLE, Figures
from openvasa.evaluate.motion_metrics import aperture, blink_intervals, correlation
from openvasa.evaluate.page import Table, page, paragraph, write_page
from openvasa.evaluate.plots import Series, bars, histogram, lines, scatter
from openvasa.face.dynamics import dynamics_code
from openvasa.rates import MOTION_RATE

TITLES = {
    "confidence": "S_C",
    "distance": "S_D",
    "in_sync": "in sync %",
    "capp": "CAPP",
    "aperture": "aperture r",
    "velocity": "lip velocity r",
    "lip_speed": "lip speed × real",
    "pose_change": "ΔP °",
    "blinks": "blinks/min",
    "blink_ms": "blink ms",
    "brows": "brows",
    "gaze": "gaze °",
}
JOIN_TITLES = {
    "lip_velocity": "lip speed",
    "lip_acceleration": "lip acceleration",
    "head_velocity": "head speed",
    "head_acceleration": "head acceleration",
}
COLOURS = {REAL: 0, WHOLE: 1, LIVE: 2}
SHOWN_SECONDS = 8
BLINK_EDGES = np.arange(0.0, 12.5, 1.0)
NOTES = {
    "motion": "S_C, S_D and CAPP are by experts trained in this project: compare them with the "
    "real clips' only. Aperture and velocity are correlations with the real clip's lips; a talking "
    "face has more than one right answer, so a regression towards the mean scores well on them.",
    "joins": "Mean at the joins of windows over mean inside them: 1 where nobody could tell, more "
    "where they jolt. Real motion has no joins; its row says what chance does.",
    "voices": "Made-up and recorded voices unlike those of the clips. Offsets near 0 are in sync; "
    "the largest code is in deviations of the training clips.",
}


def main_table(figures: Figures) -> Table:
    """A row for each way of making motion."""
    rows = tuple(
        (name, *(_figure(getattr(made.row, key)) for key in TITLES))
        for name, made in figures.made.items()
    )
    return Table(("motion", *TITLES.values()), rows)


def joins_table(figures: Figures) -> Table:
    """A row for whole files and live streams each, and for real motion at the same places."""
    rows = tuple(
        (
            name,
            f"{every} frames",
            *(_figure(getattr(found, key)) for key in JOIN_TITLES),
            str(found.count),
        )
        for (name, every), found in figures.joins.items()
    )
    return Table(("joins of", "every", *JOIN_TITLES.values(), "joins"), rows)


def voices_table(figures: Figures) -> Table:
    """A row for each unfamiliar voice."""
    head = ("voice", "S_C", "offset", "lip speed", "ΔP °", "blinks/min", "largest code")
    rows = tuple(
        (
            voice.name,
            f"{voice.confidence:.2f}",
            f"{voice.offset:+d}" if voice.offset else "0",
            f"{voice.lip_speed:.3f}",
            f"{voice.pose_change:.2f}",
            f"{voice.blinks:.0f}",
            f"{voice.largest_code:.1f}",
        )
        for voice in figures.voices
    )
    return Table(head, rows)


def _figure(value: float) -> str:
    return f"{value:.3g}" if np.isfinite(value) else "–"


def _sentences(figures: Figures) -> list[str]:
    """Silence, closure, diversity and what is missing, a line each."""
    said = [f"In silence, {name}: {found.text}." for name, found in figures.silence.items()]
    said += [
        f"{name.capitalize()}: lips closed on {100 * found.bilabials:.0f} % of {found.count} "
        f"bilabials of synthetic speech (on open vowels: {100 * found.vowels:.0f} %), "
        f"parted on {100 * found.dentals:.0f} % of {found.dental_count} th."
        for name, found in figures.closure.items()
    ]
    said.append(
        f"Over {SEEDS} seeds: head yaw differs by {figures.diversity.yaw:.1f}°, lip aperture by "
        f"{figures.diversity.aperture:.2f} of its own movement."
    )
    return said


def _scope(figures: Figures) -> str:
    return f"{len(figures.clips)} clips of held-out people, {figures.seconds:.0f} s"


def _left_out(figures: Figures) -> list[str]:
    return [f"Left out: {line}." for line in figures.left_out]


def motion_report(figures: Figures) -> str:
    """All figures in Markdown."""
    return "\n".join(
        [
            _scope(figures),
            "",
            main_table(figures).markdown(),
            "",
            *_sentences(figures),
            "",
            NOTES["joins"],
            "",
            joins_table(figures).markdown(),
            "",
            NOTES["voices"],
            "",
            voices_table(figures).markdown(),
            *_left_out(figures),
        ]
    )


def write_motion_page(figures: Figures, path: Path) -> None:
    """Write tables and plots as one self-contained HTML file."""
    parts = [
        paragraph(_scope(figures) + ". " + NOTES["motion"]),
        main_table(figures).html(),
        "<h2>Lips and speech</h2>",
        _plots(_offset_curves(figures), _score_scatter(figures)),
        "<h2>Lips and head over time</h2>",
        paragraph("The clips whose lips the generator meets worst, middlingly and best."),
        *(_clip_plots(figures, index) for index in _three_clips(figures)),
        "<h2>Blinks, closed lips, joins</h2>",
        _plots(_blink_histogram(figures), _closure_bars(figures), _join_bars(figures)),
        paragraph(NOTES["joins"]),
        joins_table(figures).html(),
        "<h2>Silence, closed lips, seeds</h2>",
        *(paragraph(line) for line in _sentences(figures)),
        _plots(*_silence_plots(figures)),
        "<h2>Unfamiliar voices</h2>",
        paragraph(NOTES["voices"]),
        voices_table(figures).html(),
        *(paragraph(line) for line in _left_out(figures)),
        _plots(*_voice_bars(figures), wide=True),
    ]
    write_page(path, page("Generated motion against real motion", parts))


def _plots(*figures: str, wide: bool = False) -> str:
    return f"<div class='plots{' wide' if wide else ''}'>{''.join(figures)}</div>"


def _offset_curves(figures: Figures) -> str:
    series = [
        Series(
            name,
            colour,
            SHIFTS * 1000 / MOTION_RATE,
            np.mean([s.curve for s in made.scores], axis=0),
        )
        for name, colour in COLOURS.items()
        for made in [figures.made[name]]
    ]
    return lines(
        "Sync confidence over shifts of the sound",
        series,
        "shift of the sound, ms",
        "S_C at this shift",
        height=330,
        include=[0.0],
    )


def _score_scatter(figures: Figures) -> str:
    def scores(name: str) -> np.ndarray:
        return np.array([score.confidence for score in figures.made[name].scores])

    series = [Series(n, COLOURS[n], scores(REAL), scores(n)) for n in (WHOLE, LIVE)]
    return scatter(
        "S_C of each clip, generated over real", series, figures.clips, "S_C of the real clip",
        "S_C generated",
    )  # fmt: skip


def _three_clips(figures: Figures) -> list[int]:
    """Clips whose generated lip aperture correlates with the real one least, middlingly, most."""
    code = dynamics_code()
    agreements = [
        correlation(aperture(code, made), aperture(code, real[: len(made)]))
        for made, real in zip(figures.made[WHOLE].motions, figures.made[REAL].motions, strict=True)
    ]
    order = np.argsort(agreements)
    return list(dict.fromkeys(int(order[i]) for i in (0, len(order) // 2, len(order) - 1)))


def _clip_plots(figures: Figures, index: int) -> str:
    """Lip aperture and head angles of one clip over time."""
    code = dynamics_code()
    name = figures.clips[index]
    motions = {n: figures.made[n].motions[index][: SHOWN_SECONDS * MOTION_RATE] for n in COLOURS}
    shown = {
        "lip aperture": (lambda m: aperture(code, m), "aperture"),
        "head yaw": (lambda m: np.degrees(m[:, 1]), "degrees"),
        "head pitch": (lambda m: np.degrees(m[:, 0]), "degrees"),
    }
    plots = []
    for title, (read, unit) in shown.items():
        series = [
            Series(n, COLOURS[n], np.arange(len(m)) / MOTION_RATE, read(m))
            for n, m in motions.items()
        ]
        plots.append(lines(f"{name}: {title}", series, "seconds", unit))
    return _plots(*plots)


def _blink_histogram(figures: Figures) -> str:
    code = dynamics_code()
    intervals = {
        name: (colour, np.concatenate([blink_intervals(code, m) for m in made.motions]))
        for name, colour in COLOURS.items()
        for made in [figures.made[name]]
    }
    return histogram(
        "From blink to blink", intervals, BLINK_EDGES, f"seconds (last bar: {BLINK_EDGES[-2]:g} +)"
    )


def _closure_bars(figures: Figures) -> str:
    values = {
        name: (COLOURS[name], (100 * found.bilabials, 100 * found.vowels))
        for name, found in figures.closure.items()
    }
    return bars("Lips closed on", ("p, b, m", "open vowels"), values, "% of the sounds")


def _join_bars(figures: Figures) -> str:
    values = {
        f"{name}, every {every}": (
            COLOURS[name],
            [getattr(found, key) for key in JOIN_TITLES],
        )
        for (name, every), found in figures.joins.items()
        if name != REAL
    }
    titles = ("lip speed", "lip accel.", "head speed", "head accel.")
    return bars("Joins against inside the windows", titles, values, "ratio", mark=1.0)


def _silence_plots(figures: Figures) -> list[str]:
    code = dynamics_code()

    def series(read) -> list[Series]:
        return [
            Series(
                name, COLOURS[name], np.arange(len(found.motion)) / MOTION_RATE, read(found.motion)
            )
            for name, found in figures.silence.items()
        ]

    speech = np.concatenate([aperture(code, m) for m in figures.made[REAL].motions])
    usual = float(np.quantile(speech, 0.9))
    return [
        lines(
            "Lip aperture in silence, on the scale of speech",
            series(lambda m: aperture(code, m)),
            "seconds",
            "aperture",
            include=[0.0, usual],
        ),
        lines("Head yaw in silence", series(lambda m: np.degrees(m[:, 1])), "seconds", "degrees"),
    ]


def _voice_bars(figures: Figures) -> list[str]:
    names = [voice.name for voice in figures.voices]
    real = figures.made[REAL].row
    marks = {
        "confidence": ("Sync confidence (dashed: the real clips')", "S_C", real.confidence),
        "largest_code": ("Largest code", "deviations", None),
    }
    return [
        bars(
            title,
            names,
            {WHOLE: (COLOURS[WHOLE], [getattr(voice, key) for voice in figures.voices])},
            unit,
            mark=mark,
            width=1080,
        )
        for key, (title, unit, mark) in marks.items()
    ]
