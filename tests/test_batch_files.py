"""What a batch leaves: videos published whole, parts removed, and the table of results."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from batch_plans import FIGURES, plan
from short_jobs import SMALL, write_voice

from openvasa.batch.make import make_output
from openvasa.batch.places import fetch, publishing, remove_parts
from openvasa.batch.results import Outcome, ResultTable, read_fingerprints
from openvasa.batch.run import split_finished
from openvasa.batch.task import Task
from openvasa.errors import InputError
from openvasa.face.latent import FaceLatent
from openvasa.media.inspect import inspect_video


def test_a_file_is_published_whole_or_not_at_all(tmp_path: Path) -> None:
    for place in (str(tmp_path / "a.mp4"), f"file://{tmp_path}/b.mp4"):
        final = Path(place.removeprefix("file://"))
        with suppress(RuntimeError), publishing(place, "1") as path:
            path.write_bytes(b"half")
            raise RuntimeError
        assert os.listdir(tmp_path) == []
        with publishing(place, "2") as path:
            path.write_bytes(b"whole")
            assert not final.exists()
        assert final.read_bytes() == b"whole"
        final.unlink()


def test_parts_of_attempts_that_died_are_removed_and_no_others(tmp_path: Path) -> None:
    for name in (".a.mp4.77-1.part", ".a.mp4.x.part", ".b.mp4.1.part"):
        (tmp_path / name).mkdir()
    remove_parts(str(tmp_path / "a.mp4"))
    assert os.listdir(tmp_path) == [".b.mp4.1.part"]
    for name in (".c.mp4.77-1.part", "c.mp4"):
        (tmp_path / name).write_bytes(b"x")
    remove_parts(f"file://{tmp_path}/c.mp4")
    assert sorted(os.listdir(tmp_path)) == [".b.mp4.1.part", "c.mp4"]


def test_what_is_missing_at_a_url_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        fetch(f"file://{tmp_path}/nowhere.wav", tmp_path)


def test_a_torn_row_counts_for_nothing(tmp_path: Path) -> None:
    task = plan(1, 1)[0]
    table = ResultTable(tmp_path / "r.jsonl")
    table.add(Outcome(task, "made", 1, (), FIGURES))
    assert table.close()
    with (tmp_path / "r.jsonl").open("a") as file:
        file.write('{"output": "o9.mp4", "stat')
    table = ResultTable(tmp_path / "r.jsonl")
    table.add(Outcome(replace(task, output="o1.mp4"), "failed", 1, ("why",)))
    assert table.close()
    assert read_fingerprints(tmp_path / "r.jsonl") == {"o0.mp4": task.fingerprint}
    assert json.loads((tmp_path / "r.jsonl").read_text().splitlines()[-1])["error"] == "why"


def test_rows_that_a_full_disk_refuses_are_written_when_there_is_room(full_disk: Path) -> None:
    task, filler = plan(1, 1)[0], full_disk / "filler"
    table = ResultTable(full_disk / "r.jsonl")
    table.add(Outcome(task, "made", 1, (), FIGURES))
    before = (full_disk / "r.jsonl").read_bytes()
    with pytest.raises(OSError, match="No space left"):
        filler.write_bytes(b"x" * 100_000)
    long = Outcome(task, "failed", 1, ("why " * 2000,))
    table.add(long)
    assert (full_disk / "r.jsonl").read_bytes() == before
    filler.unlink()
    assert table.close()
    rows = (full_disk / "r.jsonl").read_text().splitlines()
    assert [json.loads(row)["status"] for row in rows] == ["made", "failed"]


def test_finished_outputs_are_kept_unless_another_video_is_asked_for(tmp_path: Path) -> None:
    tasks = [replace(t, output=str(tmp_path / t.output)) for t in plan(3, 1)]
    for task in tasks[:2]:
        Path(task.output).write_bytes(b"video")
    left, kept = split_finished(tasks, {tasks[0].output: "another"})
    assert [t.name for t in left] == ["t0", "t2"]
    assert [o.task.name for o in kept] == ["t1"]


def test_places_elsewhere_are_fetched_and_published(tmp_path: Path, face: FaceLatent) -> None:
    write_voice(tmp_path / "a.wav")
    task = Task(
        "t", "unused", f"file://{tmp_path}/out/a.mp4", f"file://{tmp_path}/a.wav", options=SMALL
    )
    told: list[tuple[int, int]] = []
    figures = make_output(task, face, "mark", lambda *frames: told.append(frames))
    assert told[-1] == (7, 7)
    assert os.listdir(tmp_path / "out") == ["a.mp4"]
    assert inspect_video(tmp_path / "out" / "a.mp4").frames == figures.frames == 7
    assert figures.bytes == (tmp_path / "out" / "a.mp4").stat().st_size
    with pytest.raises(InputError, match=f"^file://{tmp_path}/b.wav: no such file"):
        make_output(replace(task, audio=f"file://{tmp_path}/b.wav"), face, "mark")
