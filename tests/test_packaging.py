"""What the package's files say about it: extras, version, names."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

import openvasa
from openvasa.cli import EXTRAS

ROOT = Path(__file__).parents[1]
IMPORTED_AS = {
    "dlib-bin": "dlib",
    "espeakng-loader": "espeakng_loader",
    "livekit-agents": "livekit",
    "moonshine-voice": "moonshine_voice",
    "pipecat-ai": "pipecat",
    "prometheus-client": "prometheus_client",
    "python-multipart": "multipart",
}
"""Where the name to import is not the package's own."""
NO_PRODUCT = {"dev", "docs"}
"""Extras for work on the repository, which no command needs."""


@pytest.mark.skipif(sys.version_info < (3, 11), reason="tomllib came with Python 3.11")
def test_each_extra_is_offered_for_the_packages_that_it_brings() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    always = {_name(requirement) for requirement in project["dependencies"]}
    brought = {
        extra: {IMPORTED_AS.get(name, name) for name in map(_name, requirements)} - always
        for extra, requirements in project["optional-dependencies"].items()
        if extra not in NO_PRODUCT
    }
    assert set(EXTRAS) == set(brought)
    for extra, packages in brought.items():
        elsewhere = set().union(*(EXTRAS[other] for other in EXTRAS if other != extra))
        assert EXTRAS[extra] <= packages
        assert packages <= EXTRAS[extra] | elsewhere


def _name(requirement: str) -> str:
    return re.split(r"[^\w.-]", requirement, maxsplit=1)[0]


def test_the_version_is_the_one_of_the_package() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", openvasa.__version__)
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    cited = re.search(r"^version: (\S+)", (ROOT / "CITATION.cff").read_text(), re.MULTILINE)
    assert newest is not None
    assert cited is not None
    assert newest[1] in (openvasa.__version__, "Unreleased")
    assert cited[1] == openvasa.__version__
