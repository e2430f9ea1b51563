"""The studio page in headless Chromium, its microphone playing a file. Real server and models.

Skipped where there is no Chromium or no Playwright; CHROMIUM names another binary.
"""

from __future__ import annotations

import base64
import io
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

from openvasa.assets import EXAMPLE_VOICE, EXAMPLES
from openvasa.audio.decode import read_blocks
from openvasa.audio.pcm import write_wav
from openvasa.face.dynamics import lip_gap
from openvasa.face.encode import encode_picture
from openvasa.face.landmarker import track_next
from openvasa.media.inspect import inspect_video

playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed (Debian: chromium)"),
]

QUIET_S, LOOP_S = 8.0, 16.0
"""The microphone is silent for the first, then speaks, over and over."""
PATIENCE_S = 180.0
"""Everything here takes seconds; a loaded machine takes longer."""
CLOSED_LIPS = EXAMPLES / "gallery" / "mona_lisa.jpg"
"""A portrait whose lips the tracker finds closed; teeth in a smile look to it now open, now not."""
LONG_S = 290.0
"""A speech that nobody hears to its end."""
SETTLED_S = 1.0
"""What the page says of the state comes up to half a second after what it shows."""
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
]  # fmt: skip


@pytest.fixture(scope="module")
def microphone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A WAV of silence and then speech, 48 kHz as a sound card gives it."""
    samples = np.concatenate([np.zeros(round(QUIET_S * 16000)), speech(LOOP_S - QUIET_S)])
    path = tmp_path_factory.mktemp("microphone") / "microphone.wav"
    write_wav(path, [np.repeat(samples, 3)], 48000)
    return path


def speech(seconds: float) -> np.ndarray:
    """The example's voice at 16 kHz, repeated or cut to a length."""
    voice = np.concatenate(list(read_blocks(EXAMPLE_VOICE)))
    return np.resize(voice, round(seconds * 16000))


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    command = [sys.executable, "-m", "openvasa", "live", "--port", port, "--fps", "25"]
    command += ["--portrait", str(CLOSED_LIPS), "--accept-policy"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    ready, _, _ = select.select([server.stdout], [], [], PATIENCE_S)
    assert ready, "the server says nothing"
    found = re.search(r"http://\S+", server.stdout.readline())
    assert found is not None
    address = found[0]
    try:
        wait_until(lambda: answers(address), PATIENCE_S)
        yield address
    finally:
        server.send_signal(signal.SIGINT)
        assert server.wait(timeout=PATIENCE_S) in (0, 130)


def answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}healthz", timeout=PATIENCE_S).status_code == 200
    except httpx.ConnectError:
        return False


@pytest.fixture(params=["WebRTC", "socket"])
def page(address: str, microphone: Path, request: pytest.FixtureRequest) -> Iterator:
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=CHROMIUM,
            args=[*FLAGS, f"--use-file-for-fake-audio-capture={microphone}"],
        )
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.set_default_timeout(1000 * PATIENCE_S)
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(address + ("?media=socket" if request.param == "socket" else ""))
        page.wait_for_selector("#connection[data-is=live]")
        wait_until(lambda: page.text_content("#media") == request.param, PATIENCE_S)
        wait_until(lambda: frame(page).std() > 20, PATIENCE_S)
        yield page
        # Leaving the page ends its session; a browser that is closed outright only vanishes.
        page.goto("about:blank")
        # Long before the server gives a page up that only vanished.
        wait_until(lambda: httpx.get(f"{address}healthz").json()["sessions"] == 0, 10)
        browser.close()
        assert problems == []


GRAB = """() => {
  const shown = [...document.querySelectorAll('#video, #canvas')].find((e) => !e.hidden);
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = 512;
  canvas.getContext('2d').drawImage(shown, 0, 0, 512, 512);
  const state = document.querySelector('#state').textContent;
  return [state, canvas.toDataURL('image/png').split(',')[1]];
}"""


@dataclass(frozen=True)
class Seen:
    """What the browser shows at a moment: (512, 512, 3) uint8 and the state beside it."""

    at_s: float
    state: str
    picture: np.ndarray


def look(page) -> Seen:
    state, data = page.evaluate(GRAB)
    with Image.open(io.BytesIO(base64.b64decode(data))) as image:
        return Seen(time.monotonic(), state, np.asarray(image.convert("RGB")))


def frame(page) -> np.ndarray:
    return look(page).picture


def watch(page, state: str, count: int, seconds: float) -> list[np.ndarray]:
    """Pictures of a state that is held: at least `count`, which stand for at least `seconds`.

    A loaded machine sees fewer pictures a second; it then watches for longer.
    """
    seen: list[Seen] = []
    end = time.monotonic() + PATIENCE_S
    while True:
        seen.append(look(page))
        held = [s for s in seen if is_held(s, state, seen)]
        steps = [after.at_s - s.at_s for s, after in pairwise(seen) if is_held(s, state, seen)]
        if len(held) >= count and sum(steps) >= seconds:
            return [s.picture for s in held]
        assert time.monotonic() < end, f"is not {state} for {seconds} s"


def is_held(moment: Seen, state: str, seen: list[Seen]) -> bool:
    """Whether the page showed a state all the time around a moment."""
    if not seen[0].at_s <= moment.at_s - SETTLED_S < moment.at_s + SETTLED_S <= seen[-1].at_s:
        return False
    return all(s.state == state for s in seen if abs(s.at_s - moment.at_s) <= SETTLED_S)


class Face:
    """Measures a face from picture to picture."""

    def __init__(self, first: np.ndarray) -> None:
        self._landmarks = encode_picture(first, name="frame").landmarks

    def height(self, picture: np.ndarray) -> float:
        """From forehead to chin, px."""
        self._landmarks = track_next(picture, self._landmarks).landmarks
        return float(np.linalg.norm(self._landmarks[10, :2] - self._landmarks[152, :2]))

    def opening(self, picture: np.ndarray) -> float:
        """Of the lips, in shares of the face's height."""
        height = self.height(picture)
        return float(lip_gap(self._landmarks) / height)

    def openings(self, pictures: list[np.ndarray]) -> np.ndarray:
        return np.array([self.opening(picture) for picture in pictures])


def widest(openings: np.ndarray) -> float:
    """How far lips open at times; calm speakers keep them almost closed most of the time."""
    return float(np.percentile(openings, 95))


def is_at_rest(openings: np.ndarray, speaking: np.ndarray) -> bool:
    """Whether lips are mostly at rest: they also part in silence now and then, which
    `openvasa evaluate motion` measures."""
    return bool(np.median(openings) < 0.4 * widest(speaking))


def wait_until(holds: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.1)


def state(page) -> str:
    return page.text_content("#state")


def test_talks_through_the_microphone(page, tmp_path: Path) -> None:
    first = frame(page)
    face = Face(first)
    wait_until(lambda: np.abs(frame(page) - first.astype(float)).mean() > 0.05, PATIENCE_S)

    page.click("#microphone")
    wait_until(lambda: page.get_attribute("#microphone", "aria-pressed") == "true", PATIENCE_S)
    wait_until(lambda: state(page) == "speaking", PATIENCE_S)
    page.click("#record")
    # A stretch of speech has words behind almost closed lips; a whole sentence has not only those.
    speaking = face.openings(watch(page, "speaking", count=40, seconds=8))
    resting = face.openings(watch(page, "idle", count=20, seconds=6))
    assert widest(speaking) > 0.015, "the mouth opens"
    assert is_at_rest(resting, speaking)

    page.click("#record")
    with page.expect_download() as download:
        page.click("#recordings a")
    path = tmp_path / "live.mp4"
    download.value.save_as(path)
    info = inspect_video(path)
    assert (info.codec, info.audio_codec) == ("h264", "aac")
    assert info.metadata["comment"].startswith("AI-generated")
    assert info.audio_duration_s == pytest.approx(info.duration_s, abs=0.1)
    page.evaluate(
        """async () => {
          const video = document.createElement('video');
          video.muted = true;
          video.src = document.querySelector('#recordings a').href;
          window.recorded = video;
          await video.play();
        }"""
    )
    plays = "() => recorded.currentTime > 0.5 && recorded.videoWidth === 512"
    wait_until(lambda: page.evaluate(plays), PATIENCE_S)


def test_file_interrupt_and_steering(page, tmp_path: Path) -> None:
    face = Face(frame(page))
    started = time.monotonic()
    path = tmp_path / "long.wav"
    write_wav(path, [speech(LONG_S)], 16000)
    page.set_input_files("#voice-file", path)
    speaking = face.openings(watch(page, "speaking", count=40, seconds=8))
    page.keyboard.press("Escape")
    silent = face.openings(watch(page, "idle", count=20, seconds=6))
    assert time.monotonic() - started < LONG_S, "silent because of the interruption"
    assert is_at_rest(silent, speaking)

    page.focus("#gaze-side")
    for _ in range(24):
        page.keyboard.press("ArrowRight")
    assert page.get_attribute("#gaze-side", "aria-valuetext") == "24° right"
    height = face.height(frame(page))
    page.fill("#distance", "0.8")
    assert page.text_content("#distance-value") == "80 %"
    wait_until(lambda: face.height(frame(page)) > 1.1 * height, PATIENCE_S)
    page.click("text=happy")
    page.click("#reset")
    assert page.get_attribute("#gaze-side", "aria-valuetext") == "free"


def test_every_control_has_a_name(page) -> None:
    nameless = page.evaluate(
        """() => [...document.querySelectorAll('button, input:not([hidden]), select, textarea, a,'
          + '[role=slider]')].filter((e) => e.offsetParent !== null && !(e.ariaLabel
          || e.textContent.trim() || e.labels?.length || e.getAttribute('aria-labelledby')
          || e.title)).map((e) => e.outerHTML)"""
    )
    assert nameless == []
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
