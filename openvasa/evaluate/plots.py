"""Plots as inline SVG figures for a report page, coloured by `page.STYLE`.

Series 0 is real motion in every plot, 1 the generator on whole files, 2 the generator live.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

LEFT, RIGHT, TOP, BOTTOM = 46, 10, 10, 36
"""Margins around the drawing area, px, with room for the labels."""


@dataclass(frozen=True)
class Series:
    """Points of one colour.

    Attributes:
        name: for the legend.
        colour: number of the series in `page.STYLE`.
        x, y: (n,) values.
    """

    name: str
    colour: int
    x: np.ndarray
    y: np.ndarray


@dataclass(frozen=True)
class Axes:
    """Where values lie in a drawing of `width` by `height` px.

    Attributes:
        x_range, y_range: lowest and highest value shown.
        x_label, y_label: what the values are, with units.
    """

    x_range: tuple[float, float]
    y_range: tuple[float, float]
    x_label: str
    y_label: str
    width: int = 420
    height: int = 250

    def x(self, value: float) -> float:
        """Value → px from the left."""
        low, high = self.x_range
        return LEFT + (value - low) / (high - low) * (self.width - LEFT - RIGHT)

    def y(self, value: float) -> float:
        """Value → px from the top."""
        low, high = self.y_range
        return self.height - BOTTOM - (value - low) / (high - low) * (self.height - TOP - BOTTOM)

    def labels(self) -> str:
        """Names of both axes."""
        middle = (TOP + self.height - BOTTOM) / 2
        return (
            f"<text x='{(LEFT + self.width - RIGHT) / 2:.0f}' y='{self.height - 4}' "
            f"text-anchor='middle'>{html.escape(self.x_label)}</text>"
            f"<text transform='translate(11 {middle:.0f}) rotate(-90)' text-anchor='middle'>"
            f"{html.escape(self.y_label)}</text>"
        )

    def rows(self) -> str:
        """Horizontal grid lines with their values."""
        return "".join(
            f"<path class='grid' d='M{LEFT} {self.y(v):.1f}H{self.width - RIGHT}'/>"
            f"<text x='{LEFT - 5}' y='{self.y(v) + 4:.1f}' text-anchor='end'>{_number(v)}</text>"
            for v in ticks(*self.y_range)
        )

    def columns(self) -> str:
        """Values along the horizontal axis."""
        return "".join(
            f"<text x='{self.x(v):.1f}' y='{self.height - BOTTOM + 15}' text-anchor='middle'>"
            f"{_number(v)}</text>"
            for v in ticks(*self.x_range)
        )


def ticks(low: float, high: float) -> list[float]:
    """Round values within a range, three to seven of them."""
    step = 10 ** np.floor(np.log10((high - low) / 2))
    for factor in (1, 2, 5, 10):
        if (high - low) / (factor * step) <= 6:
            step *= factor
            break
    return [float(i * step) for i in range(int(np.ceil(low / step)), int(high / step + 1e-9) + 1)]


def _number(value: float) -> str:
    return f"{value:g}".replace("-", "−")


def _span(values: Iterable[np.ndarray], include: Sequence[float] = ()) -> tuple[float, float]:
    """Range of finite values with a little air; never empty."""
    joined = np.concatenate([*(np.ravel(v) for v in values), np.array(include, float)])
    finite = joined[np.isfinite(joined)]
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0)
    air = 0.05 * (high - low) or 0.5
    # A range that begins at nothing keeps its zero on the axis.
    return (low if low == 0 else low - air), high + air


def _figure(title: str, axes: Axes, names: dict[str, int], drawing: str) -> str:
    legend = "".join(
        f"<span><i style='background:var(--series{colour})'></i>{html.escape(name)}</span>"
        for name, colour in names.items()
    )
    described = html.escape(title, quote=True)
    return (
        f"<figure><figcaption>{html.escape(title)}</figcaption><div class='legend'>{legend}</div>"
        f"<svg viewBox='0 0 {axes.width} {axes.height}' role='img' aria-label=\"{described}\">"
        f"{axes.labels()}{drawing}</svg></figure>"
    )


def lines(
    title: str,
    series: Sequence[Series],
    x_label: str,
    y_label: str,
    *,
    width: int = 420,
    height: int = 250,
    include: Sequence[float] = (),
) -> str:
    """Curves over a common axis; `include` are values that the vertical axis must show."""
    x_low = min(float(s.x.min()) for s in series)
    x_high = max(float(s.x.max()) for s in series)
    y_range = _span([s.y for s in series], include)
    axes = Axes((x_low, x_high), y_range, x_label, y_label, width, height)
    curves = "".join(
        f"<path class='curve' style='stroke:var(--series{s.colour})' d='M"
        + "L".join(f"{axes.x(x):.1f} {axes.y(y):.1f}" for x, y in zip(s.x, s.y, strict=True))
        + f"'><title>{html.escape(s.name)}</title></path>"
        for s in series
    )
    names = {s.name: s.colour for s in series}
    return _figure(title, axes, names, axes.rows() + axes.columns() + curves)


def scatter(
    title: str, series: Sequence[Series], names: Sequence[str], x_label: str, y_label: str
) -> str:
    """One dot for each of `names` and series, with the diagonal on which both axes agree."""
    both = _span([part for s in series for part in (s.x, s.y)], [0.0])
    axes = Axes(both, both, x_label, y_label, height=330)
    low, high = both
    diagonal = (
        f"<path class='mark' d='M{axes.x(low):.1f} {axes.y(low):.1f}"
        f"L{axes.x(high):.1f} {axes.y(high):.1f}'/>"
    )
    dots = "".join(
        f"<circle cx='{axes.x(x):.1f}' cy='{axes.y(y):.1f}' r='4' fill-opacity='.7' "
        f"style='fill:var(--series{s.colour})'><title>{html.escape(name)}, {html.escape(s.name)}: "
        f"{x:.2f} → {y:.2f}</title></circle>"
        for s in series
        for name, x, y in zip(names, s.x, s.y, strict=True)
    )
    legend = {s.name: s.colour for s in series}
    return _figure(title, axes, legend, axes.rows() + axes.columns() + diagonal + dots)


def histogram(
    title: str, values: Mapping[str, tuple[int, np.ndarray]], edges: np.ndarray, x_label: str
) -> str:
    """Share of each series' values between edges, side by side; what lies outside counts at the
    ends. `values`: name → colour and values."""
    shares = {}
    for name, (colour, found) in values.items():
        counts = np.histogram(np.clip(found, edges[0], edges[-1]), edges)[0]
        shares[name] = (colour, 100 * counts / max(1, len(found)))
    ends = (float(edges[0]), float(edges[-1]))
    axes = Axes(ends, _span([s for _, s in shares.values()], [0.0]), x_label, "%")
    bars = []
    for place, (name, (colour, heights)) in enumerate(shares.items()):
        for left, right, share in zip(edges, edges[1:], heights, strict=False):
            width = (axes.x(right) - axes.x(left) - 3) / len(shares)
            at = axes.x(left) + 1.5 + place * width
            bars.append(_bar(axes, at, width, share, colour, f"{name}: {share:.0f} %"))
    legend = {name: colour for name, (colour, _) in shares.items()}
    return _figure(title, axes, legend, axes.rows() + axes.columns() + "".join(bars))


def bars(
    title: str,
    groups: Sequence[str],
    values: Mapping[str, tuple[int, Sequence[float]]],
    y_label: str,
    *,
    mark: float | None = None,
    width: int = 420,
) -> str:
    """Bars of each series beside one another, group by group; `mark` draws a dashed line.

    `values`: name → colour and a value for each group; nan draws nothing.
    """
    shown = [np.array(v, float) for _, v in values.values()]
    y_range = _span(shown, [0.0] if mark is None else [0.0, mark])
    axes = Axes((0.0, float(len(groups))), y_range, "", y_label, width)
    slanted = width / len(groups) < 70
    drawing = [axes.rows()]
    for group, label in enumerate(groups):
        drawing.append(_group_label(axes, group + 0.5, label, slanted))
        each = (axes.x(1) - axes.x(0)) * 0.72 / len(values)
        for place, (name, (colour, heights)) in enumerate(values.items()):
            height = float(heights[group])
            if np.isfinite(height):
                at = axes.x(group + 0.14) + place * each
                text = f"{label}, {name}: {height:.3g}"
                drawing.append(_bar(axes, at, each - 2, height, colour, text))
    if mark is not None:
        drawing.append(f"<path class='mark' d='M{LEFT} {axes.y(mark):.1f}H{width - RIGHT}'/>")
    legend = {name: colour for name, (colour, _) in values.items()}
    if slanted:
        # Slanted names hang below the drawing area.
        axes_with_room = Axes(axes.x_range, axes.y_range, "", y_label, width, axes.height + 60)
        return _figure(title, axes_with_room, legend, "".join(drawing))
    return _figure(title, axes, legend, "".join(drawing))


def _group_label(axes: Axes, at: float, label: str, slanted: bool) -> str:
    x, y = axes.x(at), axes.height - BOTTOM + 15
    place = f"transform='translate({x:.1f} {y}) rotate(-40)' text-anchor='end'"
    if not slanted:
        place = f"x='{x:.1f}' y='{y}' text-anchor='middle'"
    return f"<text {place}>{html.escape(label)}</text>"


def _bar(axes: Axes, x: float, width: float, value: float, colour: int, text: str) -> str:
    top, bottom = sorted((axes.y(value), axes.y(0)))
    return (
        f"<rect x='{x:.1f}' y='{top:.1f}' width='{max(width, 1):.1f}' "
        f"height='{bottom - top:.1f}' rx='2' style='fill:var(--series{colour})'>"
        f"<title>{html.escape(text)}</title></rect>"
    )
