"""What comes out of a live server's socket, read; and how sessions and sockets are opened."""

from __future__ import annotations

import io
import struct

import httpx
import numpy as np
import pytest
from live_server import PATIENCE_S, received
from PIL import Image
from websockets.exceptions import ConnectionClosed
from websockets.frames import Close
from websockets.sync.client import connect

from openvasa.live.session import Limits

PICTURE, SOUND, MICROPHONE = 1, 2, 3
RATE = 48000

LIMITS = Limits(
    sessions=4, idle_s=600.0, upload_bytes=3_000_000, picture_pixels=4_000_000, sound_s=20
)


def open_session(http: httpx.Client) -> str:
    answer = http.post("/api/sessions", params={"portrait": "example"})
    assert answer.status_code == 200, answer.text
    return answer.json()["id"]


def closing(address: str, key: str, **options) -> Close:
    """How a socket is closed that is told nothing."""
    url = f"{address.replace('http', 'ws')}/api/sessions/{key}/socket"
    with connect(url, **options) as link, pytest.raises(ConnectionClosed) as closed:
        received(link, PATIENCE_S)
    assert closed.value.rcvd is not None
    return closed.value.rcvd


def failures(messages: list) -> list[dict]:
    return [m for m in messages if isinstance(m, dict) and m["type"] == "error"]


def pictures(messages: list) -> list[tuple[float, np.ndarray]]:
    return [
        (struct.unpack_from("<d", m, 4)[0], np.asarray(Image.open(io.BytesIO(m[12:]))))
        for m in messages
        if isinstance(m, bytes) and m[0] == PICTURE
    ]


def sounds(messages: list) -> list[tuple[float, np.ndarray]]:
    return [
        (struct.unpack_from("<d", m, 4)[0], np.frombuffer(m, "<i2", offset=12))
        for m in messages
        if isinstance(m, bytes) and m[0] == SOUND
    ]


def reports(messages: list) -> list[dict]:
    return [m for m in messages if isinstance(m, dict) and m["type"] == "report"]


def microphone(samples: np.ndarray, rate: int = 16000) -> bytes:
    return struct.pack("<BxI", MICROPHONE, rate) + samples.astype("<i2").tobytes()
