"""Tables for terminal and page, and the page that every HTML report stands on.

A page is one file: style and pictures are in it, nothing is fetched, and it follows the reader's
choice of light or dark.
"""

from __future__ import annotations

import html
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from openvasa.errors import InputError

STYLE = """
:root {
  color-scheme: light dark;
  --ground: light-dark(#f4f3f8, #121118); --card: light-dark(#ffffff, #1c1a25);
  --line: light-dark(#dedbe8, #34313f); --ink: light-dark(#1b1926, #f1eff8);
  --quiet: light-dark(#5d5970, #a9a4bb);
  --series0: light-dark(#6f6b80, #a9a4bb); --series1: light-dark(#2a6fd0, #5b9bf0);
  --series2: light-dark(#d4581f, #f0874f);
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; max-width: 1180px; padding: 12px 20px 48px; background: var(--ground);
  color: var(--ink); font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans",
  sans-serif;
}
h1 { font-size: 24px; letter-spacing: -0.01em; margin: 20px 0 4px; }
h2 { font-size: 17px; margin: 36px 0 4px; }
p { margin: 4px 0 12px; color: var(--quiet); max-width: 78ch; }
img { max-width: 100%; }
pre { font-size: 13px; overflow-x: auto; }
.scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: 10px;
  background: var(--card); margin: 8px 0 12px; }
table { border-collapse: collapse; width: 100%; font-size: 13px;
  font-variant-numeric: tabular-nums; }
th, td { padding: 6px 10px; text-align: right; white-space: nowrap; }
th { color: var(--quiet); font-weight: 600; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { text-align: left; }
tbody tr + tr td { border-top: 1px solid var(--line); }
.plots { display: grid; gap: 14px; grid-template-columns: repeat(auto-fit, minmax(330px, 1fr)); }
.plots + .plots, .plots + p, .plots + .scroll, .scroll + .plots { margin-top: 14px; }
.plots.wide { grid-template-columns: 1fr; }
figure { margin: 0; padding: 12px 14px; background: var(--card); border: 1px solid var(--line);
  border-radius: 10px; min-width: 0; }
figcaption { font-weight: 600; font-size: 14px; }
.legend { display: flex; flex-wrap: wrap; gap: 4px 14px; color: var(--quiet); font-size: 12px; }
.legend i { display: inline-block; width: 10px; height: 10px; border-radius: 3px;
  margin-right: 5px; }
svg { display: block; width: 100%; height: auto; }
svg text { fill: var(--quiet); font-size: 11px; }
svg .grid { stroke: var(--line); stroke-width: 1; }
svg .mark { stroke: var(--quiet); stroke-width: 1; stroke-dasharray: 4 4; }
svg .curve { fill: none; stroke-width: 1.8; stroke-linejoin: round; }
"""


@dataclass(frozen=True)
class Table:
    """Text in rows and columns, the first column naming the row."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def markdown(self) -> str:
        """The table in Markdown, as the terminal gets it."""
        lines = [self.head, ("---",) * len(self.head), *self.rows]
        return "\n".join("| " + " | ".join(line) + " |" for line in lines)

    def html(self) -> str:
        """The table as HTML that scrolls where it is too wide."""
        head = "".join(f"<th>{html.escape(cell)}</th>" for cell in self.head)
        rows = "".join(
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>"
            for row in self.rows
        )
        return (
            f"<div class='scroll'><table><thead><tr>{head}</tr></thead>"
            f"<tbody>{rows}</tbody></table></div>"
        )


def paragraph(text: str) -> str:
    """Plain text as a paragraph."""
    return f"<p>{html.escape(text)}</p>"


def page(title: str, parts: Iterable[str]) -> str:
    """A page of HTML parts under a title."""
    return "\n".join(
        [
            "<!doctype html><html lang='en'><meta charset='utf-8'>",
            "<meta name='viewport' content='width=device-width, initial-scale=1'>",
            f"<title>{html.escape(title)}</title><style>{STYLE}</style>",
            f"<h1>{html.escape(title)}</h1>",
            *parts,
            "</html>",
        ]
    )


def check_writable(path: Path) -> None:
    """Refuse a page that could not be written, before minutes of work for it."""
    if path.is_dir():
        raise InputError(f"{path}: is a folder; name the file to write")
    if not os.access(path.absolute().parent, os.W_OK):
        raise InputError(f"{path}: its folder is missing or not writable; make it first")


def write_page(path: Path, content: str) -> None:
    """Write a whole page or nothing."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(content, encoding="utf-8")
    partial.replace(path)
