"""Start the service: the web server with a dispatcher beside it, or a dispatcher alone."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError

from openvasa.batch.process_workers import ProcessWorkers
from openvasa.batch.workers import Share, Workers
from openvasa.jobs.app import Limits, create_app
from openvasa.jobs.clients import Clients, local_client, one_client
from openvasa.jobs.database import Database
from openvasa.jobs.dispatcher import Dispatcher
from openvasa.jobs.files import Files
from openvasa.jobs.queue import JobQueue
from openvasa.jobs.webhook import WebhookTurns, tell_next
from openvasa.live.addresses import loopback_hosts

RESTART_PAUSE_S = 1.0
SWEEP_S = 60.0
WEBHOOK_SECRET = "OPENVASA_WEBHOOK_SECRET"
"""Variable with what webhooks are signed with where no file of clients says so."""


@dataclass(frozen=True)
class Storage:
    """Where the service keeps what it must not lose.

    Attributes:
        database: URL of SQLAlchemy.
        files: folder or URL.
        keep_s: seconds that a finished job and its files are kept.
    """

    database: str
    files: str
    keep_s: float = 7 * 86400.0


def serve_jobs(
    storage: Storage,
    *,
    host: str,
    port: int,
    clients: Clients | None,
    limits: Limits,
    dispatcher: Sequence[str] | None,
) -> None:
    """Serve until interrupted.

    Args:
        storage: where jobs and files are.
        host, port: where to listen.
        clients: who may use it; None for one client, who needs a token on any address but a
            loopback one. It is printed.
        limits: what is taken at most.
        dispatcher: command of a dispatcher to run beside; None for none.

    Raises:
        InputError: the database or the files cannot be reached, or the port cannot be used.
    """
    import uvicorn

    from openvasa.live.web_server import run_server

    hosts = loopback_hosts(host)
    token = None
    if clients is None:
        token = None if hosts is not None else secrets.token_urlsafe(16)
        clients = local_client() if token is None else one_client(token)
        # The dispatcher tells clients, signed with the token that the server made up.
        os.environ[WEBHOOK_SECRET] = token or ""
    queue, files = JobQueue(Database(storage.database)), Files(storage.files)
    app = create_app(queue, files, clients, limits, hosts)
    shown = f"[{host}]" if ":" in host else host
    told = f"; send Authorization: Bearer {token}" if token else ""
    print(f"OpenVASA jobs: http://{shown}:{port}/v1/videos{told}; Ctrl-C stops it", flush=True)
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
    )
    over = threading.Event()
    watcher = None
    if dispatcher is not None:
        watcher = threading.Thread(target=_keep_running, args=(dispatcher, over))
        watcher.start()
    try:
        run_server(uvicorn.Server(config))
    finally:
        over.set()
        if watcher is not None:
            watcher.join()


def dispatch_jobs(
    storage: Storage,
    *,
    workers: Workers,
    clients: Clients,
    private_webhooks: bool,
    stop: threading.Event,
) -> None:
    """Have jobs made until `stop` is set; see `Dispatcher`."""
    database, files = Database(storage.database), Files(storage.files)
    queue, turns = JobQueue(database), WebhookTurns(database)
    threading.Thread(
        target=_tell_clients, args=(turns, clients, private_webhooks, stop), daemon=True
    ).start()
    swept_at = 0.0

    def sweep() -> None:
        nonlocal swept_at
        if time.monotonic() - swept_at > SWEEP_S:
            swept_at = time.monotonic()
            remove_old(queue, files, storage.keep_s)

    try:
        Dispatcher(queue, files, workers, sweep).run(stop)
    finally:
        workers.close()


def remove_old(queue: JobQueue, files: Files, keep_s: float) -> list[str]:
    """Remove jobs that ended long ago, and their files; gives their ids."""
    old = queue.finished_before(time.time() - keep_s)
    for job in old:
        files.remove_all(job.id)
        queue.forget(job.client, job.id)
    return [job.id for job in old]


def start_workers(on: str, address: str | None, number: int | None, share: Share) -> Workers:
    """Workers by their name: ray or processes."""
    if on == "ray":
        from openvasa.batch.ray_workers import RayWorkers

        return RayWorkers(address, number, share)
    return ProcessWorkers(number, share)


def end_with_input() -> None:
    """End this process when its standard input does: whoever started it is gone."""

    def watch() -> None:
        while os.read(0, 1):
            pass
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()


def _tell_clients(
    turns: WebhookTurns, clients: Clients, private: bool, stop: threading.Event
) -> None:
    while not stop.is_set():
        try:
            told = tell_next(turns, clients.secret_of, private=private)
        except SQLAlchemyError:
            # The dispatcher complains of the same database.
            told = False
        if not told:
            stop.wait(1.0)


def _keep_running(command: Sequence[str], over: threading.Event) -> None:
    """Run a dispatcher, and another when it dies; its standard input ends with this process."""
    while not over.is_set():
        running = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=sys.stderr)
        while running.poll() is None and not over.wait(0.2):
            pass
        if over.is_set():
            running.terminate()
        running.wait()
        over.wait(RESTART_PAUSE_S)
