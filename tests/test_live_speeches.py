"""Speech that is streamed in, told of, interrupted and refused: the socket's protocol."""

from __future__ import annotations

import json
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
import pytest
from live_server import PATIENCE_S, received, serving, talk_to
from live_stand_in import StandInModel
from websockets.sync.client import ClientConnection

from openvasa.assets import EXAMPLE_PORTRAIT
from openvasa.live.addresses import loopback_hosts
from openvasa.live.frame import LiveSettings
from openvasa.live.protocol import MICROPHONE, SOUND, SPEECH
from openvasa.live.studio import Studio

RATE = 24000


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    studio = Studio(
        settings=LiveSettings(fps=25, rate=24000),
        model=lambda seed: StandInModel(),
        portraits={"example": EXAMPLE_PORTRAIT},
        hosts=loopback_hosts("127.0.0.1"),
        folder=tmp_path_factory.mktemp("server"),
    )
    with serving(studio) as address:
        yield address


@pytest.fixture(scope="module")
def key(address: str) -> Iterator[str]:
    url = f"{address}/api/sessions"
    key = httpx.post(url, params={"portrait": "example"}, timeout=PATIENCE_S).json()["id"]
    yield key
    httpx.delete(f"{url}/{key}")


@pytest.fixture
def link(address: str, key: str) -> Iterator[ClientConnection]:
    with talk_to(address, key) as link:
        yield link
        tell(link, "interrupt")


def tell(link: ClientConnection, kind: str, **content: object) -> None:
    link.send(json.dumps({"type": kind, **content}))


def tone(seconds: float, rate: int = RATE) -> np.ndarray:
    return (9000 * np.sin(np.arange(round(seconds * rate)) / 9)).astype("<i2")


def send_speech(link: ClientConnection, samples: np.ndarray) -> None:
    link.send(struct.pack("<Bx", SPEECH) + samples.tobytes())


def events(messages: list, kind: str) -> list[dict]:
    return [m for m in messages if isinstance(m, dict) and m["type"] == kind]


def loud_s(messages: list) -> float:
    sound = [
        np.frombuffer(m, "<i2", offset=12)
        for m in messages
        if isinstance(m, bytes) and m[0] == SOUND
    ]
    return float((np.abs(np.concatenate(sound).astype(int)) > 300).mean() * 0.02 * len(sound))


def until(kind: str, **content: object) -> Callable[[list], bool]:
    def has_come(messages: list) -> bool:
        return any(content.items() <= event.items() for event in events(messages, kind))

    return has_come


@pytest.mark.parametrize("piece_s", [0.02, 2.5])
def test_streamed_speech_is_spoken_whole_whatever_its_pieces(
    link: ClientConnection, piece_s: float
) -> None:
    speech = tone(2.5)
    tell(link, "speech.start", id="a", rate=RATE)
    for start in range(0, len(speech), round(piece_s * RATE)):
        send_speech(link, speech[start : start + round(piece_s * RATE)])
    tell(link, "speech.end")
    messages = received(link, PATIENCE_S, until("speech.done", speech="a"))
    (done,) = events(messages, "speech.done")
    assert done == {
        "type": "speech.done", "speech": "a", "sample": len(speech), "interrupted": False
    }  # fmt: skip
    assert loud_s(messages + received(link, 0.3)) == pytest.approx(2.5, abs=0.2)
    said = [event["sample"] for event in events(messages, "spoken")]
    assert said == sorted(said)
    assert len(said) > 10
    states = events(messages, "hello") + events(messages, "state")
    assert "speaking" in {event["state"] for event in states}


def test_a_microphone_may_send_long_pieces(link: ClientConnection) -> None:
    piece_s = 1.0
    head = struct.pack("<BxI", MICROPHONE, RATE)
    started, messages = time.monotonic(), []
    for index in range(3):
        messages += received(link, started + index * piece_s - time.monotonic())
        link.send(head + tone(piece_s).tobytes())
    messages += received(link, piece_s + 1.5)
    assert loud_s(messages) > 2.6


def test_an_interruption_says_how_far_speech_had_come(link: ClientConnection) -> None:
    tell(link, "speech.start", id="long", rate=RATE)
    send_speech(link, tone(8))
    received(link, PATIENCE_S, until("spoken"))
    received(link, 0.5)
    tell(link, "interrupt")
    # On their way when the speech was cut short: neither spoken nor an error.
    send_speech(link, tone(2))
    tell(link, "speech.end")
    messages = received(link, 1.0)
    (done,) = events(messages, "speech.done")
    assert done["interrupted"]
    assert 0 < done["sample"] < 4 * RATE
    assert events(messages, "error") == []
    tell(link, "speech.start", id="next", rate=RATE)
    send_speech(link, tone(0.5))
    tell(link, "speech.end")
    messages = received(link, PATIENCE_S, until("speech.done", speech="next"))
    assert not events(messages, "speech.done")[-1]["interrupted"]


def test_more_than_is_kept_is_refused_in_words(link: ClientConnection) -> None:
    tell(link, "speech.start", id="endless", rate=8000)
    for _ in range(32):
        send_speech(link, tone(10, 8000))
    messages = received(link, PATIENCE_S, until("speech.refused"))
    refused = events(messages, "speech.refused")[0]
    assert refused["speech"] == "endless"
    assert refused["samples"] == 80000
    assert refused["waiting_s"] > 280


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ({"type": "speech.start"}, "rate is missing"),
        ({"type": "speech.start", "rate": 4000}, "give 8000 to 96000"),
        ({"type": "speech.start", "rate": 8000, "id": 5}, "1 to 64 characters"),
        ({"type": "speech.start", "rate": 8000, "id": "x" * 65}, "1 to 64 characters"),
        ({"type": "speech.end"}, "none is open"),
        (b"\4\0ab", "none is open"),
        (b"\4\0a", "16-bit samples"),
    ],
)
def test_what_cannot_be_used_is_said(address: str, key: str, message, said: str) -> None:
    with talk_to(address, key) as link:
        link.send(message if isinstance(message, bytes) else json.dumps(message))
        messages = received(link, PATIENCE_S, until("error"))
        assert said in events(messages, "error")[0]["error"]


def test_weights_come_where_they_are_asked_for(address: str, key: str) -> None:
    with connected(address, key) as link:
        assert events(received(link, 0.7), "weights") == []
        tell(link, "weights", on=True)
        messages = received(link, PATIENCE_S, lambda found: len(events(found, "weights")) > 5)
    weights = np.array([event["weights"] for event in events(messages, "weights")])
    assert weights.shape[1] == 52
    assert ((weights >= 0) & (weights <= 1)).all()


@contextmanager
def connected(address: str, key: str) -> Iterator[ClientConnection]:
    with talk_to(address, key) as link:
        tell(link, "media", on=False)
        yield link


def test_the_server_says_hello_and_answers_pings(link: ClientConnection, key: str) -> None:
    tell(link, "ping")
    messages = received(link, PATIENCE_S, until("pong"))
    first = next(m for m in messages if isinstance(m, dict))
    assert first["type"] == "hello"
    assert (first["protocol"], first["session"], first["rate"]) == (1, key, 24000)


def test_temporary_files_of_a_killed_server_go(tmp_path: Path, monkeypatch) -> None:
    from openvasa.live import scratch

    monkeypatch.setattr(scratch.tempfile, "tempdir", str(tmp_path))
    left = tmp_path / "openvasa-live-dead"
    left.mkdir()
    (left / "lock").touch()
    strange = tmp_path / "openvasa-live-strange"
    strange.mkdir()
    with scratch.server_folder() as first:
        assert not left.exists()
        assert strange.exists()
        with scratch.server_folder():
            assert first.exists(), "its server lives"
    assert not first.exists()
