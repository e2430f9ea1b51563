"""Who may use the service: clients with tokens, quotas and secrets, from one file."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from openvasa.errors import InputError
from openvasa.jobs.quota import Quota

LOCAL = "local"
"""The one client of a service that asks for no token."""
SHORTEST_TOKEN = 16


@dataclass(frozen=True)
class Client:
    """Somebody who may have jobs.

    Attributes:
        name: what jobs are kept under.
        quota: how many.
        webhook_secret: what messages to it are signed with.
    """

    name: str
    quota: Quota = field(default_factory=Quota)
    webhook_secret: str = ""


class Clients:
    """Clients by their tokens; without a file there is one, who needs none.

    Args:
        by_token: client for the SHA-256 of each token.
        open_to_all: who is served without a token; None for nobody.
    """

    def __init__(self, by_token: Mapping[bytes, Client], open_to_all: Client | None) -> None:
        self._by_token = dict(by_token)
        self._open_to_all = open_to_all
        self._by_name = {client.name: client for client in by_token.values()}
        if open_to_all is not None:
            self._by_name[open_to_all.name] = open_to_all

    def find(self, token: str | None) -> Client | None:
        """Whose token it is; looked up by its hash, so that time tells nothing of others."""
        if token is None:
            return self._open_to_all
        return self._by_token.get(_hash(token), self._open_to_all)

    def secret_of(self, name: str) -> str:
        """What messages to a client are signed with."""
        client = self._by_name.get(name)
        return "" if client is None else client.webhook_secret


def local_client(secret: str = "") -> Clients:
    """One client without a token, for a loopback address; its messages are signed with a secret."""
    return Clients({}, Client(LOCAL, Quota(), secret))


def one_client(token: str) -> Clients:
    """One client with a token."""
    return Clients({_hash(token): Client(LOCAL, Quota(), token)}, None)


def read_clients(path: Path) -> Clients:
    """Clients from a JSON file, as {"studio": {"token": "…", "unfinished": 100}}.

    Raises:
        InputError: it is no such file.
    """
    try:
        content = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    except ValueError as error:
        raise InputError(f"{path}: is not JSON") from error
    if not isinstance(content, dict) or not content:
        raise InputError(f'{path}: holds no clients; write {{"NAME": {{"token": "…"}}}}')
    by_token: dict[bytes, Client] = {}
    for name, given in content.items():
        token = given.get("token") if isinstance(given, dict) else None
        if not isinstance(token, str) or len(token) < SHORTEST_TOKEN:
            raise InputError(
                f"{path}: give {name} a token of {SHORTEST_TOKEN} characters or more, as "
                f"{secrets.token_urlsafe(16)}"
            )
        if _hash(token) in by_token:
            raise InputError(f"{path}: two clients have the same token")
        by_token[_hash(token)] = Client(
            name, _read_quota(path, name, given), str(given.get("webhook_secret", token))
        )
    return Clients(by_token, None)


def _read_quota(path: Path, name: str, given: Mapping[str, object]) -> Quota:
    unknown = set(given) - {"token", "webhook_secret", "unfinished", "per_day"}
    if unknown:
        raise InputError(f"{path}: {name} has the unknown field {sorted(unknown)[0]}")
    chosen = {key: given[key] for key in ("unfinished", "per_day") if key in given}
    for key, value in chosen.items():
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise InputError(f"{path}: {key} of {name} is a whole number from 1")
    return Quota(**chosen)  # pyright: ignore[reportArgumentType] (checked above)


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
