"""Start the live server from the command line's choices."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from pathlib import Path

from openvasa.assets import EXAMPLE_PORTRAIT, GALLERY
from openvasa.backgrounds import parse_still_background
from openvasa.errors import InputError
from openvasa.live.addresses import address_of, loopback_hosts, reachable_names, read_origin
from openvasa.live.assemble import ModelFactory
from openvasa.live.frame import LiveSettings
from openvasa.live.ice import parse_ice
from openvasa.live.logs import log_to_stderr, note
from openvasa.live.protocol import LONGEST_SOUND_MESSAGE
from openvasa.live.scratch import server_folder
from openvasa.live.server import Extension, create_app
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
    person: RendererFactory,
    background: str,
    model: ModelFactory,
    limits: Limits,
    token: str | None,
    piper_voices: list[Path],
    certificate: tuple[Path, Path] | None,
    origins: list[str],
    embedders: list[str],
    ice: list[str],
    drain_s: float = 0.0,
    extensions: Sequence[Extension] = (),
) -> None:
    """Serve until interrupted.

    Args:
        host, port: where to listen.
        portraits: pictures or avatars to choose from, the first opened on; the gallery comes last.
        settings: of every session's engine.
        person: what draws every session's pictures, before the portrait's own background.
        background: what to draw instead of that.
        model: makes the motion model of a session.
        limits: what is given at most.
        token: asked of every request; made up where one is needed and none is given.
        piper_voices: Piper voice files to speak text with.
        certificate: certificate and key file for HTTPS, without which browsers give a microphone
            to localhost only.
        origins: other sites whose pages may use this server, as `https://example.com`.
        embedders: other sites that may show `/view` in a frame.
        ice: STUN and TURN servers, as `openvasa.live.ice.parse_ice` reads them.
        drain_s: seconds that sessions have to end after SIGTERM.
        extensions: add routes to the server.

    Raises:
        InputError: a portrait, voice, background, site, server or port cannot be used, or the
            token is empty.
    """
    import uvicorn

    from openvasa.live.drain import DrainingServer
    from openvasa.live.web_server import run_server

    if token == "":
        raise InputError("token: is empty; choose one, or leave it out")
    hosts = loopback_hosts(host)
    if hosts is None and token is None:
        token = secrets.token_urlsafe(16)
    studio = Studio(
        settings=settings,
        person=person,
        background=background,
        model=model,
        limits=limits,
        portraits=_name_portraits([*portraits, EXAMPLE_PORTRAIT, *GALLERY]),
        voices=voices(piper_voices),
        token=token,
        hosts=hosts,
        origins=frozenset(map(read_origin, origins)),
        embedders=frozenset(map(read_origin, embedders)),
        ice=tuple(map(parse_ice, ice)),
        addresses=tuple(_addresses(host, port, token, secure=certificate is not None)),
    )
    parse_still_background(background)
    log_to_stderr()
    with server_folder() as folder:
        studio.folder = folder
        _announce(studio, secure=certificate is not None)
        note("server started", {"host": host, "port": port, "token": token is not None})
        config = uvicorn.Config(
            create_app(studio, *extensions),
            host=host,
            port=port,
            log_level="warning",
            access_log=False,
            ws_max_size=LONGEST_SOUND_MESSAGE,
            ws_max_queue=16,
            timeout_graceful_shutdown=5,
            server_header=False,
            ssl_certfile=str(certificate[0]) if certificate else None,
            ssl_keyfile=str(certificate[1]) if certificate else None,
        )
        run_server(DrainingServer(config, studio, drain_s))


def _addresses(host: str, port: int, token: str | None, *, secure: bool) -> list[str]:
    return [address_of(name, port, token, secure=secure) for name in reachable_names(host)]


def _announce(studio: Studio, *, secure: bool) -> None:
    first, *others = studio.addresses
    print(f"OpenVASA live: open {first} in a browser; Ctrl-C stops it", flush=True)
    for address in others:
        print(f"on another machine of this network: {address}", flush=True)
    if others and not secure:
        print("browsers give a microphone there only with --certificate", flush=True)


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
