"""Addresses that servers listen on and people open in a browser, and those of other sites."""

from __future__ import annotations

import socket
from collections.abc import Collection
from ipaddress import ip_address
from urllib.parse import urlsplit

from openvasa.errors import InputError

STRANGERS = {
    "host": "this server answers on localhost only",
    "origin": "requests from other sites are not answered",
}
"""What `find_stranger` finds, in words for the client; the status is 403."""

_SOMEWHERE = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}
"""Addresses for documentation: to look up which way out is taken, nothing is sent."""


def loopback_hosts(host: str) -> set[str] | None:
    """Names of the loopback address that a server is bound to; None for any other address."""
    names = {"localhost", "127.0.0.1", "[::1]"}
    try:
        return names | {host} if ip_address(host).is_loopback else None
    except ValueError:
        return names if host == "localhost" else None


def is_loopback(address: str) -> bool:
    """Whether a page's address leads every machine to itself."""
    return loopback_hosts(urlsplit(address).hostname or "") is not None


def find_stranger(
    host: str, origin: str | None, hosts: Collection[str] | None, origins: Collection[str] = ()
) -> str | None:
    """Whose requests are not answered, "host" or "origin"; None where they are.

    Args:
        host, origin: headers of a request.
        hosts: names of a server on a loopback address; None for any other address.
        origins: other sites whose pages may ask.
    """
    if hosts is not None and urlsplit(f"//{host}").hostname not in {h.strip("[]") for h in hosts}:
        return "host"
    if origin is not None and urlsplit(origin).netloc != host and origin not in origins:
        return "origin"
    return None


def reachable_names(host: str) -> list[str]:
    """Under which names a server bound to `host` is reached, the one for this machine first.

    Every network of this machine (0.0.0.0 or ::) is no address that a browser can open.
    """
    try:
        bound = ip_address(host)
    except ValueError:
        return [host]
    if not bound.is_unspecified:
        return [host]
    family = socket.AF_INET if bound.version == 4 else socket.AF_INET6
    outward = _outward_address(family)
    return ["localhost", *([outward] if outward else [])]


def address_of(name: str, port: int, token: str | None, *, secure: bool) -> str:
    """The address of the page."""
    shown = f"[{name}]" if ":" in name else name
    query = f"?token={token}" if token else ""
    return f"{'https' if secure else 'http'}://{shown}:{port}/{query}"


def read_origin(text: str) -> str:
    """A site as browsers name it: scheme, host, port.

    Raises:
        InputError: anything else.
    """
    parts = urlsplit(text.rstrip("/"))
    if parts.scheme not in {"http", "https"} or not parts.netloc or parts.path or parts.query:
        raise InputError(f"site {text}: write it as https://example.com")
    return f"{parts.scheme}://{parts.netloc}".lower()


def _outward_address(family: socket.AddressFamily) -> str | None:
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as line:
            line.connect((_SOMEWHERE[family], 9))
            found = ip_address(line.getsockname()[0].split("%")[0])
    except OSError:
        return None
    return None if found.is_loopback or found.is_unspecified else str(found)
