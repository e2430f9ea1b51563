"""The database of the service: SQLite in a file, or PostgreSQL by its URL.

Tables are SQLAlchemy's Core: one text of the queries for both. A job is accepted, claimed and ended
in one transaction each, so that a process killed in the middle has done it or has not.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from sqlalchemy import (
    Boolean,
    Column,
    Connection,
    Engine,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    create_engine,
    event,
    inspect,
)
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from openvasa.errors import InputError

METADATA = MetaData()

CLIENTS = Table("clients", METADATA, Column("name", String(200), primary_key=True))
"""A row for each client: locked while its quota is counted."""

JOBS = Table(
    "jobs",
    METADATA,
    Column("id", String(40), primary_key=True),
    Column("client", String(200), nullable=False),
    Column("kind", String(10), nullable=False),
    Column("state", String(10), nullable=False),
    Column("order", Text, nullable=False),
    Column("idempotency_key", String(200)),
    Column("digest", String(64), nullable=False),
    Column("accepted_at", Float(53), nullable=False),
    Column("not_before", Float(53), nullable=False),
    Column("started_at", Float(53)),
    Column("finished_at", Float(53)),
    Column("attempts", Integer, nullable=False),
    Column("lease", String(40)),
    Column("lease_until", Float(53)),
    Column("frames_done", Integer),
    Column("frames", Integer),
    Column("cancel", Boolean, nullable=False),
    Column("result", Text),
    Column("error", Text),
    Column("webhook_at", Float(53)),
    Column("webhook_attempts", Integer, nullable=False),
    UniqueConstraint("client", "idempotency_key", name="one_job_a_key"),
    Index("jobs_by_turn", "state", "not_before", "accepted_at"),
    Index("jobs_of_client", "client", "accepted_at"),
    Index("jobs_of_client_by_state", "client", "state"),
    Index("jobs_to_tell", "webhook_at"),
)
"""`webhook_at`: when its client is to be told of the end; NULL where nobody is, or was."""

_WRITES = "openvasa_writes"


class Database:
    """Connections to the database; raises InputError where it cannot be reached.

    Args:
        url: as sqlite:///jobs.db or postgresql+psycopg://user@host/name.
    """

    def __init__(self, url: str) -> None:
        try:
            self._engine = _open(url)
        except (ArgumentError, NoSuchModuleError, ImportError) as error:
            # Not the whole URL: it may hold a password.
            kind = url.partition("://")[0] if "://" in url else "the database"
            raise InputError(
                f"{kind}: is no database; give sqlite:///FILE or postgresql+psycopg://…"
            ) from error
        try:
            _make_tables(self._engine)
        except SQLAlchemyError as error:
            told = str(getattr(error, "orig", error)).strip().splitlines()[0]
            place = self._engine.url.render_as_string(hide_password=True)
            raise InputError(f"{place}: cannot be reached ({told})") from error
        self._writing = self._engine.execution_options(**{_WRITES: True})
        # SQLite lets writers wait by sleeping longer and longer; the threads of this process take
        # turns instead, and only its other processes are waited for like that.
        takes_turns = self._engine.dialect.name == "sqlite"
        self._turn: AbstractContextManager = threading.Lock() if takes_turns else nullcontext()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that only reads."""
        with self._engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that is kept at the end of the block, and undone after an exception."""
        with self._turn, self._writing.begin() as connection:
            yield connection

    def close(self) -> None:
        """Give all connections back."""
        self._engine.dispose()


def _make_tables(engine: Engine) -> None:
    try:
        METADATA.create_all(engine, checkfirst=True)
        # Of a database that an earlier version made.
        for index in JOBS.indexes:
            index.create(engine, checkfirst=True)
    except SQLAlchemyError:
        # Two servers that start together: the other has made them meanwhile.
        if not inspect(engine).has_table(JOBS.name):
            raise


def _open(url: str) -> Engine:
    if not url.startswith("sqlite"):
        return create_engine(url, pool_size=10, max_overflow=20, pool_pre_ping=True)
    engine = create_engine(url, connect_args={"timeout": 30, "check_same_thread": False})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    # Transactions are begun below: the driver would begin them late, and only for writing.
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=30000"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    # A reader that becomes a writer is refused when another has written meanwhile.
    writes = connection.get_execution_options().get(_WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
