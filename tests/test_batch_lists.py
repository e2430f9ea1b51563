"""A list of tasks: how it is read, its options, and what is refused before anything is made."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from short_jobs import SMALL

from openvasa.assets import EXAMPLE_PORTRAIT
from openvasa.backgrounds import reads_no_file
from openvasa.batch.inspect_tasks import inspect_tasks
from openvasa.batch.options import Options, read_options
from openvasa.batch.read_list import read_tasks
from openvasa.cli import main
from openvasa.errors import InputError


@pytest.mark.parametrize(
    "options",
    [
        Options(),
        SMALL,
        Options(gaze=(15.0, -5.0), emotion={"happy": 0.7}, movement="calm", head=0.5, seed=3),
        Options(full_frame=True, size=1024, label="cn", producer="we", label_seconds=3.0),
    ],
)
def test_options_are_read_back_from_what_was_chosen(options: Options) -> None:
    assert read_options(json.loads(json.dumps(options.chosen()))) == options


def test_options_are_read_from_cells() -> None:
    cells = {"size": "256", "fps": "29.97", "emotion": "happy:0.7", "gaze": "viewer", "seed": "4"}
    cells |= {"full-frame": "no", "head": "0.5", "aspect": ""}
    options = read_options(cells)
    assert options == Options(
        size=256, fps="29.97", emotion={"happy": 0.7}, gaze="viewer", seed=4, head=0.5
    )


@pytest.mark.parametrize(
    "wrong",
    [
        {"sise": 3},
        {"size": "big"},
        {"size": 64},
        {"size": 4000},
        {"seed": -1},
        {"seed": 1.5},
        {"fps": 1000},
        {"aspect": "3:7"},
        {"gaze": [1]},
        {"gaze": [90, 0]},
        {"emotion": {"bored": 1}},
        {"emotion": 5},
        {"head": 9},
        {"movement": "wild"},
        {"codec": "divx"},
        {"label_seconds": 3},
        {"full_frame": True, "aspect": "4:5"},
        {"full_frame": "perhaps"},
        {"background": "a\nb"},
        {"seconds": 0},
        {"seconds": "inf"},
    ],
    ids=str,
)
def test_wrong_options_are_refused_in_one_line(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError) as refused:
        read_options(wrong)
    assert "\n" not in str(refused.value)


def test_lists_of_three_kinds_say_the_same(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"")
    (tmp_path / "a.wav").write_bytes(b"")
    (tmp_path / "a.jsonl").write_text(
        '{"id": "a", "portrait": "a.jpg", "audio": "a.wav", "options": {"size": 256}}\n\n'
    )
    (tmp_path / "a.csv").write_text("id,portrait,audio,size\na,a.jpg,a.wav,256\n")
    out = str(tmp_path / "videos")
    lists = [
        read_tasks(tmp_path / "a.jsonl", out, {}),
        read_tasks(tmp_path / "a.csv", out, {}),
        read_tasks(tmp_path, out, {"size": "256"}),
    ]
    assert lists[0] == lists[1] == lists[2]
    assert lists[0][0].output == str(tmp_path / "videos" / "a.mp4")
    assert lists[0][0].options.size == 256


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("", "holds no task"),
        ("no json", "line 1: is not JSON"),
        ("[1]", "is not a JSON object"),
        ('{"audio": "a.wav", "output": "o.mp4"}', "portrait is missing"),
        ('{"portrait": "p.jpg", "output": "o.mp4"}', "either audio or text"),
        ('{"portrait": "p.jpg", "audio": "a", "text": "b", "output": "o.mp4"}', "either"),
        ('{"portrait": "p.jpg", "audio": "a.wav"}', "output is missing"),
        ('{"portrait": "p.jpg", "audio": "a.wav", "output": "o.txt"}', "end in .mp4"),
        ('{"portrait": "p.jpg", "sound": "a.wav", "output": "o.mp4"}', "sound is no field"),
        ('{"portrait": {}, "audio": "a.wav", "output": "o.mp4"}', "portrait is no text"),
        ('{"portrait": "zz://p", "audio": "a.wav", "output": "o.mp4"}', "zz:// is unknown"),
        ('{"portrait": "p", "audio": "a", "output": "o.mp4"}\n' * 2, "both write"),
        ('{"portrait": "p", "audio": "o.mp4", "output": "o.mp4"}', "would replace"),
    ],
    ids=lambda text: text[:40],
)
def test_wrong_lists_are_refused_in_one_line(rows: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "list.jsonl"
    path.write_text(rows)
    with pytest.raises(InputError, match=said) as refused:
        read_tasks(path, None, {})
    assert "\n" not in str(refused.value)


def test_a_background_by_colour_is_one() -> None:
    assert reads_no_file("#12aB00")
    assert not reads_no_file("#zz")


def test_other_files_that_are_no_lists_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"")
    (tmp_path / "a.txt").write_bytes(b"gr\xfc\xdfe")
    with pytest.raises(InputError, match=r"a\.txt: is not UTF-8"):
        read_tasks(tmp_path, str(tmp_path), {})
    table = tmp_path / "list.csv"
    table.write_text('portrait,text\na.jpg,"' + "long " * 40_000)
    with pytest.raises(InputError, match="open quote"):
        read_tasks(table, str(tmp_path), {})


def test_a_table_takes_no_input_s_place(tmp_path: Path, capsys) -> None:
    jobs = tmp_path / "jobs.jsonl"
    jobs.write_text('{"portrait": "p.jpg", "text": "Good morning."}')
    (tmp_path / "p.jpg").write_bytes(b"kept")
    for place in ("jobs.jsonl", "p.jpg"):
        command = ["batch", str(jobs), "-o", str(tmp_path), "--results", str(tmp_path / place)]
        assert main(command) == 2
        assert "name another table" in capsys.readouterr().err
    assert (tmp_path / "p.jpg").read_bytes() == b"kept"


def test_what_would_fail_is_said_before_anything_is_made(tmp_path: Path) -> None:
    jobs = tmp_path / "jobs.jsonl"
    row = {"portrait": str(EXAMPLE_PORTRAIT), "text": "Good morning."}
    wrong = [
        {"text": "long " * 300},
        {"options": {"background": "transparent"}},
        {"options": {"background": "nobody.jpg"}},
    ]
    rows = [{"id": str(number)} | row | more for number, more in enumerate(wrong)]
    jobs.write_text("\n".join(map(json.dumps, rows)))
    inspected = list(inspect_tasks(read_tasks(jobs, str(tmp_path), {})))
    assert [one.refused for one in inspected] == [True, True, True]


def test_an_id_cannot_leave_the_folder_of_videos(tmp_path: Path) -> None:
    path = tmp_path / "list.jsonl"
    path.write_text('{"id": "../../x", "portrait": "p", "audio": "a"}')
    (task,) = read_tasks(path, str(tmp_path / "videos"), {})
    assert Path(task.output).parent == tmp_path / "videos"
