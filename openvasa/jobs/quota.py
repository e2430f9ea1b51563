"""How many jobs a client may have, counted while no other request of it is."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, func, insert, select
from sqlalchemy.exc import IntegrityError

from openvasa.jobs.database import CLIENTS, JOBS
from openvasa.jobs.job import UNFINISHED

DAY_S = 86400.0


# Made once: SQLAlchemy takes longer to put a query together than SQLite to answer it.
_CLIENT = select(CLIENTS.c.name).where(CLIENTS.c.name == bindparam("client")).with_for_update()
_JOBS_OF_CLIENT = select(func.count()).select_from(JOBS).where(JOBS.c.client == bindparam("client"))
_UNFINISHED_OF_CLIENT = _JOBS_OF_CLIENT.where(JOBS.c.state.in_(UNFINISHED))
_SINCE_OF_CLIENT = _JOBS_OF_CLIENT.where(JOBS.c.accepted_at > bindparam("since"))


class QuotaReached(Exception):
    """A client has as many jobs as it may have; the message is one line for it."""


@dataclass(frozen=True)
class Quota:
    """How many jobs a client may have.

    Attributes:
        unfinished: queued or running.
        per_day: accepted within 24 hours.
    """

    unfinished: int = 100
    per_day: int = 10_000


def lock_client(connection: Connection, client: str) -> None:
    """Let one request of a client be counted at a time, until the transaction ends."""
    mine = {"client": client}
    if connection.execute(_CLIENT, mine).one_or_none() is not None:
        return
    attempt = connection.begin_nested()
    try:
        connection.execute(insert(CLIENTS).values(name=client))
        attempt.commit()
    except IntegrityError:
        attempt.rollback()
        connection.execute(_CLIENT, mine)


def check_quota(connection: Connection, client: str, quota: Quota, now: float) -> None:
    """Raise QuotaReached where one job more would be too many."""
    mine = {"client": client}
    waiting = connection.execute(_UNFINISHED_OF_CLIENT, mine).scalar_one()
    if waiting >= quota.unfinished:
        raise QuotaReached(f"{waiting} jobs are not finished yet; wait for one of them")
    today = connection.execute(_SINCE_OF_CLIENT, mine | {"since": now - DAY_S}).scalar_one()
    if today >= quota.per_day:
        raise QuotaReached(f"{today} jobs in 24 hours are all that you may have; come back later")
