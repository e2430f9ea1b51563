"""Tables of what `openvasa.evaluate.latent` measured, and its sheet of pictures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np

from openvasa.errors import InputError
from openvasa.evaluate.latent_figures import BANDS, METHODS, SWAPS, LatentFigures

METRICS = ("PSNR dB", "head PSNR dB", "head SSIM", "head features")
COLUMNS = (
    "turn followed",
    "turn off °",
    "expression followed",
    "like the source",
    "like the driver",
)
ROWS_OF_SHEET = 12


def latent_report(figures: LatentFigures, others: Mapping[str, LatentFigures]) -> str:
    """Both tables as Markdown, with mean and standard error over pairs; medians of swaps.

    Args:
        figures: of the run.
        others: of further runs by name, without those methods that all runs share.
    """
    parts = [_reenactment(figures, others)]
    if figures.left_out:
        parts.append(f"{figures.left_out} pairs left out: no face found in the source")
    parts += [_swaps(name, one) for name, one in {figures.config: figures, **others}.items()]
    return "\n\n".join(parts)


def write_sheet(figures: LatentFigures, path: Path) -> None:
    """Source, driver, mean, geometric, hybrid and learned of pairs spread over all, a row each.

    Raises:
        InputError: the file cannot be written.
    """
    chosen = np.linspace(0, len(figures.sheet) - 1, min(ROWS_OF_SHEET, len(figures.sheet)))
    sheet = np.concatenate([figures.sheet[int(row)] for row in chosen])
    if not cv2.imwrite(str(path), cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR)):
        raise InputError(f"{path}: cannot be written; choose a .png in a folder that exists")


def _reenactment(figures: LatentFigures, others: Mapping[str, LatentFigures]) -> str:
    rows = ["| turn | drawn by | pairs | " + " | ".join(METRICS) + " |"]
    rows.append("|---|---|---|" + "---|" * len(METRICS))
    drawn = [(method, method, figures) for method in METHODS]
    drawn += [(f"learned, {name}", "learned", one) for name, one in others.items()]
    for band, (low, high) in enumerate(BANDS):
        turn = f"{low}–{high}°" if high < 180 else f"> {low}°"
        for name, method, one in drawn:
            values = [one.reenacted.get((band, method, metric), []) for metric in METRICS]
            if values[0]:
                cells = [_mean_and_error(v) for v in values]
                rows.append(f"| {turn} | {name} | {len(values[0])} | " + " | ".join(cells) + " |")
    return "\n".join(rows)


def _mean_and_error(values: list[float]) -> str:
    if not values:
        return "–"
    return f"{np.mean(values):.2f} ± {np.std(values) / len(values) ** 0.5:.2f}"


def _swaps(name: str, figures: LatentFigures) -> str:
    rows = [f"| {name}: taken from another person | tracked | " + " | ".join(COLUMNS) + " |"]
    rows.append("|---|---|" + "---|" * len(COLUMNS))
    for swap in SWAPS:
        values = [figures.swapped.get((swap, column), []) for column in COLUMNS]
        cells = [f"{np.median(v):.2f}" if v else "–" for v in values]
        tracked = f"{len(values[0])} of {figures.tried.get(swap, 0)}"
        rows.append(f"| {swap} | {tracked} | " + " | ".join(cells) + " |")
    return "\n".join(rows)
