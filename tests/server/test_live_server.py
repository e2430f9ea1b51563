"""The live server, really listening: guards, uploads, media over the socket, and recordings."""

from __future__ import annotations

import base64
import io
import json
import time
import wave
import weakref
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from live_messages import LIMITS, closing, open_session, pictures, reports, sounds
from live_server import PATIENCE_S, received, serving, talk_to, wait_until
from PIL import Image
from websockets.exceptions import ConnectionClosed
from websockets.frames import Close

from openvasa.assets import EXAMPLE_PORTRAIT, EXAMPLE_VOICE
from openvasa.audio.decode import read_blocks
from openvasa.cli import main
from openvasa.live import assemble
from openvasa.live.addresses import loopback_hosts
from openvasa.live.server import SWEEP_S, WEB
from openvasa.live.studio import Studio
from openvasa.live.uploads import PICTURE_FORMATS
from openvasa.media.inspect import inspect_video
from openvasa.motion.amount import Amount
from openvasa.motion.controls import Controls


def test_page_and_figures(http: httpx.Client) -> None:
    page = http.get("/")
    assert "AI-generated" in page.text
    assert "default-src 'self'" in page.headers["content-security-policy"]
    for path in sorted(WEB.iterdir()):
        text = http.get(f"/{path.name}").text
        assert text
        assert "https://" not in text, "no outside addresses"
    assert http.get("/healthz").json()["status"] == "ok"
    assert "openvasa_sessions " in http.get("/metrics").text
    assert http.get("/api/studio").json()["portraits"] == ["example"]
    assert http.get("/api/portraits/example").headers["content-type"] == "image/jpeg"
    assert http.get("/api/portraits/..%2f..%2fLICENSE").status_code == 404
    assert "access-control-allow-origin" not in http.get("/", headers={"Origin": "x"}).headers


def test_other_sites_and_other_names_are_turned_away(http: httpx.Client, address: str) -> None:
    assert http.get("/api/studio", headers={"Origin": "https://evil.example"}).status_code == 403
    assert http.get("/api/studio", headers={"Host": "evil.example"}).status_code == 403
    own = {"Origin": address}
    assert http.get("/api/studio", headers=own).status_code == 200
    assert closing(address, "x", origin="https://evil.example").code == 4403


def test_an_empty_token_is_none(capsys) -> None:
    assert main(["live", "--host", "0.0.0.0", "--token", "", "--accept-policy"]) == 2
    assert "token: is empty" in capsys.readouterr().err


def test_token_is_asked_for_off_localhost() -> None:
    assert loopback_hosts("0.0.0.0") is None
    assert loopback_hosts("192.168.1.5") is None
    with serving(Studio(token="right", hosts=None)) as address:
        assert httpx.get(f"{address}/api/studio").status_code == 401
        assert httpx.get(f"{address}/metrics").status_code == 401
        wrong = {"Authorization": "Bearer wrong"}
        assert httpx.get(f"{address}/api/studio", headers=wrong).status_code == 401
        right = {"Authorization": "Bearer right"}
        assert httpx.get(f"{address}/api/studio", headers=right).status_code == 200
        assert httpx.get(f"{address}/api/studio?token=right").status_code == 200
        assert httpx.get(f"{address}/healthz").status_code == 200
        assert httpx.get(f"{address}/").status_code == 200


def test_bad_pictures_are_refused_in_one_line(http: httpx.Client) -> None:
    def refused(data: bytes, name: str = "me.jpg") -> tuple[int, str]:
        answer = http.post("/api/sessions", files={"file": (name, data)})
        return answer.status_code, answer.json()["error"]

    grey = io.BytesIO()
    Image.new("RGB", (300, 300), "grey").save(grey, "PNG")
    huge = io.BytesIO()
    Image.new("1", (3000, 3000)).save(huge, "PNG")
    assert refused(b"") == (422, "file: is empty; choose another")
    assert refused(b"<?php evil ?>")[1] == f"picture: cannot be read; give a {PICTURE_FORMATS} file"
    assert "no face found" in refused(grey.getvalue())[1]
    assert "over 4 megapixels" in refused(huge.getvalue())[1]
    status, said = refused(b"x" * 4_000_000)
    assert (status, said) == (413, "file: over 3 MB; give a smaller one")
    assert "/" not in refused(grey.getvalue(), "../../etc/passwd")[1], "no paths in messages"
    assert http.post("/api/sessions", files={"other": b"x"}).status_code == 422
    assert http.get("/healthz").json()["sessions"] == 0


def test_of_several_faces_of_an_offered_portrait_one_is_chosen(
    studio: Studio, http: httpx.Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "two people.png"
    with Image.open(EXAMPLE_PORTRAIT) as image:
        picture = np.asarray(image.convert("RGB"))
    Image.fromarray(np.hstack([picture, picture[:, ::-1]])).save(path)
    monkeypatch.setitem(studio.portraits, "pair", path)
    answer = http.post("/api/sessions", params={"portrait": "pair"})
    assert answer.status_code == 422
    assert answer.json()["error"].startswith("pair: 2 faces; choose one by its number")
    first, second = (read_thumbnail(address) for address in answer.json()["faces"])
    # The second person is the first one, mirrored.
    apart, mirrored = np.abs(first - second).mean(), np.abs(first - second[:, ::-1]).mean()
    assert mirrored < 0.5 * apart
    answer = http.post("/api/sessions", params={"portrait": "pair", "face": 2})
    assert answer.status_code == 200
    assert np.abs(read_thumbnail(answer.json()["thumbnail"]) - second).mean() < 6
    http.delete(f"/api/sessions/{answer.json()['id']}")


def read_thumbnail(address: str) -> np.ndarray:
    kind, data = address.split(",")
    assert kind == "data:image/jpeg;base64"
    with Image.open(io.BytesIO(base64.b64decode(data))) as image:
        return np.asarray(image.convert("RGB")).astype(float)


def test_what_makes_a_portrait_worse_is_said(http: httpx.Client) -> None:
    dim = io.BytesIO()
    with Image.open(EXAMPLE_PORTRAIT) as portrait:
        portrait.point(lambda value: value // 5).save(dim, "PNG")
    answer = http.post("/api/sessions", files={"file": dim.getvalue()})
    assert any("dark" in warning or "light" in warning for warning in answer.json()["warnings"])
    http.delete(f"/api/sessions/{answer.json()['id']}")


def test_places_are_limited_and_come_free(http: httpx.Client) -> None:
    keys = [open_session(http) for _ in range(LIMITS.sessions)]
    answer = http.post("/api/sessions", params={"portrait": "example"})
    assert answer.status_code == 503
    assert "all 4 places are taken" in answer.json()["error"]
    for key in keys:
        assert http.delete(f"/api/sessions/{key}").status_code == 200
    assert http.delete(f"/api/sessions/{keys[0]}").status_code == 404
    http.delete(f"/api/sessions/{open_session(http)}")


def test_alive_while_idle_and_in_step_while_speaking(
    http: httpx.Client, address: str, key: str
) -> None:
    with talk_to(address, key) as link:
        idle = received(link, PATIENCE_S, lambda found: len(pictures(found)) > 10)
        seen = pictures(idle)
        assert len(seen) > 10
        assert seen[0][1].shape == (512, 512, 3)
        times = [time for time, _ in seen]
        assert times == sorted(times)
        with (EXAMPLE_VOICE).open("rb") as file:
            answer = http.post(f"/api/sessions/{key}/speech", files={"file": file})
        assert answer.json()["seconds"] == pytest.approx(9.0, abs=0.5)
        spoken = received(link, 4)
        heard = np.concatenate([samples for _, samples in sounds(spoken)])
        assert np.abs(heard).max() > 3000
        assert "speaking" in {r["state"] for r in reports(spoken)}
        starts = [time for time, _ in sounds(spoken)]
        np.testing.assert_allclose(np.diff(starts), 0.02, atol=1e-6)
        # Picture and sound of the same moment leave at the same moment.
        lag = pictures(spoken)[-1][0] - starts[-1]
        assert abs(lag) < 0.5

        link.send(json.dumps({"type": "interrupt"}))
        received(link, 0.7)
        after = received(link, 1)
        assert not np.concatenate([samples for _, samples in sounds(after)]).any()
        assert reports(after)[-1]["state"] == "idle"
        assert reports(after)[-1]["waiting_s"] == 0


def test_text_is_spoken_by_a_local_voice(http: httpx.Client, key: str) -> None:
    said = {"text": "Hello", "voice": "quiet"}
    assert http.post(f"/api/sessions/{key}/say", json=said).json()["seconds"] > 8
    assert http.post(f"/api/sessions/{key}/say", json={"text": "Hello"}).json()["seconds"] > 8
    unknown, nothing, no_text = {"text": "x", "voice": "none"}, {"text": " "}, {"text": None}
    for wrong in (unknown, nothing, no_text, {"text": 5}, [], "x"):
        assert http.post(f"/api/sessions/{key}/say", json=wrong).status_code == 422
    assert "quiet" in http.post(f"/api/sessions/{key}/say", json=unknown).json()["error"]
    long = {"text": "x" * 5000, "voice": "quiet"}
    assert "at most" in http.post(f"/api/sessions/{key}/say", json=long).json()["error"]


def test_a_voice_is_heard_before_it_is_chosen(http: httpx.Client) -> None:
    heard = http.get("/api/voices/quiet")
    assert heard.headers["content-type"] == "audio/wav"
    with wave.open(io.BytesIO(heard.content)) as sound, wave.open(str(EXAMPLE_VOICE)) as voice:
        assert sound.getparams() == voice.getparams()
    assert http.get("/api/voices/none").status_code == 404


def test_the_distance_of_a_stream_ends_where_its_picture_does(
    http: httpx.Client, studio: Studio, monkeypatch
) -> None:
    farthest = iter([1.02, 1.05])
    monkeypatch.setattr(assemble, "farthest_distance", lambda face: next(farthest))
    key = open_session(http)
    session = studio.sessions[key]
    generator: Any = session._engine._generator
    session.steer(Controls(distance=1.3), Amount())
    wait_until(lambda: generator.controls.distance == 1.02)
    assert session.controls.distance == 1.3
    http.put(f"/api/sessions/{key}/portrait", params={"portrait": "example"})
    wait_until(lambda: generator.controls.distance == 1.05)
    http.delete(f"/api/sessions/{key}")


@pytest.mark.parametrize(
    ("addresses", "shared"),
    [
        (["http://localhost:1/?token=t", "http://192.168.1.5:1/?token=t"], [1]),
        (["http://192.168.1.5:1/?token=t"], [0]),
        (["http://[fd00::5]:1/", "http://studio.example:1/"], [0, 1]),
        (["http://127.0.0.1:1/"], []),
        (["http://[::1]:1/"], []),
    ],
)
def test_addresses_that_others_reach_are_shared(
    http: httpx.Client, studio: Studio, monkeypatch, addresses: list[str], shared: list[int]
) -> None:
    monkeypatch.setattr(studio, "addresses", tuple(addresses))
    told = [one["url"] for one in http.get("/api/share").json()["addresses"]]
    assert told == [addresses[index] for index in shared]


@pytest.mark.slow
def test_portrait_changes_while_alive(http: httpx.Client, address: str, key: str) -> None:
    other = io.BytesIO()
    with Image.open(EXAMPLE_PORTRAIT) as portrait:
        portrait.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(other, "PNG")
    with talk_to(address, key) as link:
        before = pictures(received(link, 1.5))[-1][1].astype(float)
        answer = http.put(f"/api/sessions/{key}/portrait", files={"file": other.getvalue()})
        assert answer.status_code == 200
        received(link, 0.5)
        after = pictures(received(link, 1.5))[-1][1].astype(float)
    changed, mirrored = np.abs(after - before).mean(), np.abs(after[:, ::-1] - before).mean()
    # The head moves on meanwhile.
    assert mirrored < 0.5 * changed


def test_recording_is_a_marked_mp4(
    http: httpx.Client, studio: Studio, key: str, tmp_path: Path
) -> None:
    assert http.delete(f"/api/sessions/{key}/recording").status_code == 422
    started = time.monotonic()
    assert http.post(f"/api/sessions/{key}/recording").status_code == 200
    with (EXAMPLE_VOICE).open("rb") as file:
        http.post(f"/api/sessions/{key}/speech", files={"file": file})
    session = studio.sessions[key]
    # By what was made, not by the clock: a loaded machine takes longer for it.
    wait_until(lambda: session.report()["frames"] >= 50, PATIENCE_S)
    name = http.delete(f"/api/sessions/{key}/recording").json()["file"]
    elapsed = time.monotonic() - started
    path = tmp_path / "a.mp4"
    path.write_bytes(http.get(f"/api/sessions/{key}/recordings/{name}").content)
    info = inspect_video(path)
    assert (info.codec, info.audio_codec) == ("h264", "aac")
    assert info.metadata["comment"].startswith("AI-generated")
    assert 1.9 < info.duration_s < elapsed + 0.5
    assert info.audio_duration_s == pytest.approx(info.duration_s, abs=0.1)
    assert np.abs(np.concatenate(list(read_blocks(path)))).max() > 0.05
    for wrong in ("../x.mp4", "%2e%2e%2fx.mp4", "x.mp4"):
        assert http.get(f"/api/sessions/{key}/recordings/{wrong}").status_code == 404


def test_the_end_of_a_session_is_told_with_its_reason(
    http: httpx.Client, studio: Studio, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert closing(address, "never").code == 4404
    key = open_session(http)
    with talk_to(address, key) as link:
        http.delete(f"/api/sessions/{key}")
        with pytest.raises(ConnectionClosed) as closed:
            received(link, PATIENCE_S)
    assert closed.value.rcvd == Close(4410, "client")
    assert closing(address, key).code == 4404
    monkeypatch.setattr(studio, "limits", replace(LIMITS, idle_s=0.5))
    assert closing(address, open_session(http)) == Close(4410, "idle")


def test_what_cannot_be_said_or_offered_is_refused_in_one_line(
    http: httpx.Client, key: str
) -> None:
    half = {"content": b'{"text": "a \\ud800", "voice": "quiet"}'}
    for path, content, said in (
        ("say", half, "half a character"),
        ("offer", {"content": b"garbage"}, "not a WebRTC offer"),
        ("offer", {"content": b""}, "not a WebRTC offer"),
        ("offer", {"content": b"v=0 rubbish"}, "not a WebRTC offer"),
    ):
        answer = http.post(f"/api/sessions/{key}/{path}", **content)
        assert answer.status_code == 422, path
        assert said in answer.json()["error"]
    answer = http.post("/api/sessions", params={"portrait": "example", "face": "x"})
    assert answer.json()["error"].startswith("face: ")
    assert http.get("/api/nothing").json() == {"error": "Not Found"}
    assert http.get(f"/api/sessions/{key}/say").json()["error"]
    answer = http.put(f"/api/sessions/{key}/background", params={"background": "/etc/passwd"})
    assert answer.json()["error"].startswith("background: choose one of keep, green, blur")


def test_ended_sessions_are_given_back(http: httpx.Client, studio: Studio, address: str) -> None:
    ended = []
    for _ in range(3):
        key = open_session(http)
        session = studio.sessions[key]
        ended += [weakref.ref(session), weakref.ref(session._player)]
        del session
        with talk_to(address, key) as link:
            received(link, PATIENCE_S, pictures)
        http.delete(f"/api/sessions/{key}")
    # In cycles that the collector would come round to when it likes.
    wait_until(lambda: not any(session() for session in ended), 3 * SWEEP_S + 20)


def test_other_sites_come_in_by_name(studio: Studio, http: httpx.Client, monkeypatch) -> None:
    site = "https://shop.example"
    monkeypatch.setattr(studio, "origins", frozenset({site}))
    monkeypatch.setattr(studio, "embedders", frozenset({site}))
    asked = http.options("/api/sessions", headers={"Origin": site})
    assert asked.status_code == 204
    assert "Authorization" in asked.headers["access-control-allow-headers"]
    answer = http.get("/api/studio", headers={"Origin": site})
    assert answer.headers["access-control-allow-origin"] == site
    other = http.get("/api/studio", headers={"Origin": "https://evil.example"})
    assert other.status_code == 403
    assert "access-control-allow-origin" not in other.headers
    assert "frame-ancestors 'none'" in http.get("/").headers["content-security-policy"]
