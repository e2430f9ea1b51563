"""What the pages say must be there: files they name, links they give, figures they show."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "scripts" / "write_figures.py"
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "openvasa" / "assets").glob("*.md")),
]

NAMED_FILE = re.compile(r"(?<![\w/.~-])(?:openvasa|tests|scripts|docs|examples)/[\w./*-]*\w")
LINK = re.compile(r"\]\(([^)\s]+)\)")


def _load_script():
    spec = importlib.util.spec_from_file_location("write_figures", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


figures_script = _load_script()


def _name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_file_a_page_names_exists(page):
    text = re.sub(r"\w+://\S+", "", page.read_text(encoding="utf-8"))
    named = {name for name in NAMED_FILE.findall(text) if "." in name or name.count("/") > 1}
    missing = [name for name in sorted(named) if not any(ROOT.glob(name))]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_every_relative_link_leads_somewhere(page):
    links = [link for link in LINK.findall(page.read_text(encoding="utf-8")) if "://" not in link]
    targets = [link.partition("#")[0] for link in links]
    missing = [t for t in targets if t and not (page.parent / t).exists()]
    assert not missing


def test_pages_show_the_figures_of_the_json():
    figures = figures_script.read_figures()
    differing = [
        _name(page)
        for page in figures_script.pages()
        if figures_script.fill_page(figures, page.read_text(encoding="utf-8"))
        != page.read_text(encoding="utf-8")
    ]
    assert not differing, "run python scripts/write_figures.py"


def test_a_changed_figure_changes_the_page():
    figures = {
        "speed": {"columns": ["stage", "fps"], "rows": [["all", "94"]], "main": ["all"]},
        "summary": {"columns": ["what", "fps"], "rows": [["end to end", "{speed/all/fps}"]]},
    }
    page = (
        "<!-- figures:summary -->\nold\n<!-- /figures -->\n"
        "It makes <!-- figure:speed/all/fps -->0<!-- /figure --> frames.\n"
    )
    assert figures_script.fill_page(figures, page) == (
        "<!-- figures:summary -->\n\n| what | fps |\n| --- | --- |\n| end to end | 94 |\n\n"
        "<!-- /figures -->\nIt makes <!-- figure:speed/all/fps -->94<!-- /figure --> frames.\n"
    )


def test_a_figure_that_is_not_there_is_named():
    with pytest.raises(KeyError, match="no table pace"):
        figures_script.fill_page({}, "<!-- figures:pace -->\n<!-- /figures -->")


def test_every_table_of_figures_is_whole():
    for name, table in figures_script.read_figures().items():
        widths = {len(row) for row in [table["columns"], *table["rows"]]}
        assert len(widths) == 1, name
        assert table["source"], name
