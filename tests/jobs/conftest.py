"""A job service with its parts at hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from jobs_bench import Bench

pytest.importorskip("sqlalchemy", reason="the extra jobs is not installed")


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.database.close()
