"""Run a web server until it is told to stop."""

from __future__ import annotations

from contextlib import suppress

import uvicorn

from openvasa.errors import InputError


def run_server(server: uvicorn.Server) -> None:
    """Serve until interrupted.

    Raises:
        InputError: the port cannot be used.
    """
    # It stops in order at the first interrupt and then raises it again; where it cannot listen, it
    # ends with a status of its own.
    with suppress(KeyboardInterrupt, SystemExit):
        server.run()
    if not server.started:
        where = f"port {server.config.port} on {server.config.host}"
        raise InputError(f"{where}: cannot be used; choose another")
