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
import subprocess
import sys
import time
import wave
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from openvasa.assets import EXAMPLE_VOICE
from openvasa.audio.decode import read_blocks
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
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
]  # fmt: skip


@pytest.fixture(scope="module")
def microphone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A WAV of silence and then speech, 48 kHz as a sound card gives it."""
    voice = np.concatenate(list(read_blocks(EXAMPLE_VOICE)))
    voice = np.resize(voice, round((LOOP_S - QUIET_S) * 16000))
    samples = np.repeat(np.concatenate([np.zeros(round(QUIET_S * 16000)), voice]), 3)
    path = tmp_path_factory.mktemp("microphone") / "microphone.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 48000, 0, "NONE", ""))
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return path


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    command = [sys.executable, "-m", "openvasa.cli", "live", "--port", "8799", "--fps", "25"]
    command.append("--accept-policy")
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    ready, _, _ = select.select([server.stdout], [], [], 60)
    assert ready, "the server says nothing"
    found = re.search(r"http://\S+", server.stdout.readline())
    assert found is not None
    time.sleep(1)
    yield found[0]
    server.send_signal(signal.SIGINT)
    assert server.wait(timeout=20) in (0, 130)


@pytest.fixture(params=["WebRTC", "socket"])
def page(address: str, microphone: Path, request: pytest.FixtureRequest) -> Iterator:
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=CHROMIUM,
            args=[*FLAGS, f"--use-file-for-fake-audio-capture={microphone}"],
        )
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(address + ("?media=socket" if request.param == "socket" else ""))
        page.wait_for_selector("#connection[data-is=live]", timeout=60_000)
        wait_until(lambda: page.text_content("#media") == request.param, 20)
        yield page
        # Leaving the page ends its session; a browser that is closed outright only vanishes.
        page.goto("about:blank")
        browser.close()
        assert problems == []


GRAB = """() => {
  const shown = [...document.querySelectorAll('#video, #canvas')].find((e) => !e.hidden);
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = 512;
  canvas.getContext('2d').drawImage(shown, 0, 0, 512, 512);
  return canvas.toDataURL('image/png').split(',')[1];
}"""


def frame(page) -> np.ndarray:
    """(512, 512, 3) uint8: what the browser shows, decoded."""
    with Image.open(io.BytesIO(base64.b64decode(page.evaluate(GRAB)))) as image:
        return np.asarray(image.convert("RGB"))


class Lips:
    """Reads the opening of the lips off frames, in shares of the face's height."""

    def __init__(self, first: np.ndarray) -> None:
        self._landmarks = encode_picture(first, name="frame").landmarks

    def opening(self, picture: np.ndarray) -> float:
        self._landmarks = track_next(picture, self._landmarks).landmarks
        height = np.linalg.norm(self._landmarks[10, :2] - self._landmarks[152, :2])
        return float(lip_gap(self._landmarks) / height)


def openings(page, lips: Lips, seconds: float) -> np.ndarray:
    values, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        values.append(lips.opening(frame(page)))
    return np.array(values)


def wait_until(holds: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.1)


def state(page) -> str:
    return page.text_content("#state")


def test_talks_through_the_microphone(page, tmp_path: Path) -> None:
    wait_until(lambda: frame(page).std() > 20, 10)
    lips = Lips(frame(page))
    idle = [frame(page) for _ in range(10)]
    assert np.mean([np.abs(a.astype(float) - idle[0]).mean() for a in idle[1:]]) > 0.05, "alive"

    page.click("#microphone")
    wait_until(lambda: page.get_attribute("#microphone", "aria-pressed") == "true", 10)
    wait_until(lambda: state(page) == "speaking", 2 * LOOP_S)
    page.click("#record")
    speaking = openings(page, lips, 4)
    wait_until(lambda: state(page) == "idle", 2 * LOOP_S)
    time.sleep(0.5)
    resting = openings(page, lips, 3)
    assert np.ptp(speaking) > 0.02, "the mouth moves"
    assert np.ptp(resting) < 0.5 * np.ptp(speaking), "and rests"
    assert np.median(resting) < np.percentile(speaking, 75)

    page.click("#record")
    with page.expect_download(timeout=30_000) as download:
        page.click("#recordings a")
    path = tmp_path / "live.mp4"
    download.value.save_as(path)
    info = inspect_video(path)
    assert (info.codec, info.audio_codec) == ("h264", "aac")
    assert info.metadata["comment"].startswith("AI-generated")
    assert info.audio_duration_s == pytest.approx(info.duration_s, abs=0.1)
    assert page.evaluate(
        """async () => {
          const video = document.createElement('video');
          video.muted = true;
          video.src = document.querySelector('#recordings a').href;
          await video.play();
          await new Promise((done) => setTimeout(done, 1500));
          return video.currentTime > 0.5 && video.videoWidth === 512;
        }"""
    ), "plays"


def test_file_interrupt_and_steering(page) -> None:
    wait_until(lambda: frame(page).std() > 20, 10)
    lips = Lips(frame(page))
    page.set_input_files("#voice-file", EXAMPLE_VOICE)
    wait_until(lambda: state(page) == "speaking", 15)
    speaking = openings(page, lips, 2)
    page.keyboard.press("Escape")
    wait_until(lambda: state(page) == "idle", 3)
    time.sleep(0.5)
    silent = openings(page, lips, 2)
    assert np.ptp(silent) < 0.5 * np.ptp(speaking)

    page.focus("#gaze")
    for _ in range(8):
        page.keyboard.press("ArrowRight")
    assert "24 degrees right" in page.get_attribute("#gaze", "aria-valuetext")
    page.fill("#distance", "0.8")
    assert page.text_content("#distance-value") == "80 %"
    before = frame(page).astype(float)
    page.click("text=happy")
    time.sleep(2.5)
    assert np.abs(frame(page) - before).mean() > 0.5
    page.click("#reset")
    assert page.get_attribute("#gaze", "aria-valuetext") == "free"


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
