"""Tell a client's server that a job has ended: signed, again until it is heard, to public hosts."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import ipaddress
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from sqlalchemy import select, update

from openvasa.errors import InputError
from openvasa.jobs.database import JOBS, Database
from openvasa.jobs.job import Job
from openvasa.jobs.queue import LEASE_S, read_job

HEADER = "OpenVASA-Signature"
TIMEOUT_S = 10.0
LONGEST_S = 30.0
"""For a whole message and its answer."""
MOST_TRIES = 8
FIRST_PAUSE_S = 5.0

Address = tuple[str, int]


def sign_body(secret: str, body: bytes, moment: int) -> str:
    """The header with which a receiver knows that a message is ours, and when it was sent."""
    digest = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256)
    return f"t={moment},v1={digest.hexdigest()}"


def check_webhook(url: str, *, private: bool = False) -> None:
    """Raise InputError where a URL may not be told anything.

    Args:
        url: https, and without a user's name.
        private: http and hosts that are not public are allowed too.
    """
    try:
        parts = urlsplit(url)
        # What only a call would find: a port of six digits, a name that no host can have.
        _ = parts.port, (parts.hostname or "").encode("idna"), url.encode("ascii")
    except ValueError as error:
        raise InputError("webhook: give an https:// address") from error
    allowed = {"https", "http"} if private else {"https"}
    if parts.scheme not in allowed or not parts.hostname or parts.username is not None:
        raise InputError("webhook: give an https:// address")
    if len(url) > 2000:
        raise InputError("webhook: is longer than 2000 characters")


def send_webhook(url: str, body: bytes, secret: str, *, private: bool = False) -> int:
    """Post a message; redirects are not followed.

    Args:
        url: as `check_webhook` allows.
        body: JSON.
        secret: what it is signed with; without one it is not signed.
        private: as in `check_webhook`.

    Returns:
        The HTTP status of the answer.

    Raises:
        OSError: nobody answers, or the host is not public.
        InputError: as `check_webhook`.
    """
    check_webhook(url, private=private)
    parts = urlsplit(url)
    host, secure = parts.hostname or "", parts.scheme == "https"
    address = _find_address(host, parts.port or (443 if secure else 80), private)
    connection = _open_connection(host, address, secure)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    headers = {"Content-Type": "application/json", "User-Agent": "OpenVASA"}
    if secret:
        headers[HEADER] = sign_body(secret, body, int(time.time()))
    # The timeout is of one read: who drips a byte now and then would hold the line for days.
    line = connection.sock
    over = threading.Timer(LONGEST_S, line.shutdown, [socket.SHUT_RDWR])
    over.start()
    try:
        connection.request("POST", path, body, headers)
        return connection.getresponse().status
    except http.client.HTTPException as error:
        raise OSError(f"{host}: does not speak HTTP") from error
    finally:
        over.cancel()
        connection.close()


def _find_address(host: str, port: int, private: bool) -> Address:
    """An address of a host: looked up once, so that what was checked is what is called."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    for *_, address in found:
        if private or ipaddress.ip_address(address[0]).is_global:
            return str(address[0]), port
    raise OSError(f"{host}: is not a public host")


def _open_connection(host: str, address: Address, secure: bool) -> http.client.HTTPConnection:
    plain = socket.create_connection(address, TIMEOUT_S)
    if secure:
        connection = http.client.HTTPSConnection(host, address[1], timeout=TIMEOUT_S)
        connection.sock = ssl.create_default_context().wrap_socket(plain, server_hostname=host)
        return connection
    connection = http.client.HTTPConnection(host, address[1], timeout=TIMEOUT_S)
    connection.sock = plain
    return connection


class WebhookTurns:
    """Which clients are to be told now; a turn is a lease, as a job's is."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._database = database
        self._clock = clock

    def claim(self) -> tuple[Job, int] | None:
        """A job whose client is to be told now, and how often that was tried before."""
        now, column = self._clock(), JOBS.c
        with self._database.write() as connection:
            due = select(JOBS).where(column.webhook_at <= now).order_by(column.webhook_at).limit(1)
            row = connection.execute(due.with_for_update(skip_locked=True)).one_or_none()
            if row is None:
                return None
            # Should the teller be killed, another one tells it when the lease is over.
            taken = {"webhook_at": now + LEASE_S, "webhook_attempts": row.webhook_attempts + 1}
            connection.execute(update(JOBS).where(column.id == row.id).values(taken))
        return read_job(row), row.webhook_attempts

    def end(self, job: Job, again_in: float | None = None) -> None:
        """The client was told, or is to be told again in some seconds."""
        at = None if again_in is None else self._clock() + again_in
        with self._database.write() as connection:
            connection.execute(update(JOBS).where(JOBS.c.id == job.id).values(webhook_at=at))


def tell_next(turns: WebhookTurns, secret_of: Callable[[str], str], *, private: bool) -> bool:
    """Tell the next client; False where none is waiting.

    A message may come twice, when the teller dies before it has noted the answer.
    """
    turn = turns.claim()
    if turn is None:
        return False
    job, tried = turn
    body = json.dumps({"event": "job.ended", "job": job.as_json()}).encode()
    try:
        heard = (
            200
            <= send_webhook(job.order.webhook or "", body, secret_of(job.client), private=private)
            < 300
        )
    except (OSError, ValueError, InputError):
        heard = False
    again = None if heard or tried + 1 >= MOST_TRIES else FIRST_PAUSE_S * 3**tried
    turns.end(job, again)
    return True
