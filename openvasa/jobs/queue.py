"""Jobs in their order: accepted once, claimed by one worker at a time, ended once.

A claim is a lease: a random word that is written with the job, and a time until which it holds.
Only who knows the present word may end the attempt, so that a worker that was thought dead and
comes back changes nothing. A lease that runs out, because its holder was killed, is claimed again.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Row, and_, bindparam, delete, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from openvasa.jobs.database import JOBS, Database
from openvasa.jobs.job import FINISHED, UNFINISHED, Job, Order, State
from openvasa.jobs.quota import DAY_S, Quota, check_quota, lock_client

LEASE_S = 30.0
DELETED = "deleted"
"""State of a job that its client deleted and that still counts against its quota."""
MOST_ATTEMPTS = 4
"""A job that has cost so many workers their lives is given up."""

_C = JOBS.c


# Made once: SQLAlchemy takes longer to put a query together than SQLite to answer it.
_INSERT = insert(JOBS)
_BY_KEY = select(JOBS).where(
    _C.client == bindparam("client"), _C.idempotency_key == bindparam("key")
)


class KeyTaken(Exception):
    """An idempotency key was used for another order."""


def new_id() -> str:
    """An id that nobody guesses."""
    return secrets.token_hex(16)


class JobQueue:
    """The jobs of a database.

    Args:
        database: where they are.
        clock: seconds since 1970.
        lease_s: how long a claim holds without being renewed.
    """

    def __init__(
        self,
        database: Database,
        clock: Callable[[], float] = time.time,
        lease_s: float = LEASE_S,
    ) -> None:
        self._database = database
        self._clock = clock
        self.lease_s = lease_s

    def accept(
        self,
        client: str,
        job_id: str,
        order: Order,
        digest: str,
        key: str | None = None,
        quota: Quota = Quota(),  # noqa: B008 (frozen)
    ) -> tuple[Job, bool]:
        """Keep a job; it is not lost from here on.

        Args:
            client: whose it is.
            job_id: from `new_id`; its files bear it.
            order: what to make.
            digest: of the request; the same request has the same.
            key: makes a repeated request the same job.
            quota: of the client.

        Returns:
            The job, and whether it is new; else it is that of an earlier request with the key.

        Raises:
            QuotaReached: the client has as many jobs as it may have.
            KeyTaken: the key belongs to another request.
        """
        now = self._clock()
        row = {
            "id": job_id,
            "client": client,
            "kind": order.kind,
            "state": "queued",
            "order": json.dumps(asdict(order), sort_keys=True),
            "idempotency_key": key,
            "digest": digest,
            "accepted_at": now,
            "not_before": now,
            "attempts": 0,
            "cancel": False,
            "webhook_attempts": 0,
        }
        try:
            with self._database.write() as connection:
                lock_client(connection, client)
                earlier = self._find_by_key(connection, client, key, digest)
                if earlier is not None:
                    return earlier, False
                check_quota(connection, client, quota, now)
                connection.execute(_INSERT, row)
        except IntegrityError:
            # Its twin, accepted by another server in between.
            with self._database.read() as connection:
                earlier = self._find_by_key(connection, client, key, digest)
            if earlier is None:
                raise
            return earlier, False
        return Job(job_id, client, order, "queued", now), True

    def claim(self) -> Job | None:
        """The next job to work at, leased to the caller; None where none waits."""
        now = self._clock()
        ours: dict[str, Any] = {
            "state": "running",
            "lease": secrets.token_hex(8),
            "lease_until": now + self.lease_s,
            "started_at": now,
            "frames_done": None,
            "frames": None,
        }
        free = or_(
            and_(_C.state == "queued", _C.not_before <= now),
            and_(_C.state == "running", _C.lease_until < now),
        )
        with self._database.write() as connection:
            next_one = (
                select(JOBS)
                .where(free)
                .order_by(_C.accepted_at)
                .limit(1)
                .with_for_update(skip_locked=True)
            )
            row = connection.execute(next_one).one_or_none()
            if row is None:
                return None
            here = _C.id == row.id
            if row.cancel:
                connection.execute(update(JOBS).where(here).values(self._end("cancelled", row)))
                return None
            if row.attempts >= MOST_ATTEMPTS:
                error = row.error or "every attempt ended with its worker"
                ended = self._end("failed", row) | {"error": f"given up: {error}"}
                connection.execute(update(JOBS).where(here).values(ended))
                return None
            connection.execute(
                update(JOBS).where(here).values(ours | {"attempts": row.attempts + 1})
            )
            return read_job(connection.execute(select(JOBS).where(here)).one())

    def renew(self, held: Collection[Job]) -> tuple[set[str], set[str]]:
        """Hold on to jobs.

        Returns:
            Ids of those that are no longer the caller's, and of those to be cancelled.
        """
        lost, cancelled = set(), set()
        for job in held:
            with self._database.write() as connection:
                until = self._clock() + self.lease_s
                kept = connection.execute(
                    update(JOBS).where(_is_ours(job)).values(lease_until=until)
                )
                if not kept.rowcount:
                    lost.add(job.id)
                    continue
                row = connection.execute(select(_C.cancel).where(_C.id == job.id)).one()
                if row.cancel:
                    cancelled.add(job.id)
        return lost, cancelled

    def note_progress(self, job: Job, done: int, of: int) -> None:
        """Say how many frames are made, and how many the whole video has."""
        with self._database.write() as connection:
            connection.execute(
                update(JOBS).where(_is_ours(job)).values(frames_done=done, frames=of)
            )

    def complete(self, job: Job, result: str, frames: int) -> bool:
        """End an attempt well; False where the job is no longer the caller's."""
        made = {"result": result, "frames": frames, "frames_done": frames, "error": None}
        return self._finish(job, "done", made)

    def fail(self, job: Job, reason: str, *, again_in: float | None = None) -> bool:
        """End an attempt badly; with `again_in` seconds it is tried again, if any attempt is left.

        Returns:
            Whether the job was still the caller's.
        """
        if again_in is None or job.attempts >= MOST_ATTEMPTS:
            return self._finish(job, "failed", {"error": reason})
        later = self._clock() + again_in
        return self._put_back(job, {"not_before": later, "error": reason})

    def fail_all(self, reason: str) -> None:
        """End every job that is not finished badly: whoever would make them is gone."""
        with self._database.write() as connection:
            waiting = select(JOBS).where(_C.state.in_(UNFINISHED)).with_for_update()
            for row in connection.execute(waiting).all():
                ended = self._end("failed", row) | {"error": reason}
                connection.execute(update(JOBS).where(_C.id == row.id).values(ended))

    def release(self, job: Job) -> bool:
        """Give a job back as if it had not been begun."""
        return self._put_back(job, {"attempts": max(0, job.attempts - 1)})

    def end_cancelled(self, job: Job) -> bool:
        """End an attempt since its client wants it ended."""
        return self._finish(job, "cancelled", {})

    def cancel(self, client: str, job_id: str) -> Job | None:
        """Have a job ended: now where it waits, soon where it runs; None where there is none."""
        with self._database.write() as connection:
            mine = and_(_C.id == job_id, _C.client == client, _C.state != DELETED)
            row = connection.execute(select(JOBS).where(mine).with_for_update()).one_or_none()
            if row is None:
                return None
            if row.state == "queued":
                ended = self._end("cancelled", row) | {"cancel": True}
                connection.execute(update(JOBS).where(mine).values(ended))
            elif row.state == "running":
                connection.execute(update(JOBS).where(mine).values(cancel=True))
            return read_job(connection.execute(select(JOBS).where(mine)).one())

    def find(self, client: str, job_id: str) -> Job | None:
        """A client's job."""
        with self._database.read() as connection:
            mine = and_(_C.id == job_id, _C.client == client, _C.state != DELETED)
            row = connection.execute(select(JOBS).where(mine)).one_or_none()
        return None if row is None else read_job(row)

    def list(
        self,
        client: str,
        *,
        kind: str,
        state: State | None = None,
        before: float | None = None,
        most: int = 50,
    ) -> Sequence[Job]:
        """A client's jobs, the newest first."""
        wanted = select(JOBS).where(_C.client == client, _C.kind == kind, _C.state != DELETED)
        if state is not None:
            wanted = wanted.where(_C.state == state)
        if before is not None:
            wanted = wanted.where(_C.accepted_at < before)
        with self._database.read() as connection:
            rows = connection.execute(wanted.order_by(_C.accepted_at.desc()).limit(most)).all()
        return [read_job(row) for row in rows]

    def forget(self, client: str, job_id: str) -> Job | None:
        """Remove a finished job; None where there is none, or it is not finished.

        One of the last 24 hours goes on counting against its client's quota, and is seen by nobody.
        """
        with self._database.write() as connection:
            mine = and_(_C.id == job_id, _C.client == client, _C.state.in_((*FINISHED, DELETED)))
            row = connection.execute(select(JOBS).where(mine)).one_or_none()
            if row is not None and row.accepted_at > self._clock() - DAY_S:
                hidden = {"state": DELETED, "idempotency_key": None, "webhook_at": None}
                connection.execute(update(JOBS).where(mine).values(hidden))
            elif row is not None:
                connection.execute(delete(JOBS).where(mine))
        return None if row is None or row.state == DELETED else read_job(row)

    def finished_before(self, moment: float, most: int = 100) -> Sequence[Job]:
        """Jobs that ended before a time; avatars are kept until their client deletes them."""
        ended = and_(
            _C.state.in_(FINISHED),
            _C.finished_at < moment,
            or_(_C.kind == "video", _C.state != "done"),
        )
        uncounted = and_(_C.state == DELETED, _C.accepted_at < self._clock() - DAY_S)
        old = select(JOBS).where(or_(ended, uncounted))
        with self._database.read() as connection:
            return [read_job(row) for row in connection.execute(old.limit(most)).all()]

    def count(self) -> dict[str, int]:
        """Jobs by state."""
        with self._database.read() as connection:
            seen = select(_C.state, func.count()).where(_C.state != DELETED)
            rows = connection.execute(seen.group_by(_C.state)).all()
        return {state: number for state, number in rows}

    def _finish(self, job: Job, state: State, more: dict[str, Any]) -> bool:
        with self._database.write() as connection:
            row = connection.execute(
                select(JOBS).where(_is_ours(job)).with_for_update()
            ).one_or_none()
            if row is None:
                return False
            ended = self._end(state, row) | more
            connection.execute(update(JOBS).where(_C.id == job.id).values(ended))
        return True

    def _put_back(self, job: Job, more: dict[str, Any]) -> bool:
        waiting = {"state": "queued", "lease": None, "lease_until": None, "started_at": None}
        with self._database.write() as connection:
            done = connection.execute(update(JOBS).where(_is_ours(job)).values(waiting | more))
        return bool(done.rowcount)

    def _end(self, state: State, row: Row) -> dict[str, Any]:
        now = self._clock()
        told = json.loads(row.order)["webhook"] is not None
        return {
            "state": state,
            "lease": None,
            "lease_until": None,
            "finished_at": now,
            "webhook_at": now if told else None,
        }

    def _find_by_key(
        self, connection: Any, client: str, key: str | None, digest: str
    ) -> Job | None:
        if key is None:
            return None
        row = connection.execute(_BY_KEY, {"client": client, "key": key}).one_or_none()
        if row is None:
            return None
        if row.digest != digest:
            raise KeyTaken(f"idempotency key {key}: belongs to another request; choose a new one")
        return read_job(row)


def digest_of(parts: Collection[bytes]) -> str:
    """Of what a request holds."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "big"))
        digest.update(part)
    return digest.hexdigest()


def _is_ours(job: Job) -> Any:
    return and_(_C.id == job.id, _C.state == "running", _C.lease == job.lease)


def read_job(row: Row) -> Job:
    return Job(
        id=row.id,
        client=row.client,
        order=Order(**json.loads(row.order)),
        state=row.state,
        accepted_at=row.accepted_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        attempts=row.attempts,
        lease=row.lease,
        frames_done=row.frames_done,
        frames=row.frames,
        cancel=row.cancel,
        result=row.result,
        error=row.error,
    )
