"""Write the figures of `openvasa/assets/figures.json` into the pages that show them.

    python scripts/write_figures.py           # write
    python scripts/write_figures.py --check   # only compare; exit status 1 where a page differs

A page shows a whole table between two marks, or one cell within a sentence:

    <!-- figures:NAME -->
    (table)
    <!-- /figures -->
    ... <!-- figure:NAME/ROW/COLUMN -->1.77<!-- /figure --> ...

The JSON holds, for each NAME, `source` (the command and the machine that measured it), `columns`
and `rows`; a row begins with its own name. `main` names the rows in bold. A cell may hold
references to other cells, `{NAME/ROW/COLUMN}`, so that a figure stands there once. Numbers keep the
digits that the JSON has.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
FIGURES = ROOT / "openvasa" / "assets" / "figures.json"

TABLE = re.compile(r"(<!-- figures:(\S+) -->\n).*?(<!-- /figures -->)", re.DOTALL)
CELL = re.compile(r"(<!-- figure:(.+?) -->).*?(<!-- /figure -->)")
REFERENCE = re.compile(r"\{(.+?)\}")

Figures = Mapping[str, Mapping[str, Any]]


def read_figures(path: Path = FIGURES) -> Figures:
    """Tables by name; numbers as the text that the file has."""
    return json.loads(path.read_text(encoding="utf-8"), parse_float=str, parse_int=str)


def find_cell(figures: Figures, reference: str) -> str:
    """Text of the cell NAME/ROW/COLUMN; raises KeyError where there is none."""
    name, row, column = reference.split("/", 2)
    if name not in figures:
        raise KeyError(f"figures.json: no table {name}, which {reference} names")
    table = figures[name]
    found = [cells for cells in table["rows"] if cells[0] == row]
    if len(found) != 1 or column not in table["columns"]:
        raise KeyError(f"figures.json: {reference} names {len(found)} rows of {name}; check it")
    return fill_references(figures, found[0][table["columns"].index(column)])


def fill_references(figures: Figures, cell: str) -> str:
    """The cell's text with the cells it refers to in place."""
    return REFERENCE.sub(lambda match: find_cell(figures, match[1]), cell)


def format_table(figures: Figures, name: str) -> str:
    """A Markdown table that ends in a line break."""
    if name not in figures:
        raise KeyError(f"figures.json: no table {name}")
    table = figures[name]
    lines = [table["columns"], ["---"] * len(table["columns"])]
    for cells in table["rows"]:
        texts = [fill_references(figures, cell) for cell in cells]
        if cells[0] in table.get("main", ()):
            texts[0] = f"**{texts[0]}**"
        lines.append(texts)
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def fill_page(figures: Figures, text: str) -> str:
    """The page with every marked table and cell as the figures say."""
    text = TABLE.sub(lambda m: m[1] + "\n" + format_table(figures, m[2]) + "\n" + m[3], text)
    return CELL.sub(lambda m: m[1] + find_cell(figures, m[2]) + m[3], text)


def pages() -> Iterator[Path]:
    """Every page that may show figures."""
    yield from sorted(ROOT.glob("README*.md"))
    yield from sorted((ROOT / "docs").rglob("*.md"))
    yield from sorted((ROOT / "openvasa" / "assets").glob("*.md"))


def main() -> int:
    """Write or check; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; say what differs")
    check = parser.parse_args().check
    figures = read_figures()
    differing = []
    for page in pages():
        text = page.read_text(encoding="utf-8")
        filled = fill_page(figures, text)
        if filled != text:
            differing.append(page.relative_to(ROOT))
            if not check:
                page.write_text(filled, encoding="utf-8")
    for page in differing:
        print(f"{page}: {'differs from' if check else 'written from'} figures.json")
    return int(check and bool(differing))


if __name__ == "__main__":
    sys.exit(main())
