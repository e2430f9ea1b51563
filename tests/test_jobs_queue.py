"""Jobs on real SQLite and real PostgreSQL: accepted once, claimed by one, ended once."""

from __future__ import annotations

import random
from argparse import Namespace
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from jobs_server import run_postgres

pytest.importorskip("sqlalchemy", reason="the extra jobs is not installed")

from openvasa.commands import serve
from openvasa.errors import InputError
from openvasa.jobs.database import Database
from openvasa.jobs.job import Job, Order
from openvasa.jobs.queue import MOST_ATTEMPTS, JobQueue, KeyTaken, new_id
from openvasa.jobs.quota import Quota, QuotaReached
from openvasa.jobs.webhook import WebhookTurns

ORDER = Order("video", "p.jpg", ".mp4", audio="a.wav", options={"size": 256})


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        self.now += 0.001
        return self.now


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    with run_postgres() as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if request.param == "sqlite":
        opened = Database(f"sqlite:///{tmp_path}/jobs.db")
    else:
        opened = Database(request.getfixturevalue("postgres"))
        with opened.write() as connection:
            connection.exec_driver_sql("TRUNCATE jobs, clients")
    yield opened
    opened.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def queue(database: Database, clock: Clock) -> JobQueue:
    return JobQueue(database, clock, lease_s=30)


def accept(queue: JobQueue, key: str | None = None, client: str = "c", **more) -> Job:
    return queue.accept(client, new_id(), ORDER, "digest", key, **more)[0]


def test_a_job_goes_its_way(queue: JobQueue) -> None:
    job = accept(queue)
    claimed = queue.claim()
    assert claimed is not None
    assert (claimed.id, claimed.state, claimed.attempts) == (job.id, "running", 1)
    assert claimed.order == ORDER
    assert queue.claim() is None
    queue.note_progress(claimed, 10, 50)
    found = queue.find("c", job.id)
    assert found is not None
    assert (found.frames_done, found.frames) == (10, 50)
    assert queue.complete(claimed, "out.mp4", 50)
    done = queue.find("c", job.id)
    assert done is not None
    assert (done.state, done.result, done.frames) == ("done", "out.mp4", 50)
    assert queue.find("another", job.id) is None


def test_many_claim_each_job_once(database: Database) -> None:
    queue = JobQueue(database)
    jobs = {accept(queue).id for _ in range(40)}

    def work(_: int) -> list[str]:
        mine = []
        while (job := queue.claim()) is not None:
            assert queue.complete(job, f"{job.lease}.mp4", 1)
            mine.append(job.id)
        return mine

    with ThreadPoolExecutor(6) as pool:
        claimed = [job_id for mine in pool.map(work, range(6)) for job_id in mine]
    assert Counter(claimed) == Counter(jobs)


def test_who_was_thought_dead_changes_nothing(queue: JobQueue, clock: Clock) -> None:
    job = accept(queue)
    first = queue.claim()
    assert first is not None
    clock.now += 31
    second = queue.claim()
    assert second is not None
    assert (second.id, second.attempts) == (job.id, 2)
    assert not queue.complete(first, "first.mp4", 1)
    assert not queue.fail(first, "late")
    assert not queue.release(first)
    assert queue.renew([first]) == ({job.id}, set())
    assert queue.complete(second, "second.mp4", 1)
    assert not queue.complete(second, "again.mp4", 1)
    done = queue.find("c", job.id)
    assert done is not None
    assert done.result == "second.mp4"


def test_a_renewed_lease_holds(queue: JobQueue, clock: Clock) -> None:
    accept(queue)
    job = queue.claim()
    assert job is not None
    for _ in range(5):
        clock.now += 20
        assert queue.renew([job]) == (set(), set())
        assert queue.claim() is None


def test_what_kills_its_workers_is_given_up(queue: JobQueue, clock: Clock) -> None:
    job = accept(queue)
    for _ in range(MOST_ATTEMPTS):
        assert queue.claim() is not None
        clock.now += 31
    assert queue.claim() is None
    found = queue.find("c", job.id)
    assert found is not None
    assert (found.state, found.attempts) == ("failed", MOST_ATTEMPTS)


def test_a_passing_fault_is_tried_again_later(queue: JobQueue, clock: Clock) -> None:
    job = accept(queue)
    claimed = queue.claim()
    assert claimed is not None
    assert queue.fail(claimed, "the disk is full", again_in=60)
    assert queue.claim() is None
    clock.now += 61
    again = queue.claim()
    assert again is not None
    assert again.id == job.id
    assert queue.fail(again, "is no sound")
    found = queue.find("c", job.id)
    assert found is not None
    assert (found.state, found.error) == ("failed", "is no sound")


def test_a_repeated_request_is_the_same_job(database: Database) -> None:
    queue = JobQueue(database)
    with ThreadPoolExecutor(8) as pool:
        jobs = list(pool.map(lambda _: accept(queue, key="k").id, range(16)))
    assert len(set(jobs)) == 1
    assert accept(queue, key="k", client="another").id != jobs[0]
    with pytest.raises(KeyTaken):
        queue.accept("c", new_id(), ORDER, "another digest", "k")


def test_a_quota_holds_among_requests_at_once(database: Database) -> None:
    queue, quota = JobQueue(database), Quota(unfinished=5)

    def attempt(_: int) -> bool:
        try:
            accept(queue, quota=quota)
        except QuotaReached:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(20))) == 5


def test_a_day_has_its_quota(queue: JobQueue, clock: Clock) -> None:
    quota = Quota(per_day=2)
    for _ in range(2):
        accept(queue, quota=quota)
        job = queue.claim()
        assert job is not None
        queue.complete(job, "x", 1)
    with pytest.raises(QuotaReached, match="24 hours"):
        accept(queue, quota=quota)
    clock.now += 86_500
    accept(queue, quota=quota)


def test_what_was_deleted_still_counts_for_a_day(queue: JobQueue, clock: Clock) -> None:
    quota = Quota(per_day=1)
    job = accept(queue, quota=quota)
    queue.cancel("c", job.id)
    assert queue.forget("c", job.id) is not None
    assert queue.find("c", job.id) is None
    assert queue.forget("c", job.id) is None
    assert queue.list("c", kind="video") == []
    assert queue.count() == {}
    with pytest.raises(QuotaReached, match="24 hours"):
        accept(queue, quota=quota)
    assert queue.finished_before(clock.now) == []
    clock.now += 86_500
    assert [old.id for old in queue.finished_before(0)] == [job.id]
    queue.forget("c", job.id)
    assert queue.finished_before(0) == []


def test_waiting_and_running_jobs_are_cancelled(queue: JobQueue) -> None:
    running, waiting = accept(queue), accept(queue)
    claimed = queue.claim()
    assert claimed is not None
    cancelled = queue.cancel("c", waiting.id)
    assert cancelled is not None
    assert cancelled.state == "cancelled"
    asked = queue.cancel("c", running.id)
    assert asked is not None
    assert asked.state == "running"
    assert queue.renew([claimed]) == (set(), {running.id})
    assert queue.end_cancelled(claimed)
    assert queue.claim() is None
    assert queue.cancel("another", running.id) is None


def test_lists_and_old_jobs(queue: JobQueue, clock: Clock) -> None:
    jobs = [accept(queue) for _ in range(3)]
    assert [j.id for j in queue.list("c", kind="video", most=2)] == [jobs[2].id, jobs[1].id]
    assert [j.id for j in queue.list("c", kind="video", before=jobs[1].accepted_at)] == [jobs[0].id]
    claimed = queue.claim()
    assert claimed is not None
    queue.complete(claimed, "x", 1)
    assert queue.forget("c", jobs[1].id) is None
    assert [j.id for j in queue.finished_before(clock.now + 1)] == [jobs[0].id]
    assert queue.forget("c", jobs[0].id) is not None
    assert queue.count() == {"queued": 2}


def test_an_end_is_told_until_it_is_heard(database: Database, clock: Clock) -> None:
    queue, turns = JobQueue(database, clock), WebhookTurns(database, clock)
    order = replace(ORDER, webhook="https://example.com/")
    job, _ = queue.accept("c", new_id(), order, "d")
    claimed = queue.claim()
    assert claimed is not None
    assert turns.claim() is None
    queue.complete(claimed, "x", 1)
    turn = turns.claim()
    assert turn is not None
    assert (turn[0].id, turn[1]) == (job.id, 0)
    assert turns.claim() is None
    turns.end(turn[0], again_in=10)
    clock.now += 11
    again = turns.claim()
    assert again is not None
    assert again[1] == 1
    turns.end(again[0])
    clock.now += 1000
    assert turns.claim() is None


def test_random_deaths_lose_no_job_and_end_none_twice(database: Database, clock: Clock) -> None:
    queue, dice = JobQueue(database, clock, lease_s=5), random.Random(3)
    jobs = [accept(queue).id for _ in range(25)]
    held: list[Job] = []
    shown: Counter[str] = Counter()
    for _ in range(600):
        clock.now += dice.random() * 2
        if dice.random() < 0.6 and (job := queue.claim()) is not None:
            held.append(job)
        if held and dice.random() < 0.5:
            job = held.pop(dice.randrange(len(held)))
            # Killed three times of ten: it says nothing any more, and its lease runs out.
            if dice.random() > 0.3:
                shown[job.id] += queue.complete(job, f"{job.lease}.mp4", 1)
    states = {j.id: j for j in queue.list("c", kind="video", most=200)}
    assert set(states) == set(jobs)
    assert set(shown.values()) <= {0, 1}
    for job_id in jobs:
        assert states[job_id].state in {"done", "failed"}
        assert (states[job_id].state == "done") == (shown[job_id] == 1)


@pytest.mark.parametrize("url", ["nothing", "oracle://x", "sqlite:////nowhere/at/all.db"])
def test_a_database_that_cannot_be_used_is_named(url: str) -> None:
    with pytest.raises(InputError, match=r"database|reached"):
        Database(url)


def test_an_empty_variable_names_no_database(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # As compose files set it with ${OPENVASA_DATABASE:-}.
    monkeypatch.setenv(serve.DATABASE, "")
    options = Namespace(files=str(tmp_path), database=None, keep=7.0)
    assert serve.choose_storage(options).database == f"sqlite:///{tmp_path}/jobs.db"
