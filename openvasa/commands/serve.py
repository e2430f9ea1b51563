"""`openvasa serve` and `openvasa work`: a service that makes videos for others."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from openvasa.commands.consent import add_consent, require_consent
from openvasa.commands.device import add_device
from openvasa.commands.exit_status import OK
from openvasa.commands.parser import Commands, Parser, add_address, add_command

if TYPE_CHECKING:
    from openvasa.jobs.serve import Storage

DATABASE = "OPENVASA_DATABASE"
"""Variable that names the database: its URL may hold a password, which others see in options."""
DAY_S = 86400
MEGABYTE = 1_000_000


def add(commands: Commands) -> None:
    """Add the commands `openvasa serve` and `openvasa work`."""
    _add_serve(commands)
    _add_work(commands)


def _add_serve(commands: Commands) -> None:
    parser = add_command(
        commands,
        "serve",
        _serve,
        "accept videos to make over HTTP, and have them made",
        "openvasa serve",
        "openvasa serve --host 0.0.0.0 --clients clients.json --workers 4",
        "OPENVASA_DATABASE=postgresql+psycopg://… openvasa serve --files s3://b/jobs --workers 0",
    )
    add_address(parser, 8766)
    parser.add_argument(
        "--upload", type=int, default=100, metavar="MB", help="of one request (default: 100)"
    )
    _add_shared(parser)
    parser.add_argument(
        "--workers",
        type=int,
        metavar="N",
        help="videos made here at a time; 0 leaves them to openvasa work (default: by the cores)",
    )


def _add_work(commands: Commands) -> None:
    parser = add_command(
        commands,
        "work",
        _work,
        "make the videos that openvasa serve has accepted",
        "openvasa work",
        "OPENVASA_DATABASE=postgresql+psycopg://… openvasa work --files s3://bucket/jobs",
        "openvasa work --on ray --address ray://head:10001",
    )
    _add_shared(parser)
    parser.add_argument(
        "--on", choices=("processes", "ray"), default="processes", help="(default: processes)"
    )
    parser.add_argument("--address", metavar="ray://HEAD:10001", help="a cluster of Ray")
    parser.add_argument(
        "--workers", type=int, metavar="N", help="videos at a time (default: by the cores)"
    )
    parser.add_argument(
        "--cpus", type=int, default=1, metavar="N", help="cores of one video (default: 1)"
    )
    parser.add_argument(
        "--memory", type=int, default=1000, metavar="MB", help="of one video (default: 1000)"
    )
    parser.add_argument("--with-input", action="store_true", help=argparse.SUPPRESS)


def _add_shared(parser: Parser) -> None:
    parser.add_argument(
        "--database",
        metavar="URL",
        help=f"sqlite:///FILE or postgresql+psycopg://… (or set {DATABASE}; default: SQLite in the "
        "folder of --files)",
    )
    parser.add_argument(
        "--files",
        default="openvasa-jobs",
        metavar="FOLDER|URL",
        help="uploads and videos (default: openvasa-jobs)",
    )
    parser.add_argument(
        "--clients", type=Path, metavar="FILE.json", help="tokens and quotas; see docs/jobs.md"
    )
    parser.add_argument(
        "--keep", type=float, default=7.0, metavar="DAYS", help="of finished jobs (default: 7)"
    )
    parser.add_argument(
        "--private-webhooks",
        action="store_true",
        help="webhooks may go to hosts that are not public, and by http",
    )
    add_device(parser)
    add_consent(parser)


def _serve(options: argparse.Namespace) -> int:
    if not 1 <= options.port <= 65535:
        options.usage_error(f"port {options.port}: choose 1 to 65535")
    if options.workers is not None and options.workers < 0:
        options.usage_error(f"workers {options.workers}: choose 0 or more")
    require_consent(options.accept_policy)

    # First what only this extra brings, so that it is the one that is named where it is missing.
    from openvasa.jobs.clients import read_clients

    clients = read_clients(options.clients) if options.clients else None

    from openvasa.jobs.app import Limits
    from openvasa.jobs.serve import serve_jobs

    storage = choose_storage(options)
    os.environ[DATABASE] = storage.database
    serve_jobs(
        storage,
        host=options.host,
        port=options.port,
        clients=clients,
        limits=Limits(options.upload * MEGABYTE, options.private_webhooks),
        dispatcher=None if options.workers == 0 else _work_command(options),
    )
    return OK


def _work(options: argparse.Namespace) -> int:
    if options.address and options.on != "ray":
        options.usage_error("--address goes with --on ray")
    for name in ("cpus", "memory"):
        if getattr(options, name) < 1:
            options.usage_error(f"{name} {getattr(options, name)}: choose 1 or more")
    require_consent(options.accept_policy)

    import threading

    from openvasa.batch.workers import Share
    from openvasa.jobs.clients import local_client, read_clients
    from openvasa.jobs.serve import WEBHOOK_SECRET, dispatch_jobs, end_with_input, start_workers
    from openvasa.runtime import Device

    if options.with_input:
        end_with_input()
    secret = os.environ.get(WEBHOOK_SECRET, "")
    clients = read_clients(options.clients) if options.clients else local_client(secret)
    share = Share(options.cpus, options.memory * MEGABYTE, Device(options.device))
    dispatch_jobs(
        choose_storage(options),
        workers=start_workers(options.on, options.address, options.workers, share),
        clients=clients,
        private_webhooks=options.private_webhooks,
        stop=threading.Event(),
    )
    return OK


def choose_storage(options: argparse.Namespace) -> Storage:
    """Database and files of the options; the database by the environment, else beside the files."""
    from openvasa.batch.places import is_url
    from openvasa.jobs.files import Files
    from openvasa.jobs.serve import Storage

    files = Files(options.files)
    database = options.database or os.environ.get(DATABASE)
    if not database:  # an empty variable is an unset one
        if is_url(options.files):
            options.usage_error(f"--files {options.files}: name a --database too")
        database = f"sqlite:///{files.root}/jobs.db"
    return Storage(database, files.root, options.keep * DAY_S)


def _work_command(options: argparse.Namespace) -> list[str]:
    """The dispatcher beside the server; the database's URL goes by the environment."""
    command = [sys.executable, "-m", "openvasa", "work", "--with-input", "--accept-policy"]
    command += ["--files", options.files, "--keep", str(options.keep)]
    command += ["--device", options.device]
    if options.workers is not None:
        command += ["--workers", str(options.workers)]
    if options.clients is not None:
        command += ["--clients", str(options.clients)]
    if options.private_webhooks:
        command.append("--private-webhooks")
    return command
