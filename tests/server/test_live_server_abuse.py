"""The live server against what clients should not do: rubbish, floods, and vanishing."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import socket
import struct
import threading
import time
import wave
from contextlib import ExitStack, suppress
from dataclasses import replace

import httpx
import numpy as np
import pytest
from aioice import ice
from aiortc import (
    AudioStreamTrack,
    MediaStreamTrack,
    RTCConfiguration,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.mediastreams import MediaStreamError
from live_messages import LIMITS, failures, microphone, open_session, pictures, reports
from live_server import PATIENCE_S, received, talk_to, wait_until
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from openvasa.assets import EXAMPLE_VOICE
from openvasa.live.protocol import LONGEST_TEXT_MESSAGE
from openvasa.live.studio import Studio


def keep_sending_rubbish(link: ClientConnection) -> None:
    """Until the server hangs up, which it may do while some is still on its way."""
    for _ in range(120):
        link.send("rubbish")
    received(link, PATIENCE_S)


def test_rubbish_is_answered_and_harmless(http: httpx.Client, address: str, key: str) -> None:
    rng = np.random.default_rng(0)
    with talk_to(address, key) as link:
        for size in (0, 1, 5, 6, 7, 100, 5001):
            link.send(rng.bytes(size))
        for text in ("", "{", "[]", "null", '{"type": 5}', "[" * 10000):
            link.send(text)
        for controls in (
            {"gaze": "left"}, {"gaze": [1]}, {"gaze": [float("nan"), 0]}, {"distance": "x"},
            {"emotion": {"x": 1}}, {"emotion": 5}, {"intensity": None}, {"intensity": []},
        ):  # fmt: skip
            link.send(json.dumps({"type": "controls", **controls}))
        link.send(json.dumps({"type": "controls", "gaze": [1e9, -1e9], "distance": 99}))
        link.send("x" * (LONGEST_TEXT_MESSAGE + 1))
        messages = received(link, PATIENCE_S, lambda found: len(failures(found)) >= 15)
        errors = failures(messages)
        assert len(errors) >= 15
        assert all(e["error"].count("\n") == 0 for e in errors)
        assert pictures(messages + received(link, PATIENCE_S, pictures))
    with talk_to(address, key) as link, pytest.raises(ConnectionClosed, match="4400"):
        keep_sending_rubbish(link)
    assert http.post(f"/api/sessions/{key}/offer", content="v=0 rubbish").status_code == 422
    assert http.get("/healthz").json()["status"] == "ok"
    with talk_to(address, key) as link:
        assert pictures(received(link, PATIENCE_S, pictures))


def test_ten_times_too_much_sound(address: str, key: str) -> None:
    chunk = microphone(3000 * np.sin(np.arange(320) / 5))
    with talk_to(address, key) as link:
        for _ in range(100):
            for _ in range(10):
                link.send(chunk)
            time.sleep(0.02)
        messages = received(link, 2)
        last = reports(messages)[-1]
        assert last["dropped_s"] > 10
        assert last["waiting_s"] < 0.3
        assert last["latency_p95_ms"] < 2000
        assert len(pictures(messages)) > 10


def test_a_client_that_vanishes_leaves_nothing(
    http: httpx.Client, studio: Studio, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(studio, "limits", replace(LIMITS, idle_s=1.0))
    key = open_session(http)
    folder = studio.sessions[key].folder
    assert folder.is_dir()
    with talk_to(address, key) as link:
        http.post(f"/api/sessions/{key}/recording")
        received(link, 0.5)
        assert any(t.name == "player" for t in threading.enumerate())
        # No closing handshake: the line is simply dead.
        link.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        link.socket.shutdown(socket.SHUT_RDWR)
    wait_until(lambda: key not in studio.sessions)
    wait_until(lambda: not {"player", "recorder"} & {t.name for t in threading.enumerate()})
    wait_until(lambda: not folder.exists())
    assert http.get(f"/api/sessions/{key}/recordings/x").status_code == 404


def test_a_client_that_vanishes_in_an_upload_leaves_its_place(
    http: httpx.Client, address: str, caplog: pytest.LogCaptureFixture
) -> None:
    server_log = logging.getLogger("uvicorn.error")
    server_log.addHandler(caplog.handler)
    port = int(address.rsplit(":", 1)[1])
    head = (
        f"POST /api/sessions HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        "Content-Type: image/jpeg\r\nContent-Length: 2000000\r\n\r\n"
    )
    for _ in range(2 * LIMITS.sessions):
        with socket.create_connection(("127.0.0.1", port)) as line:
            line.sendall(head.encode() + b"x" * 100_000)
    # All places at once: one that was kept would be missed.
    keys: list[str] = []

    def open_another() -> bool:
        answer = http.post("/api/sessions", params={"portrait": "example"})
        keys.extend([answer.json()["id"]] if answer.status_code == 200 else [])
        return len(keys) == LIMITS.sessions

    wait_until(open_another, PATIENCE_S)
    for key in keys:
        http.delete(f"/api/sessions/{key}")
    server_log.removeHandler(caplog.handler)
    assert not [r for r in caplog.records if r.exc_info], "somebody who left is no error"


def test_what_is_no_http_is_harmless(http: httpx.Client, address: str) -> None:
    port = int(address.rsplit(":", 1)[1])
    rng = np.random.default_rng(0)
    for size in (1, 100, 100_000):
        with socket.create_connection(("127.0.0.1", port)) as line, suppress(OSError):
            line.sendall(rng.bytes(size))
    assert http.get("/healthz").json()["status"] == "ok"


def test_too_long_a_speech_is_refused(http: httpx.Client, key: str) -> None:
    long = io.BytesIO()
    with wave.open(long, "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(2 * 8000 * (LIMITS.sound_s + 1)))
    answer = http.post(f"/api/sessions/{key}/speech", files={"file": long.getvalue()})
    assert answer.status_code == 422
    assert "longer than" in answer.json()["error"]


def test_a_client_that_stalls_comes_back_to_the_present(address: str, key: str) -> None:
    with talk_to(address, key) as link:
        received(link, 0.5)
        time.sleep(5)
        received(link, 1)
        fresh = received(link, 2)
        assert len(pictures(fresh)) > 10
        times = [time for time, _ in pictures(fresh)]
        assert times[-1] - times[0] == pytest.approx(2, abs=0.6)


def test_reconnects_to_the_same_session(address: str, key: str) -> None:
    for _ in range(3):
        with talk_to(address, key) as link:
            assert pictures(received(link, PATIENCE_S, pictures))


class Viewer:
    """A WebRTC client that counts what it gets and speaks a tone."""

    def __init__(self) -> None:
        self.peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.pictures = self.loudest = 0
        self.ended: set[str] = set()
        self.peer.addTransceiver("video", direction="recvonly")
        self.peer.addTrack(AudioStreamTrack())
        self.peer.on("track", lambda track: asyncio.ensure_future(self._take(track)))

    async def connect(self, http: httpx.AsyncClient, key: str) -> None:
        await self.peer.setLocalDescription(await self.peer.createOffer())
        offer = self.peer.localDescription.sdp
        answer = await http.post(f"/api/sessions/{key}/offer", content=offer)
        sdp = answer.json()["sdp"]
        await self.peer.setRemoteDescription(RTCSessionDescription(sdp=sdp, type="answer"))
        await self.sees(10)

    async def sees(self, more: int) -> None:
        wanted, end = self.pictures + more, time.monotonic() + PATIENCE_S
        while self.pictures < wanted:
            assert time.monotonic() < end, "no picture came"
            await asyncio.sleep(0.05)

    async def hears(self, loudness: int) -> None:
        end = time.monotonic() + PATIENCE_S
        while self.loudest < loudness:
            assert time.monotonic() < end, "no sound came"
            await asyncio.sleep(0.05)

    async def vanish(self) -> None:
        """The line is dead: no goodbye of any kind."""
        await self.peer.getReceivers()[0].transport.transport.stop()

    async def _take(self, track: MediaStreamTrack) -> None:
        with suppress(MediaStreamError):
            while True:
                frame = await track.recv()
                if track.kind == "video":
                    assert (frame.width, frame.height) == (512, 512)
                    self.pictures += 1
                else:
                    self.loudest = max(self.loudest, int(np.abs(frame.to_ndarray()).max()))
        self.ended.add(track.kind)


def test_webrtc_comes_back_and_its_end_is_noticed(
    http: httpx.Client, studio: Studio, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(studio, "limits", replace(LIMITS, idle_s=1.0))
    # Five seconds apart and six times by default.
    monkeypatch.setattr(ice, "CONSENT_INTERVAL", 0.3)
    key = open_session(http)
    session = studio.sessions[key]

    async def watch() -> None:
        async with httpx.AsyncClient(base_url=address, timeout=PATIENCE_S) as client:
            first, again = Viewer(), Viewer()
            await first.connect(client, key)
            with (EXAMPLE_VOICE).open("rb") as file:
                await client.post(f"/api/sessions/{key}/speech", files={"file": file})
            await first.hears(1000)
            await first.sees(10)
            await first.vanish()
            await again.connect(client, key)
            assert len(session._outlets) == 1, "the dead connection was given up"
            await again.sees(10)
            await again.vanish()

    asyncio.run(watch())
    wait_until(lambda: key not in studio.sessions, PATIENCE_S)
    assert session.closed == "idle"
    wait_until(lambda: not any(t.name == "player" for t in threading.enumerate()))


@pytest.mark.slow
def test_four_at_once_all_go_on(http: httpx.Client, address: str) -> None:
    keys = [open_session(http) for _ in range(4)]
    voice = (8000 * np.sin(np.arange(320) / 5)).astype(np.int16)
    with ExitStack() as stack:
        links = [stack.enter_context(talk_to(address, key)) for key in keys]
        for _ in range(200):
            for link in links:
                link.send(microphone(voice))
            time.sleep(0.02)
        for link in links:
            messages = received(link, 1.5)
            assert len(pictures(messages)) > 2
            assert "speaking" in {report["state"] for report in reports(messages)}
    for key in keys:
        http.delete(f"/api/sessions/{key}")


def test_nothing_is_left_in_the_servers_folder(http: httpx.Client, studio: Studio) -> None:
    wait_until(lambda: not studio.sessions)
    wait_until(lambda: not list(studio.folder.iterdir()))
