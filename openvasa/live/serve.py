"""Start the live server from the command line's choices."""

from __future__ import annotations

import secrets
import sys
from contextlib import suppress
from pathlib import Path

from openvasa.assets import EXAMPLE_PORTRAIT
from openvasa.errors import InputError
from openvasa.live.assemble import ModelFactory
from openvasa.live.bodies import LONGEST_MESSAGE
from openvasa.live.frame import LiveSettings
from openvasa.live.guards import loopback_hosts
from openvasa.live.logs import log_to_stderr, note
from openvasa.live.server import create_app
from openvasa.live.session import Limits
from openvasa.live.speech import voices
from openvasa.live.studio import Studio
from openvasa.render.renderer import RendererFactory


def serve(
    *,
    host: str,
    port: int,
    portraits: list[Path],
    settings: LiveSettings,
    renderer: RendererFactory,
    model: ModelFactory,
    limits: Limits,
    token: str | None,
    piper_voices: list[Path],
    certificate: tuple[Path, Path] | None,
) -> None:
    """Serve until interrupted.

    Args:
        host, port: where to listen.
        portraits: pictures or avatars to choose from, the first opened on; the example comes last.
        settings: of every session's engine.
        renderer: what draws every session's pictures.
        model: makes the motion model of a session.
        limits: what is given at most.
        token: asked of every request; made up where one is needed and none is given.
        piper_voices: Piper voice files to speak text with.
        certificate: certificate and key file for HTTPS, without which browsers give a microphone
            to localhost only.

    Raises:
        InputError: a portrait or voice cannot be used.
    """
    import uvicorn

    hosts = loopback_hosts(host)
    if hosts is None and token is None:
        token = secrets.token_urlsafe(16)
    studio = Studio(
        settings=settings,
        renderer=renderer,
        model=model,
        limits=limits,
        portraits=_name_portraits([*portraits, EXAMPLE_PORTRAIT]),
        voices=voices(piper_voices),
        token=token,
        hosts=hosts,
    )
    log_to_stderr()
    scheme = "http" if certificate is None else "https"
    shown = f"[{host}]" if ":" in host else host
    address = f"{scheme}://{shown}:{port}/" + (f"?token={token}" if token else "")
    print(f"OpenVASA live: open {address} in a browser; Ctrl-C stops it", flush=True)
    note("server started", {"host": host, "port": port, "token": token is not None})
    config = uvicorn.Config(
        create_app(studio),
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        ws_max_size=4 * LONGEST_MESSAGE,
        ws_max_queue=64,
        timeout_graceful_shutdown=5,
        server_header=False,
        ssl_certfile=str(certificate[0]) if certificate else None,
        ssl_keyfile=str(certificate[1]) if certificate else None,
    )
    server = uvicorn.Server(config)
    # It stops in order at the first interrupt and then raises it again.
    with suppress(KeyboardInterrupt):
        server.run()
    if not server.started:
        print(f"openvasa: port {port} on {host} cannot be used; choose another", file=sys.stderr)
        raise SystemExit(2)


def _name_portraits(portraits: list[Path]) -> dict[str, Path]:
    named: dict[str, Path] = {}
    for path in portraits:
        if not path.is_file():
            raise InputError(f"{path}: no such file; check the path")
        name, number = path.stem, 2
        while name in named:
            name, number = f"{path.stem} {number}", number + 1
        named[name] = path
    return named
