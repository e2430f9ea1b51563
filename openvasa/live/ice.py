"""STUN and TURN servers by which browsers and this machine find ways to each other."""

from __future__ import annotations

import re
from dataclasses import dataclass

from openvasa.errors import InputError


@dataclass(frozen=True)
class IceServer:
    """One server.

    Attributes:
        url: as `stun:HOST:PORT` or `turn:HOST:PORT?transport=tcp`.
        user, credential: what a TURN server asks for.
    """

    url: str
    user: str | None = None
    credential: str | None = None

    def as_json(self) -> dict[str, str]:
        """As a browser's `RTCIceServer`."""
        known = {"urls": self.url, "username": self.user, "credential": self.credential}
        return {name: value for name, value in known.items() if value is not None}


def parse_ice(text: str) -> IceServer:
    """`URL`, or `URL,USER,CREDENTIAL` for TURN.

    Raises:
        InputError: neither.
    """
    url, *login = text.split(",", 2)
    if not re.fullmatch(r"(stun|stuns|turn|turns):[^\s?]+(\?transport=(udp|tcp))?", url):
        raise InputError(
            f"ice {url}: write stun:HOST:PORT or turn:HOST:PORT?transport=tcp,USER,CREDENTIAL"
        )
    if url.startswith("turn") and (len(login) != 2 or not all(login)):
        raise InputError(f"ice {url}: a TURN server asks for a login; add ,USER,CREDENTIAL")
    return IceServer(url, *login)
