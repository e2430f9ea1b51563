"""Databases for tests of the job service: SQLite in a file, and a PostgreSQL server of its own."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_FOLDERS = "/usr/lib/postgresql/*/bin/initdb"


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


@contextmanager
def run_postgres() -> Iterator[str]:
    """URL of an empty database on a server that ends with the block."""
    programs = _find_programs()
    if programs is None:
        pytest.skip("PostgreSQL's initdb is not installed")
    user = _ordinary_user()
    with tempfile.TemporaryDirectory(prefix="openvasa-postgres-") as folder:
        data = Path(folder) / "data"
        if user is not None:
            os.chown(folder, user.pw_uid, user.pw_gid)
        port = free_port()

        def run(*command: str) -> None:
            subprocess.run(
                command,
                check=True,
                cwd=folder,
                stdout=subprocess.DEVNULL,
                user=None if user is None else user.pw_uid,
                group=None if user is None else user.pw_gid,
            )

        run(str(programs / "initdb"), "-D", str(data), "-A", "trust", "-U", "openvasa", "-N")
        options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1"
        log = str(Path(folder) / "log")
        start = ["-D", str(data), "-l", log, "-w", "-o", options, "start"]
        run(str(programs / "pg_ctl"), *start)
        try:
            yield f"postgresql+psycopg://openvasa@127.0.0.1:{port}/postgres"
        finally:
            run(str(programs / "pg_ctl"), "-D", str(data), "-m", "immediate", "stop")


def _find_programs() -> Path | None:
    found = shutil.which("initdb")
    if found:
        return Path(found).parent
    installed = sorted(Path("/").glob(_FOLDERS.lstrip("/")))
    return installed[-1].parent if installed else None


def _ordinary_user() -> pwd.struct_passwd | None:
    """Whom to run the server as, since it refuses to run as root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    pytest.skip("PostgreSQL does not run as root, and there is no other user")
