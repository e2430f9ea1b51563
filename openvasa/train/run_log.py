"""What a run writes down about itself: `log.csv`, a row for some steps, and `curve.png`."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import cv2
import numpy as np

LOG_FILE, CURVE_FILE = "log.csv", "curve.png"
DRAWN = {"loss": (190, 120, 30), "held back loss": (40, 70, 220)}
"""Columns of the log that are drawn, and their colours (BGR)."""
WIDTH, HEIGHT, LEFT, BOTTOM, MARGIN = 720, 420, 84, 40, 24
"""Of the drawing, px."""
INK, GRID = (60, 60, 60), (225, 225, 225)
OUTLIERS = 2.0
"""Percentile at either end of the values left out of the scale, so that the first steps do not
flatten the rest."""


class RunLog:
    """Rows of figures by step; the file holds one column for each figure ever seen.

    Args:
        run: folder of the files; without one the rows are only kept.
    """

    def __init__(self, run: Path | None) -> None:
        self.run = run
        self.rows: list[dict[str, float]] = []

    def resume(self, step: int) -> None:
        """Take over the rows of an earlier start up to a step; later ones will come again."""
        assert self.run is not None
        if (self.run / LOG_FILE).exists():
            self.rows = [row for row in read_log(self.run) if row["step"] <= step]

    def add(self, step: int, seconds: float, figures: dict[str, float]) -> None:
        """Add a row."""
        self.rows.append({"step": step, "seconds": round(seconds, 1), **figures})

    def latest(self, name: str) -> float:
        """The last value of a figure, nan before the first."""
        return next((row[name] for row in reversed(self.rows) if name in row), math.nan)

    def write(self) -> None:
        """Write the table and the drawing anew."""
        assert self.run is not None
        if not self.rows:
            return
        columns = list(dict.fromkeys(name for row in self.rows for name in row))
        partial = self.run / f"{LOG_FILE}.partial"
        with partial.open("w", newline="") as file:
            table = csv.DictWriter(file, columns, lineterminator="\n")
            table.writeheader()
            table.writerows({k: f"{v:.6g}" for k, v in row.items()} for row in self.rows)
        partial.replace(self.run / LOG_FILE)
        cv2.imwrite(str(self.run / CURVE_FILE), draw_curve(self.rows))


def read_log(run: Path) -> list[dict[str, float]]:
    """Rows of a run's log, each with the figures that it has."""
    with (run / LOG_FILE).open(newline="") as file:
        return [{k: float(v) for k, v in row.items() if v} for row in csv.DictReader(file)]


def draw_curve(rows: list[dict[str, float]]) -> np.ndarray:
    """(HEIGHT, WIDTH, 3) uint8 BGR: the losses of training and validation over the steps."""
    picture = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)
    points = {
        name: np.array([(row["step"], row[name]) for row in rows if name in row]).reshape(-1, 2)
        for name in DRAWN
    }
    values = np.concatenate([p[:, 1] for p in points.values()])
    if not len(values):
        return picture
    low, high = np.percentile(values, [OUTLIERS, 100 - OUTLIERS])
    air = 0.08 * (high - low) or 0.5
    low, high = low - air, high + air
    last = max(row["step"] for row in rows)

    def place(step: float, value: float) -> tuple[int, int]:
        x = LEFT + (WIDTH - LEFT - MARGIN) * step / last
        y = HEIGHT - BOTTOM - (HEIGHT - BOTTOM - MARGIN) * (value - low) / (high - low)
        return round(x), round(float(np.clip(y, MARGIN, HEIGHT - BOTTOM)))

    for value in np.linspace(low + air, high - air, 5):
        cv2.line(picture, place(0, value), place(last, value), GRID, 1, cv2.LINE_AA)
        _write(picture, f"{value:.4g}", (8, place(0, value)[1] + 4), INK)
    _write(picture, "0", (LEFT, HEIGHT - 14), INK)
    _write(picture, f"step {last:.0f}", (WIDTH - MARGIN - 90, HEIGHT - 14), INK)
    for number, (name, colour) in enumerate(DRAWN.items()):
        line = np.array([place(step, value) for step, value in points[name]], np.int32)
        if len(line):
            cv2.polylines(picture, [line], False, colour, 2, cv2.LINE_AA)
            _write(picture, name, (WIDTH - MARGIN - 130, MARGIN + 18 * (number + 1)), colour)
    return picture


def _write(picture: np.ndarray, text: str, at: tuple[int, int], colour: tuple) -> None:
    cv2.putText(picture, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.45, colour, 1, cv2.LINE_AA)
