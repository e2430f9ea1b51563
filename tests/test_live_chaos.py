"""What clients do to a live server, and what hours do to it, in short."""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Iterator

import httpx
import numpy as np
import psutil
import pytest
from jobs_server import free_port
from live_server import PATIENCE_S, received, serving, talk_to, wait_until
from live_stand_in import StandInModel

from openvasa.assets import EXAMPLE_PORTRAIT, EXAMPLE_VOICE
from openvasa.audio.decode import read_blocks
from openvasa.evaluate.bench_interrupts import FIRST_PHONE_S, LIPS_MOVE
from openvasa.evaluate.bench_soak import Delays, soak
from openvasa.face.dynamics import dynamics_code
from openvasa.face.landmarker import BLENDSHAPE_NAMES
from openvasa.live.assemble import assemble_engine
from openvasa.live.engine import Engine
from openvasa.live.frame import LiveFrame, LiveSettings
from openvasa.live.protocol import PICTURE
from openvasa.live.server import SWEEP_S
from openvasa.live.session import Limits
from openvasa.live.studio import Studio
from openvasa.motion.row import Row
from openvasa.rates import SAMPLE_RATE

pytestmark = pytest.mark.slow
LIPS = [i for i, name in enumerate(BLENDSHAPE_NAMES) if name.startswith(("jaw", "mouth"))]
INTERRUPTS = 12
IDLE_DRIFT = 0.07
"""What idle lips move in the time of a first phone, at the 95th percentile of four seeds."""
SESSIONS, WARM_UP = 60, 15
MOST_GROWTH = 30e6
CLIENT = """
import json, sys
from websockets.sync.client import connect
with connect(sys.argv[1], max_size=None, max_queue=2) as link:
    link.send(json.dumps({"type": "media", "on": True}))
    link.recv()
    print("on", flush=True)
    for message in link:
        pass
"""


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    return Studio(
        settings=LiveSettings(fps=25, size=256),
        model=lambda seed: StandInModel(),
        limits=Limits(idle_s=3.0),
        portraits={"example": EXAMPLE_PORTRAIT},
        folder=tmp_path_factory.mktemp("server"),
    )


@pytest.fixture(scope="module")
def address(studio: Studio) -> Iterator[str]:
    with serving(studio) as address:
        yield address


def open_session(address: str, portrait: str = "example") -> str:
    query = {"portrait": portrait}
    return httpx.post(f"{address}/api/sessions", params=query, timeout=PATIENCE_S).json()["id"]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_a_client_that_is_killed_or_frozen_leaves_nothing(
    studio: Studio, address: str, how: signal.Signals
) -> None:
    key = open_session(address)
    url = f"{address.replace('http', 'ws')}/api/sessions/{key}/socket"
    client = subprocess.Popen([sys.executable, "-c", CLIENT, url], stdout=subprocess.PIPE)
    try:
        assert client.stdout is not None
        assert client.stdout.readline() == b"on\n"
        os.kill(client.pid, how)
        wait_until(lambda: key not in studio.sessions)
    finally:
        client.kill()
        client.wait()
    assert httpx.delete(f"{address}/api/sessions/{key}").status_code == 404


def test_clients_come_and_go_and_send_garbage(studio: Studio, address: str) -> None:
    key = open_session(address)
    random = np.random.default_rng(0)
    host, port = address.removeprefix("http://").split(":")
    for turn in range(20):
        with talk_to(address, key) as link:
            for _ in range(4):
                link.send(random.bytes(int(random.integers(1, 3000))))
                link.send(random.bytes(40).hex())
            link.send(struct.pack("<BxI", 3, 48000) + random.bytes(1920))
            link.send(json.dumps({"type": "interrupt"}))
            if turn % 2:
                assert received(link, PATIENCE_S, lambda found: len(found) > 3)
        with socket.create_connection((host, int(port))) as raw:
            raw.sendall(random.bytes(400))
    assert studio.sessions[key].failed is None
    assert httpx.get(f"{address}/healthz", timeout=PATIENCE_S).json()["status"] == "ok"
    httpx.delete(f"{address}/api/sessions/{key}", timeout=PATIENCE_S)


def test_after_every_interruption_the_first_phone_has_lips() -> None:
    """On the clock of the engine alone: a busy machine changes nothing."""
    voice = np.concatenate(list(read_blocks(EXAMPLE_VOICE)))
    voice = voice[np.flatnonzero(np.abs(voice) > 0.01)[0] :][: 2 * SAMPLE_RATE]
    engine, random, now = assemble_engine(LiveSettings(fps=25)), np.random.default_rng(0), 2.0
    engine.advance(now)
    moved = []
    for _ in range(INTERRUPTS):
        spoken_at = now
        engine.begin_speech()
        engine.push(voice, SAMPLE_RATE)
        engine.end_speech()
        now, frames = play(engine, now, FIRST_PHONE_S + 0.25)
        heard = [f for f in frames if f.sound.any() and f.time_s >= spoken_at - 0.04]
        assert heard[0].time_s < spoken_at + 0.05
        phone = [f for f in heard if f.time_s <= heard[0].time_s + FIRST_PHONE_S]
        moved.append(np.ptp([lips_of(f) for f in phone], axis=0).max())
        now, _ = play(engine, now, random.uniform(0, 0.6))
        engine.interrupt()
        now, after = play(engine, now, random.choice([0.0, 0.12]))
        assert not any(f.sound.any() for f in after[2:])
    # The least of 80 is 0.07 and idle lips drift by 0.035 in the median: 0.05 lies between. Single
    # phones may move no more than idle lips at times do, so the median has to.
    assert min(moved) > LIPS_MOVE
    assert np.median(moved) > IDLE_DRIFT


def play(engine: Engine, now: float, seconds: float) -> tuple[float, list[LiveFrame]]:
    frames: list[LiveFrame] = []
    for _ in range(round(seconds / 0.02)):
        now += 0.02
        frames += engine.advance(now)
    return now, frames


def lips_of(frame: LiveFrame) -> np.ndarray:
    return dynamics_code().read_arkit(Row.split(frame.row).codes)[LIPS]


def test_short_sessions_leave_no_memory_behind() -> None:
    """In a process of its own, where nothing else takes and gives back memory."""
    port = free_port()
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "openvasa", "live", "--port", str(port)]
    command += ["--fps", "25", "--size", "256", "--accept-policy"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_until(lambda: answers(address))
        before = 0
        for number in range(SESSIONS):
            key = open_session(address, EXAMPLE_PORTRAIT.stem)
            with talk_to(address, key) as link:
                assert received(link, PATIENCE_S, has_picture)
            httpx.delete(f"{address}/api/sessions/{key}", timeout=PATIENCE_S)
            if number == WARM_UP:
                before = settled(server.pid)
        assert settled(server.pid) < before + MOST_GROWTH
    finally:
        server.kill()
        server.wait()


def answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/healthz", timeout=PATIENCE_S).status_code == 200
    except httpx.TransportError:
        return False


def has_picture(messages: list) -> bool:
    return any(isinstance(m, bytes) and m[0] == PICTURE for m in messages)


def settled(process: int) -> int:
    """Bytes that a server has once it has given back what it can."""
    held = []
    for _ in range(10):
        time.sleep(SWEEP_S / 4)
        held.append(psutil.Process(process).memory_info().rss)
    return min(held)


def test_sync_is_that_of_the_worst_second() -> None:
    delays = Delays()
    for moment in np.arange(0, 4, 0.04):
        late = 0.05 if 2 <= moment < 3 else 0.01
        delays.note_picture(moment - 0.2 - late, moment)
        delays.note_sound(moment - 0.2, moment)
    delays.note_picture(3.0, 4.5)
    assert delays.worst() == pytest.approx(0.05), "one picture in a second says nothing"


def test_a_portrait_lives_on_through_bursts_changes_and_a_busy_core() -> None:
    told = []
    live = LiveSettings(fps=25, size=256)
    minutes = soak(None, live, 2, lambda number, minute: told.append(number), minute_s=6.0)
    assert told == [1, 2]
    for minute in minutes:
        assert minute.fps > 0
        assert minute.rss_mb > 50
        # A machine too busy for pictures has nothing to say of sync.
        assert np.isnan(minute.sync_frames) or abs(minute.sync_frames) < live.fps
