"""MkDocs hook: README and model cards become pages of the site, and links lead where they stand.

The pages are written for the repository, with links relative to their own place. In the site the
README is the first page and the cards lie under `cards/`; whatever is no page is linked in the
repository.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[1]
LINK = re.compile(r"(\]\()([^)\s#]+)(#[^)\s]*)?\)")


def _pages_from_outside() -> dict[Path, str]:
    """Files outside of `docs/` that are pages: where they stand → their place in the site."""
    cards = sorted((ROOT / "openvasa" / "assets").glob("*.md"))
    return {
        ROOT / "README.md": "index.md",
        ROOT / "README.zh-CN.md": "zh-CN.md",
        **{card: f"cards/{card.name}" for card in cards},
    }


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages from outside."""
    for source, place in _pages_from_outside().items():
        files.append(File.generated(config, place, abs_src_path=str(source)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Point the page's links at the site's pages and pictures, or at the repository."""
    places = _pages_from_outside()
    source = Path(page.file.abs_src_path or "").resolve()
    docs = Path(config.docs_dir).resolve()

    def target(link: re.Match[str]) -> str:
        start, path, anchor = link[1], link[2], link[3] or ""
        if "://" in path:
            return link[0]
        linked = (source.parent / path).resolve()
        place = places.get(linked)
        if place is None and linked.is_relative_to(docs):
            place = linked.relative_to(docs).as_posix()
        if place is None:
            kind = "tree" if linked.is_dir() else "blob"
            inside = linked.relative_to(ROOT).as_posix()
            return f"{start}{config.repo_url}/{kind}/main/{inside}{anchor})"
        relative = os.path.relpath(place, Path(page.file.src_uri).parent)
        return f"{start}{relative}{anchor})"

    return LINK.sub(target, markdown)
