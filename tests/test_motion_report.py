"""The report of motion shows the figures it was given, in one file that needs nothing else."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from openvasa.data.experts import SHIFTS, SyncScore
from openvasa.errors import InputError
from openvasa.evaluate.closure import Closure
from openvasa.evaluate.joins import Joins
from openvasa.evaluate.motion import LIVE, REAL, WHOLE, Diversity, Figures, Made, MotionFigures
from openvasa.evaluate.motion_report import motion_report, write_motion_page
from openvasa.evaluate.page import Table, check_writable, page, write_page
from openvasa.evaluate.plots import Series, bars, histogram, lines, scatter, ticks
from openvasa.evaluate.silence import Silence
from openvasa.evaluate.unfamiliar import VoiceFigures
from openvasa.face.canonical import POSE_DIM
from openvasa.face.dynamics import dynamics_code

COUNT = len(fields(MotionFigures))


def made(seed: int, peak: float) -> Made:
    rng = np.random.default_rng(seed)
    motions = [
        0.1 * rng.standard_normal((100, POSE_DIM + dynamics_code().size)).cumsum(axis=0)
        for _ in range(3)
    ]
    curve = np.where(SHIFTS == 0, peak, 0.1)
    scores = [SyncScore(peak, 10.0, 0, curve) for _ in range(3)]
    row = replace(MotionFigures(*np.linspace(1.111, 2.222, COUNT)), confidence=peak)
    return Made(motions, scores, row)


@pytest.fixture(scope="module")
def figures() -> Figures:
    ways = {
        REAL: made(0, 1.5),
        "mean motion": made(1, 0.1),
        WHOLE: made(2, 1.6),
        LIVE: made(3, 1.4),
    }
    still = np.zeros((100, POSE_DIM + dynamics_code().size))
    return Figures(
        clips=["one", "two & <three>", "four"],
        seconds=12.0,
        made=ways,
        silence={name: Silence(0.07, 0.1, 1.0, 14.0, still) for name in (WHOLE, LIVE)},
        closure={name: Closure(0.77, 0.12, 0.9, 204, 60) for name in (WHOLE, LIVE)},
        joins={
            (WHOLE, 50): Joins(1.02, 1.03, 0.98, 0.97, 60),
            (REAL, 50): Joins(1, 1, 1, 1, 60),
            (LIVE, 3): Joins(1.2, 1.3, 0.9, float("nan"), 900),
        },
        diversity=Diversity(2.1, 0.36),
        voices=[VoiceFigures("Hindi", 0.91, 0, 0.03, 0.4, 12.0, 4.5)],
        left_out=["whisper: needs espeak-ng; run apt-get install espeak-ng"],
    )


def test_the_terminal_gets_every_table(figures: Figures) -> None:
    text = motion_report(figures)
    assert "3 clips of held-out people, 12 s" in text
    assert re.search(r"\| generator \| 1\.6 \|", text)
    assert "| generator, live | 3 frames | 1.2 | 1.3 | 0.9 | – | 900 |" in text
    assert "| Hindi | 0.91 | 0 | 0.030 | 0.40 | 12 | 4.5 |" in text
    assert "Left out: whisper: needs espeak-ng" in text
    assert "In silence, generator: lips 7.0 % of their speed in speech" in text


def test_the_page_is_complete_and_needs_nothing_else(figures: Figures, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    write_motion_page(figures, path)
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]
    content = path.read_text()
    for fetched in ("http", "src=", "href=", "<script", "@import", "url("):
        assert fetched not in content
    drawings = re.findall(r"<svg.*?</svg>", content, re.DOTALL)
    # Curves and scatter, three plots of each of three clips, three bar charts, two of silence and
    # two of voices.
    assert len(drawings) == 2 + 9 + 3 + 2 + 2
    for drawing in drawings:
        ElementTree.fromstring(drawing)
        assert "nan" not in drawing
    assert "two &amp; &lt;three&gt;" in content
    assert "<td>0.91</td>" in content


def test_curves_lie_where_their_values_are() -> None:
    x = np.array([0.0, 1.0, 2.0])
    drawn = lines("t", [Series("a", 1, x, np.array([0.0, 10.0, 5.0]))], "x", "y", width=100)
    (curve,) = re.findall(r"class='curve'[^>]* d='M([^']*)'", drawn)
    points = np.array([[float(v) for v in p.split()] for p in curve.split("L")])
    assert points[0, 0] < points[1, 0] < points[2, 0]
    # Down is up in a picture: the highest value has the smallest y.
    assert points[1, 1] < points[2, 1] < points[0, 1]
    assert points[2, 1] == pytest.approx((points[0, 1] + points[1, 1]) / 2, abs=0.1)


def test_dots_on_the_diagonal_agree() -> None:
    both = np.array([0.5, 1.5])
    drawn = scatter("t", [Series("a", 1, both, both)], ["p", "q"], "x", "y")
    dots = np.array(re.findall(r"cx='([\d.]+)' cy='([\d.]+)'", drawn), float)
    line = np.array(re.findall(r"class='mark' d='M([\d.]+) ([\d.]+)L([\d.]+) ([\d.]+)'", drawn)[0])
    x0, y0, x1, y1 = line.astype(float)
    for x, y in dots:
        assert (x - x0) / (x1 - x0) == pytest.approx((y - y0) / (y1 - y0), abs=0.01)


def test_bars_are_as_high_as_their_values_and_missing_ones_absent() -> None:
    drawn = bars("t", ["g", "h", "i"], {"a": (1, [1.0, 2.0, float("nan")])}, "y", mark=1.0)
    heights = [float(h) for h in re.findall(r"height='([\d.]+)' rx", drawn)]
    assert len(heights) == 2
    assert heights[1] == pytest.approx(2 * heights[0], rel=0.01)


def test_histograms_count_what_lies_outside_at_their_ends() -> None:
    edges = np.array([0.0, 1.0, 2.0])
    drawn = histogram("t", {"a": (1, np.array([0.5, 9.0, 9.0, 9.0]))}, edges, "x")
    assert re.findall(r"a: (\d+) %", drawn) == ["25", "75"]


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-15, 15), (0.01, 0.013), (3, 2000)])
def test_ticks_are_few_round_and_inside(low: float, high: float) -> None:
    found = ticks(low, high)
    assert 2 <= len(found) <= 7
    assert all(low <= value <= high * (1 + 1e-9) for value in found)
    assert all(len(f"{value:g}") <= 5 for value in found)


def test_tables_are_the_same_in_both_forms() -> None:
    table = Table(("a", "b"), (("x", "1"), ("<y>", "2")))
    assert table.markdown() == "| a | b |\n| --- | --- |\n| x | 1 |\n| <y> | 2 |"
    assert re.findall(r"<td>(.*?)</td>", table.html()) == ["x", "1", "&lt;y&gt;", "2"]


def test_pages_that_cannot_be_written_are_refused_early(tmp_path: Path) -> None:
    check_writable(tmp_path / "report.html")
    with pytest.raises(InputError, match="is a folder"):
        check_writable(tmp_path)
    with pytest.raises(InputError, match="missing or not writable"):
        check_writable(tmp_path / "nowhere" / "report.html")


def test_a_page_is_written_whole_over_an_old_one(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text("old")
    write_page(path, page("Über", ["<p>new</p>"]))
    assert "<h1>Über</h1>\n<p>new</p>" in path.read_text(encoding="utf-8")
    assert list(tmp_path.iterdir()) == [path]
