"""A list of tasks: read, scheduled, counted, kept in a table, and made by real processes."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
from collections import Counter, deque
from contextlib import suppress
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from short_jobs import SMALL, make_tasks, write_voice

from openvasa.assets import EXAMPLE_PORTRAIT
from openvasa.backgrounds import reads_no_file
from openvasa.batch.inspect_tasks import inspect_tasks
from openvasa.batch.make import Failure, Figures, explain, make_output
from openvasa.batch.options import Options, read_options
from openvasa.batch.places import fetch, publishing, remove_parts
from openvasa.batch.process_workers import ProcessWorkers
from openvasa.batch.read_list import read_tasks
from openvasa.batch.results import Outcome, ResultTable, read_fingerprints
from openvasa.batch.run import run_tasks, split_finished
from openvasa.batch.task import Portrait, Task
from openvasa.batch.workers import Ended
from openvasa.cli import main
from openvasa.errors import InputError
from openvasa.face.latent import FaceLatent
from openvasa.media.inspect import inspect_video

FIGURES = Figures(1.0, 25, 1000, 0.5)


class PlannedWorkers:
    """Workers whose pieces of work end as planned, in a random order."""

    def __init__(self, failures: dict[str, list[Failure]], places: int, seed: int) -> None:
        self.places = places
        self.failures = {name: deque(planned) for name, planned in failures.items()}
        self.encoded: Counter[Portrait] = Counter()
        self.forgotten: list[str] = []
        self.running: dict[int, tuple[str, Any]] = {}
        self.tickets = count()
        self.random = random.Random(seed)

    def encode(self, portrait: Portrait) -> int:
        self.encoded[portrait] += 1
        return self._begin(portrait.place, f"face of {portrait.place}")

    def make(self, task: Task, face: Any) -> int:
        assert face == f"face of {task.portrait}"
        assert face not in self.forgotten
        return self._begin(task.name, FIGURES)

    def wait(self, seconds: float) -> list[Ended]:
        assert len(self.running) <= self.places
        ticket = self.random.choice(list(self.running))
        name, value = self.running.pop(ticket)
        planned = self.failures.get(name)
        if planned:
            return [Ended(ticket, failure=planned.popleft())]
        return [Ended(ticket, value)]

    def stop(self, ticket: int) -> None:
        raise AssertionError

    def forget(self, face: Any) -> None:
        self.forgotten.append(face)

    def close(self) -> None:
        self.running.clear()

    def _begin(self, name: str, value: Any) -> int:
        ticket = next(self.tickets)
        self.running[ticket] = name, value
        return ticket


def plan(number: int, portraits: int) -> list[Task]:
    return [Task(f"t{i}", f"p{i % portraits}", f"o{i}.mp4", audio="a.wav") for i in range(number)]


PASSING, LASTING = Failure("the worker died", True), Failure("is no sound", False)


@settings(max_examples=60, deadline=None)
@given(
    number=st.integers(1, 25),
    portraits=st.integers(1, 5),
    places=st.integers(1, 4),
    seed=st.integers(0, 999),
    deaths=st.dictionaries(st.integers(0, 24), st.integers(1, 4)),
    poisoned=st.sets(st.integers(0, 24)),
)
def test_every_task_ends_once_with_its_reasons(number, portraits, places, seed, deaths, poisoned):
    failures = {f"t{i}": [PASSING] * n for i, n in deaths.items()}
    failures |= {f"t{i}": [LASTING] for i in poisoned}
    workers = PlannedWorkers(failures, places, seed)
    ended = list(run_tasks(plan(number, portraits), workers, retries=2))
    assert sorted(o.task.name for o in ended) == sorted(f"t{i}" for i in range(number))
    for outcome in ended:
        i = int(outcome.task.name[1:])
        died = 0 if i in poisoned else deaths.get(i, 0)
        assert (outcome.status == "failed") == (i in poisoned or died > 2)
        assert len(outcome.reasons) == (1 if i in poisoned else min(died, 3))
        assert outcome.attempts == len(outcome.reasons) + (outcome.status == "made")
    assert set(workers.encoded.values()) == {1}
    assert sorted(workers.forgotten) == sorted(
        {f"face of {t.portrait}" for t in plan(number, portraits)}
    )


def test_a_portrait_that_cannot_be_used_fails_its_own_tasks_alone():
    workers = PlannedWorkers({"p1": [LASTING]}, 2, 0)
    ended = list(run_tasks(plan(9, 3), workers))
    assert Counter(o.status for o in ended) == {"made": 6, "failed": 3}
    assert {o.task.portrait for o in ended if o.status == "failed"} == {"p1"}
    assert all(o.reasons == ("is no sound",) for o in ended if o.status == "failed")


def test_a_portrait_lost_with_its_node_is_encoded_again():
    lost = Failure("ObjectLostError", True, face_lost=True)
    workers = PlannedWorkers({"t1": [lost]}, 1, 0)
    ended = list(run_tasks(plan(3, 1), workers))
    assert [o.status for o in ended] == ["made"] * 3
    assert set(workers.encoded.values()) == {2}


def test_a_portrait_is_tried_again_after_a_passing_fault():
    workers = PlannedWorkers({"p0": [PASSING, PASSING]}, 2, 0)
    assert [o.status for o in run_tasks(plan(3, 1), workers)] == ["made"] * 3


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


def test_only_faults_of_the_machine_may_pass() -> None:
    full = InputError("a.mp4: cannot be written")
    full.__cause__ = OSError(28, "No space left on device")
    assert explain(full).passing
    assert explain(ConnectionError("away")).passing
    missing = InputError("a.wav: no such file")
    missing.__cause__ = FileNotFoundError(2, "No such file")
    assert not explain(missing).passing


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


def test_a_text_is_spoken_with_the_options(tmp_path: Path, face: FaceLatent) -> None:
    if shutil.which("espeak-ng") is None:
        pytest.skip("espeak-ng is not installed")
    options = replace(SMALL, seconds=0.5, background="green", emotion={"happy": 0.7}, gaze="viewer")
    task = Task("t", "unused", str(tmp_path / "a.webm"), text="Guten Tag.", options=options)
    assert make_output(replace(task, voice="espeak-de"), face, "mark").frames == 6
    assert inspect_video(tmp_path / "a.webm").codec == "vp9"
    with pytest.raises(InputError, match="voice nobody: no such one"):
        make_output(replace(task, voice="nobody"), face, "mark")


def test_an_output_may_be_the_avatar_itself(tmp_path: Path, face: FaceLatent) -> None:
    task = Task("t", "unused", str(tmp_path / "me.npz"))
    assert make_output(task, face, "mark").frames == 0
    np.testing.assert_array_equal(FaceLatent.load(tmp_path / "me.npz").landmarks, face.landmarks)


def test_killed_workers_and_poisoned_inputs_cost_no_other_task(tmp_path: Path) -> None:
    tasks = make_tasks(tmp_path, 5)
    (tmp_path / "voice1.wav").write_bytes(b"poison")
    workers = ProcessWorkers(2)
    outcomes, reasons = [], []
    try:
        for outcome in run_tasks(tasks, workers):
            if not any(o.status == "made" for o in outcomes) and outcome.status == "made":
                for number in workers.process_ids:
                    os.kill(number, signal.SIGKILL)
            outcomes.append(outcome)
            reasons += outcome.reasons
    finally:
        workers.close()
    assert {o.task.name: o.status for o in outcomes} == {
        "t1": "failed",
        **dict.fromkeys(("t0", "t2", "t3", "t4"), "made"),
    }
    assert sum("by signal 9" in reason for reason in reasons) >= 1
    videos = {p.name for p in tmp_path.iterdir() if not p.name.startswith("voice")}
    assert videos == {"out0.mp4", "out2.mp4", "out3.mp4", "out4.mp4"}
    assert all(inspect_video(tmp_path / name).frames >= 7 for name in videos)


def test_the_command_makes_checks_and_resumes(tmp_path: Path, full_disk: Path, capsys) -> None:
    write_voice(tmp_path / "a.wav")
    rows = [
        {"id": "good", "portrait": str(EXAMPLE_PORTRAIT), "audio": "a.wav"},
        {"id": "gone", "portrait": "nobody.jpg", "audio": "a.wav"},
        {"id": "full", "portrait": str(EXAMPLE_PORTRAIT), "audio": "a.wav"},
    ]
    rows[2]["output"] = str(full_disk / "full.mp4")
    (full_disk / "filler").write_bytes(b"x" * 60_000)
    jobs = tmp_path / "jobs.jsonl"
    jobs.write_text("\n".join(json.dumps(row) for row in rows))
    command = ["batch", str(jobs), "-o", str(tmp_path), "--option", "size=128"]
    assert main([*command, "--dry-run"]) == 2
    said = capsys.readouterr().out
    assert "gone: refuse: nobody.jpg" in said.replace(f"{tmp_path}/", "")
    assert said.endswith("1 would fail\n")
    assert not (tmp_path / "good.mp4").exists()

    command += ["--on", "processes", "--workers", "1", "--retries", "1"]
    assert main(command) == 1
    assert "1 made, 0 kept, 2 failed of 3" in capsys.readouterr().out
    made = (tmp_path / "good.mp4").read_bytes()
    table = tmp_path / "jobs.jsonl.results.jsonl"
    results = {row["id"]: row for row in map(json.loads, table.read_text().splitlines())}
    assert results["good"]["frames"] == inspect_video(tmp_path / "good.mp4").frames
    assert (results["gone"]["attempts"], results["full"]["attempts"]) == (1, 2)
    assert results["full"]["error"].startswith(f"{full_disk / 'full.mp4'}: cannot be written")
    assert os.listdir(full_disk) == ["filler"]

    rows[2]["output"] = "full.mp4"
    jobs.write_text("\n".join(json.dumps(row) for row in rows))
    assert main([*command, "--resume", "--quiet"]) == 1
    assert (tmp_path / "good.mp4").read_bytes() == made
    last = [json.loads(line) for line in table.read_text().splitlines()][-3:]
    assert {row["id"]: row["status"] for row in last} == {
        "good": "kept",
        "gone": "failed",
        "full": "made",
    }
