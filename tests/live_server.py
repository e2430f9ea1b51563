"""A live server really listening in a thread, and a client's socket: what its tests share."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn
from websockets.sync.client import ClientConnection, connect

from openvasa.live.protocol import LONGEST_SOUND_MESSAGE
from openvasa.live.server import Extension, create_app
from openvasa.live.studio import Studio

PATIENCE_S = 120
"""Everything here takes seconds; a loaded machine takes longer."""


@contextmanager
def serving(studio: Studio, port: int = 0, *extensions: Extension) -> Iterator[str]:
    """A server in a thread; gives its address. Port 0 is any free one."""
    config = uvicorn.Config(
        create_app(studio, *extensions),
        port=port,
        log_level="error",
        ws_max_size=LONGEST_SOUND_MESSAGE,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(timeout=20)
        assert not thread.is_alive()


@contextmanager
def talk_to(address: str, key: str) -> Iterator[ClientConnection]:
    url = f"{address.replace('http', 'ws')}/api/sessions/{key}/socket"
    # A client that leaves messages unread could not read the end of the connection either.
    with connect(url, max_size=None, max_queue=None) as link:
        link.send(json.dumps({"type": "media", "on": True}))
        yield link


def received(
    link: ClientConnection, seconds: float, enough: Callable[[list], object] = lambda _: False
) -> list[bytes | dict]:
    messages, end = [], time.monotonic() + seconds
    while not enough(messages) and (left := end - time.monotonic()) > 0:
        try:
            message = link.recv(timeout=left)
        except TimeoutError:
            break
        messages.append(json.loads(message) if isinstance(message, str) else message)
    return messages


def wait_until(holds: Callable[[], object], seconds: float = PATIENCE_S) -> None:
    """Wait until something holds."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.05)
