"""Videos ordered of a live portrait: bounded, watched, cancelled, gone with the server."""

from __future__ import annotations

import io
import wave
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import numpy as np
import pytest
from live_server import PATIENCE_S, received, serving, talk_to, wait_until
from live_stand_in import StandInModel
from live_stand_in_workers import FRAMES_TOLD, StandInWorkers
from PIL import Image

from openvasa.assets import EXAMPLE_PORTRAIT, EXAMPLE_VOICE
from openvasa.backgrounds import Picture
from openvasa.face.latent import FaceLatent
from openvasa.jobs import page_videos
from openvasa.jobs.page_routes import video_extension
from openvasa.live.frame import LiveSettings
from openvasa.live.session import Limits
from openvasa.live.speech import Voice
from openvasa.live.studio import Studio
from openvasa.media.inspect import inspect_video


@pytest.fixture(scope="module")
def workers() -> StandInWorkers:
    return StandInWorkers()


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    return Studio(
        settings=LiveSettings(fps=25, size=256, hair_lag=0.5),
        model=lambda seed: StandInModel(),
        limits=replace(Limits(), sound_s=20, idle_s=600),
        portraits={"example": EXAMPLE_PORTRAIT},
        voices=[Voice("quiet", "Quiet", ("cat", str(EXAMPLE_VOICE)))],
        folder=tmp_path_factory.mktemp("server"),
    )


@pytest.fixture(scope="module")
def http(studio: Studio, workers: StandInWorkers) -> Iterator[httpx.Client]:
    extension = video_extension(start_workers=lambda _: workers)
    with (
        serving(studio, 0, extension) as address,
        httpx.Client(base_url=address, timeout=PATIENCE_S) as client,
    ):
        yield client
    assert workers.closed


@pytest.fixture(scope="module")
def key(http: httpx.Client) -> str:
    return http.post("/api/sessions", params={"portrait": "example"}).json()["id"]


@pytest.fixture(autouse=True)
def hold(workers: StandInWorkers) -> None:
    workers.let = False


def state(http: httpx.Client, job: str) -> dict:
    return http.get(f"/api/videos/{job}").json()


def test_a_video_is_made_as_the_portrait_is_steered(
    http: httpx.Client, key: str, workers: StandInWorkers
) -> None:
    with talk_to(str(http.base_url), key) as link:
        link.send('{"type": "controls", "gaze": [10, -5], "emotion": {"sad": 0.5}, "amount": 0.5}')
        link.send('{"type": "ping"}')
        received(link, PATIENCE_S, lambda found: any("pong" in str(m)[:20] for m in found[-1:]))
    query = {"size": 384, "background": "green"}
    asked = {"text": "Hello", "voice": "quiet"}
    job = http.post(f"/api/sessions/{key}/videos", params=query, json=asked)
    assert job.status_code == 202
    job = job.json()
    wait_until(lambda: state(http, job["id"])["progress"] > 0)
    told = state(http, job["id"])
    assert told["state"] == "running"
    with wave.open(str(EXAMPLE_VOICE)) as voice:
        frames = 25 * voice.getnframes() / voice.getframerate()
    assert told["progress"] == pytest.approx(FRAMES_TOLD / frames, abs=0.01)
    assert http.get(f"/api/videos/{job['id']}/file").status_code == 409
    workers.let = True
    wait_until(lambda: state(http, job["id"])["state"] == "done")
    assert http.get(f"/api/videos/{job['id']}/file").content == b"a video"
    options = workers.tasks[-1].options
    assert (options.size, options.background, options.gaze) == (384, "green", (10, -5))
    assert options.emotion == {"sad": 0.5}
    assert options.amount.head == 0.5
    assert np.array_equal(
        workers.faces[-1].image, FaceLatent.load(workers.tasks[-1].portrait).image
    )
    assert http.delete(f"/api/videos/{job['id']}").status_code == 200
    assert http.get(f"/api/videos/{job['id']}").status_code == 404


def test_a_video_is_cancelled_and_others_wait_their_turn(
    http: httpx.Client, key: str, workers: StandInWorkers, studio: Studio
) -> None:
    sound = EXAMPLE_VOICE.read_bytes()
    jobs = [
        http.post(f"/api/sessions/{key}/videos", content=sound).json()["id"]
        for _ in range(page_videos.QUOTA.unfinished)
    ]
    refused = http.post(f"/api/sessions/{key}/videos", content=sound)
    assert refused.status_code == 429
    assert "not finished" in refused.json()["error"]
    wait_until(lambda: state(http, jobs[0])["state"] == "running")
    for job in jobs:
        http.delete(f"/api/videos/{job}")
    wait_until(lambda: all(state(http, job)["state"] == "cancelled" for job in jobs))
    assert len(workers.stopped) == 1
    for job in jobs:
        http.delete(f"/api/videos/{job}")
    assert list((studio.folder / "videos").iterdir()) == []


@pytest.mark.parametrize(
    ("query", "how", "status"),
    [
        ({"size": 500}, {"json": {"text": "Hello", "voice": "quiet"}}, 422),
        ({"background": "/etc/passwd"}, {"json": {"text": "Hello", "voice": "quiet"}}, 422),
        ({"background": "transparent"}, {"json": {"text": "Hello", "voice": "quiet"}}, 422),
        ({}, {"json": {"text": "", "voice": "quiet"}}, 422),
        ({}, {"json": {"text": "Hello", "voice": "nobody"}}, 422),
        ({}, {"content": b"no sound"}, 422),
        ({}, {"content": b""}, 422),
    ],
)
def test_what_cannot_be_made_is_refused(
    http: httpx.Client, key: str, query: dict, how: dict, status: int, workers: StandInWorkers
) -> None:
    before = len(workers.tasks)
    answer = http.post(f"/api/sessions/{key}/videos", params=query, **how)
    assert answer.status_code == status
    assert answer.json()["error"]
    assert len(workers.tasks) == before
    assert http.post("/api/sessions/nobody/videos", params=query, **how).status_code == 404


def test_too_long_a_sound_is_refused(http: httpx.Client, key: str) -> None:
    answer = http.post(f"/api/sessions/{key}/videos", content=_sound(21))
    assert answer.status_code == 422
    assert "longer than" in answer.json()["error"]


def test_workers_rest_when_nothing_is_asked(tmp_path: Path, face: FaceLatent, monkeypatch) -> None:
    monkeypatch.setattr(page_videos, "IDLE_S", 0.2)
    started: list[StandInWorkers] = []

    def start(_: Path) -> StandInWorkers:
        started.append(StandInWorkers())
        started[-1].let = True
        return started[-1]

    videos = page_videos.PageVideos(tmp_path, start)
    for number in (1, 2):
        job = videos.order(face, np.zeros(1600, np.int16), 16000, page_videos.Options())
        wait_until(lambda job=job: videos.find(job.id).state == "done")  # type: ignore[union-attr]
        wait_until(lambda: started[-1].closed)
        assert len(started) == number
    videos.close()


def test_a_video_follows_its_session(
    http: httpx.Client, studio: Studio, workers: StandInWorkers
) -> None:
    def made() -> tuple[str, float]:
        job = http.post(f"/api/sessions/{key}/videos", json={"text": "Hello", "voice": "quiet"})
        job = job.json()["id"]
        wait_until(lambda: state(http, job)["state"] == "done")
        http.delete(f"/api/videos/{job}")
        options = workers.tasks[-1].options
        return options.background, options.hair_lag

    workers.let = True
    query = {"portrait": "example", "background": "blur"}
    key = http.post("/api/sessions", params=query).json()["id"]
    assert made() == ("blur", studio.settings.hair_lag)
    changed = http.put(f"/api/sessions/{key}/background", params={"background": "green"})
    assert changed.status_code == 200
    assert made()[0] == "green"
    picture = io.BytesIO()
    Image.new("RGB", (3000, 1500), (200, 40, 120)).save(picture, "PNG")
    changed = http.put(f"/api/sessions/{key}/background", content=picture.getvalue())
    assert changed.status_code == 200
    shown = made()[0]
    background = workers.backgrounds[-1]
    assert isinstance(background, Picture)
    assert background.pixels.shape == (1024, 2048, 3)
    assert np.ptp(background.pixels, axis=(0, 1)).max() == 0
    assert not Path(shown).exists(), "it goes with the video"
    http.delete(f"/api/sessions/{key}")


@pytest.mark.parametrize("begins", [False, True])
def test_workers_that_fail_end_their_orders_and_not_those_to_come(
    tmp_path: Path, face: FaceLatent, begins: bool
) -> None:
    class Broken(StandInWorkers):
        def wait(self, seconds: float) -> list:
            raise RuntimeError("no workers here")

    working = StandInWorkers()
    working.let = True
    failing = iter([True, False])

    def start(_: Path) -> StandInWorkers:
        if not next(failing):
            return working
        if not begins:
            raise RuntimeError("no workers here")
        return Broken()

    videos = page_videos.PageVideos(tmp_path, start)

    def order() -> str:
        return videos.order(face, np.zeros(1600, np.int16), 16000, page_videos.Options()).id

    failed = order()
    wait_until(lambda: videos.find(failed).state == "failed")  # type: ignore[union-attr]
    assert "no workers here" in videos.find(failed).error  # type: ignore[union-attr, operator]
    # The thread may take its leave still.
    wait_until(lambda: videos._stop.is_set())  # type: ignore[union-attr]
    made = order()
    wait_until(lambda: videos.find(made).state == "done")  # type: ignore[union-attr]
    videos.close()


def test_old_videos_are_forgotten_entirely(tmp_path: Path, face: FaceLatent, monkeypatch) -> None:
    monkeypatch.setattr(page_videos, "KEEP_S", -1.0)
    workers = StandInWorkers()
    workers.let = True
    videos = page_videos.PageVideos(tmp_path, lambda _: workers)
    job = videos.order(face, np.zeros(1600, np.int16), 16000, page_videos.Options())
    wait_until(lambda: videos.find(job.id) is None)
    wait_until(lambda: not videos._seconds)
    videos.close()


@pytest.mark.slow
def test_the_real_worker_makes_a_marked_video(studio: Studio, tmp_path: Path) -> None:
    studio = replace(studio, folder=tmp_path, sessions={}, on_shutdown=[])
    with (
        serving(studio, 0, video_extension()) as address,
        httpx.Client(base_url=address, timeout=PATIENCE_S) as http,
    ):
        key = http.post("/api/sessions", params={"portrait": "example"}).json()["id"]
        query = {"size": 256}
        asked = http.post(f"/api/sessions/{key}/videos", params=query, content=_sound(1.0))
        job = asked.json()["id"]
        wait_until(lambda: state(http, job)["state"] in ("done", "failed"))
        made = tmp_path / "made.mp4"
        made.write_bytes(http.get(f"/api/videos/{job}/file").content)
    info = inspect_video(made)
    assert (info.width, info.height) == (256, 256)
    assert info.metadata["comment"].startswith("AI-generated")
    assert info.audio_duration_s == pytest.approx(info.duration_s, abs=0.1)


def _sound(seconds: float) -> bytes:
    tone = 9000 * np.sin(np.arange(round(8000 * seconds)) / 3)
    written = io.BytesIO()
    with wave.open(written, "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(tone.astype("<i2").tobytes())
    return written.getvalue()
