"""A list of tasks: scheduled, counted, and made by real processes."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
from collections import Counter, deque
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from batch_plans import FIGURES, plan
from hypothesis import given, settings
from hypothesis import strategies as st
from short_jobs import SMALL, make_tasks, write_voice

from openvasa.assets import EXAMPLE_PORTRAIT
from openvasa.batch.make import Failure, explain, make_output
from openvasa.batch.process_workers import ProcessWorkers
from openvasa.batch.run import run_tasks
from openvasa.batch.task import Portrait, Task
from openvasa.batch.workers import Ended
from openvasa.cli import main
from openvasa.errors import InputError
from openvasa.face.latent import FaceLatent
from openvasa.media.inspect import inspect_video


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


def test_only_faults_of_the_machine_may_pass() -> None:
    full = InputError("a.mp4: cannot be written")
    full.__cause__ = OSError(28, "No space left on device")
    assert explain(full).passing
    assert explain(ConnectionError("away")).passing
    missing = InputError("a.wav: no such file")
    missing.__cause__ = FileNotFoundError(2, "No such file")
    assert not explain(missing).passing


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
