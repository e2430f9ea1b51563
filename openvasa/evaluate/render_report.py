"""The report of `openvasa evaluate render`: a table for the terminal and a page with pictures."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from openvasa.evaluate.page import page, paragraph, write_page
from openvasa.evaluate.render import AREAS, METHODS, Figures, Strip, by_person

METRICS = {
    "PSNR dB": "higher is better",
    "SSIM": "higher is better",
    "features": "distance of VGG16 features, lower is better",
    "between lips": "mean absolute error between open lips, grey levels, lower is better",
    "between lips, bias": "mean error there, grey levels, near 0 is better",
    "landmarks %": "re-tracked lips or lids, % of the eyes' distance, lower is better",
    "identity": "cosine of face descriptors, higher is better",
    "flicker × real": "second difference over the real clip's, near 1 is better",
}
WORST = 12


def table(figures: Figures) -> str:
    """The figures as Markdown; ± is one standard error over people of refined − drawn."""
    people = len(set(figures.groups))
    lines = [
        f"{len(figures.groups)} clips of {people} held-out people, first frame → the others",
        "",
        "| metric | area | " + " | ".join(METHODS) + " | refined − drawn |",
        "|---|---|" + "---|" * (len(METHODS) + 1),
    ]
    for metric in METRICS:
        for area in AREAS:
            if (metric, area, "warp") in figures.values:
                lines.append(_row(metric, area, figures))
    if figures.cross_identity:
        lines += ["", *_identity_rows(figures)]
    if figures.cross_frechet:
        distances = " | ".join(f"{figures.cross_frechet[m]:.1f}" for m in METHODS)
        lines += ["", f"Fréchet distance of features in cross-reenactment: {distances}"]
    return "\n".join(lines)


def _identity_rows(figures: Figures) -> list[str]:
    real = float(by_person(figures.real_identity, figures.groups).mean())
    cross = figures.cross_identity
    alike = {m: float(by_person(cross[m], figures.groups).mean()) for m in METHODS}
    shares = " | ".join(f"{alike[m] / real:.3f}" for m in METHODS)
    return [
        f"Two real frames of a person: identity {real:.3f}. Cross-reenactment:",
        "",
        "| | " + " | ".join(METHODS) + " |",
        "|---|" + "---|" * len(METHODS),
        "| identity | " + " | ".join(f"{alike[m]:.3f}" for m in METHODS) + " |",
        f"| identity ÷ two real frames' | {shares} |",
    ]


def _row(metric: str, area: str, figures: Figures) -> str:
    means = {
        m: by_person(figures.values[metric, area, m], figures.people[metric, area, m])
        for m in METHODS
    }
    gain = means["refined"] - means["drawn"]
    error = gain.std(ddof=1) / np.sqrt(len(gain))
    cells = " | ".join(f"{means[m].mean():.4g}" for m in METHODS)
    return f"| {metric} | {area} | {cells} | {gain.mean():+.3g} ± {error:.2g} |"


def write_report(figures: Figures, folder: Path) -> Path:
    """Write `report.html` with the table, a strip of every clip and the worst mouths."""
    folder.mkdir(parents=True, exist_ok=True)
    worst = sorted(figures.strips, key=lambda s: -s.badness)[:WORST]
    firsts = {strip.clip: strip for strip in figures.strips}
    parts = [
        f"<pre>{html.escape(table(figures))}</pre>",
        paragraph("; ".join(f"{name}: {text}" for name, text in METRICS.items())),
        "<h2>Worst mouths</h2>",
        *_strips(worst),
        "<h2>Each clip</h2>",
        *_strips(list(firsts.values())),
    ]
    path = folder / "report.html"
    write_page(path, page("Rendered against real frames", parts))
    return path


def _strips(strips: list[Strip]) -> Iterator[str]:
    for strip in strips:
        names = ", ".join(strip.pictures)
        whole = [
            cv2.resize(p, (256, 256), interpolation=cv2.INTER_AREA) for p in strip.pictures.values()
        ]
        near = [
            cv2.resize(p, (256, 256), interpolation=cv2.INTER_CUBIC)
            for p in strip.close_ups.values()
        ]
        picture = np.concatenate([np.concatenate(whole, axis=1), np.concatenate(near, axis=1)])
        _, jpeg = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])
        data = base64.b64encode(jpeg.tobytes()).decode()
        title = f"{strip.clip}, frame {strip.frame}: {names} (features {strip.badness:.3f})"
        yield f"<p>{html.escape(title)}<br><img src='data:image/jpeg;base64,{data}'></p>"
