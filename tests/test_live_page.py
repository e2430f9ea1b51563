"""Pages in headless Chromium: what they do when something goes wrong, frames, pages of other sites.

Real server, a stand-in for the motion model. Skipped as `test_live_browser.py` is.
"""

from __future__ import annotations

import http.server
import os
import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from urllib.parse import quote

import httpx
import numpy as np
import pytest
from live_server import PATIENCE_S, serving, wait_until
from live_stand_in import StandInModel
from live_stand_in_workers import StandInWorkers
from PIL import Image

from openvasa.assets import EXAMPLE_PORTRAIT, EXAMPLE_VOICE
from openvasa.jobs.page_routes import video_extension
from openvasa.live.frame import LiveSettings
from openvasa.live.session import Limits
from openvasa.live.speech import Voice
from openvasa.live.studio import Studio

playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed (Debian: chromium)"),
]
EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]  # fmt: skip
LIVE = "#connection[data-is=live]"
NOTE_PLAYED = """() => {
  const play = HTMLMediaElement.prototype.play;
  HTMLMediaElement.prototype.play = function () { window.heard = this; return play.call(this); };
}"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("server")


def studio(folder: Path) -> Studio:
    return Studio(
        settings=LiveSettings(fps=25),
        model=lambda seed: StandInModel(),
        portraits={"portrait": EXAMPLE_PORTRAIT},
        folder=folder,
    )


@pytest.fixture(scope="module")
def browser() -> Iterator:
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser) -> Iterator:
    page = browser.new_page(viewport={"width": 1000, "height": 800})
    page.set_default_timeout(1000 * PATIENCE_S)
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    yield page
    page.goto("about:blank")
    page.close()
    assert problems == []


def test_the_page_comes_back_by_itself_when_the_server_does(page, folder: Path) -> None:
    with serving(studio(folder)) as address:
        page.goto(f"{address}/?media=socket")
        page.wait_for_selector(LIVE)
    page.wait_for_selector("#connection[data-is=lost]")
    page.wait_for_selector("text=The server does not answer. This page comes back")
    page.click("#portraits [role=radio]")
    page.wait_for_selector("text=The server does not answer; try again")
    page.wait_for_selector("text=The server does not answer. This page comes back")
    with serving(studio(folder), port=int(address.rsplit(":", 1)[1])):
        page.click("text=Try now")
        page.wait_for_selector(LIVE)
        page.wait_for_selector("#notice", state="hidden")
        page.goto("about:blank")


def test_a_session_that_ended_is_opened_again(page, folder: Path) -> None:
    server = studio(folder)
    with serving(server) as address:
        page.goto(f"{address}/?media=socket")
        page.wait_for_selector(LIVE)
        (key,) = server.sessions
        httpx.delete(f"{address}/api/sessions/{key}")
        wait_until(lambda: server.sessions and key not in server.sessions)
        page.wait_for_selector(LIVE)
        page.goto("about:blank")


def test_the_page_waits_for_a_place_and_says_so(page, folder: Path) -> None:
    server = studio(folder)
    server.limits = replace(Limits(), sessions=1, idle_s=600)
    with serving(server) as address:
        taken = httpx.post(
            f"{address}/api/sessions", params={"portrait": "portrait"}, timeout=PATIENCE_S
        ).json()["id"]
        page.goto(f"{address}/?media=socket")
        page.wait_for_selector("#notice >> text=All places are taken")
        httpx.delete(f"{address}/api/sessions/{taken}")
        page.click("text=Try now")
        page.wait_for_selector(LIVE)
        page.goto("about:blank")


def test_the_page_moves_to_a_new_server_before_the_old_one_stops(page, folder: Path) -> None:
    server = studio(folder)
    with serving(server) as address:
        page.goto(f"{address}/?media=socket")
        page.wait_for_selector(LIVE)
        ((key, session),) = server.sessions.items()
        server.draining = True
        session.loop.call_soon_threadsafe(session.announce_end, 60.0)
        page.wait_for_timeout(1500)
        assert list(server.sessions) == [key], "it stays while no other server takes it"
        server.draining = False
        wait_until(lambda: server.sessions and key not in server.sessions)
        page.wait_for_selector(LIVE)
        assert page.get_attribute("#connection", "data-is") == "live"
        page.goto("about:blank")


def test_a_video_is_made_on_the_page(page, folder: Path, tmp_path: Path) -> None:
    server = replace(studio(folder), voices=[Voice("quiet", "Quiet", ("cat", str(EXAMPLE_VOICE)))])
    workers = StandInWorkers()
    with serving(server, 0, video_extension(start_workers=lambda _: workers)) as address:
        page.goto(f"{address}/?media=socket")
        page.wait_for_selector(LIVE)
        page.fill("#video-text", "Two")
        page.click("#video-make")
        page.wait_for_selector("#videos li:has-text('%')")
        page.click("#videos li >> text=Cancel")
        page.wait_for_selector("#videos li:has-text('cancelled')")
        page.fill("#video-text", "One")
        page.click("#video-make")
        workers.let = True
        with page.expect_download() as download:
            page.click("#videos a")
        assert download.value.suggested_filename == "One.mp4"
        assert Path(download.value.path()).read_bytes() == b"a video"
        page.click("#videos li:has(a) >> text=Remove")
        wait_until(lambda: len(list((folder / "videos").iterdir())) == 1)
        page.goto("about:blank")


def test_a_picture_of_ones_own_stands_behind_the_portrait(
    page, folder: Path, tmp_path: Path
) -> None:
    wall, words = tmp_path / "wall.png", tmp_path / "words.png"
    Image.new("RGB", (64, 64), (200, 40, 120)).save(wall)
    words.write_text("no picture")
    server = studio(folder)

    def corner() -> list[int]:
        return page.evaluate(
            "() => [...document.querySelector('#canvas').getContext('2d')"
            ".getImageData(9, 9, 1, 1).data]"
        )[:3]

    def is_pink() -> bool:
        return np.abs(np.subtract(corner(), (200, 40, 120))).max() < 12

    with serving(server) as address:
        page.goto(f"{address}/?media=socket")
        page.wait_for_selector(LIVE)
        with page.expect_file_chooser() as chooser:
            page.select_option("#background", "picture")
        chooser.value.set_files(wall)
        wait_until(is_pink)
        (key,) = server.sessions
        page.set_input_files("#background-file", words)
        page.wait_for_selector("#notice >> text=background: cannot be read")
        assert page.input_value("#background") == "picture"
        assert is_pink(), "the one before stays"
        httpx.delete(f"{address}/api/sessions/{key}")
        wait_until(lambda: server.sessions and key not in server.sessions)
        page.wait_for_selector(LIVE)
        wait_until(is_pink)
        page.select_option("#background", "green")
        wait_until(lambda: np.abs(np.subtract(corner(), (0, 177, 64))).max() < 12)
        assert page.is_hidden("#choose-background")
        page.goto("about:blank")


def test_a_session_whose_background_is_refused_is_ended(page, folder: Path) -> None:
    server = studio(folder)
    with serving(server) as address:
        page.goto(f"{address}/robots.txt")
        refused = page.evaluate("""async () => {
          const { OpenVasa } = await import("/openvasa-client.js");
          const avatar = new OpenVasa({ media: "none" });
          const background = new Blob([new Uint8Array(99)]);
          const opened = avatar.open({ portrait: "portrait", background });
          return opened.catch((error) => [error.status, avatar.id]);
        }""")
        assert refused == [422, None]
        wait_until(lambda: not server.sessions)
        page.goto("about:blank")


def test_another_size_is_another_session(page, folder: Path) -> None:
    server = studio(folder)
    with serving(server) as address:
        page.goto(f"{address}/?media=socket")
        page.wait_for_selector(LIVE)
        (key,) = server.sessions
        page.select_option("#size", "256")
        wait_until(lambda: server.sessions and key not in server.sessions)
        page.wait_for_function("() => document.querySelector('#canvas').width === 256")
        (session,) = server.sessions.values()
        assert session.settings.size == 256
        page.goto("about:blank")


def test_a_session_that_was_joined_is_not_ended(page, folder: Path) -> None:
    server = studio(folder)
    join_and_change = """async (session) => {
      const { OpenVasa } = await import("/openvasa-client.js");
      const guest = new OpenVasa({ media: "none" });
      await guest.open({ session });
      const refused = await guest.setSize(256).catch((error) => error.message);
      await guest.change({ portrait: "portrait" });
      await guest.close();
      return refused;
    }"""
    with serving(server) as address:
        page.goto(f"{address}/?media=socket")
        page.wait_for_selector(LIVE)
        (key,) = server.sessions
        assert "keeps its size" in page.evaluate(join_and_change, key)
        assert list(server.sessions) == [key]
        assert server.sessions[key].closed is None
        page.goto("about:blank")


def test_a_voice_is_heard_before_it_is_chosen(page, folder: Path) -> None:
    server = replace(studio(folder), voices=[Voice("quiet", "Quiet", ("cat", str(EXAMPLE_VOICE)))])
    with serving(server) as address:
        page.goto(f"{address}/?media=socket")
        page.wait_for_selector(LIVE)
        page.evaluate(NOTE_PLAYED)
        page.click("#voice-sample")
        page.wait_for_function("() => window.heard?.currentTime > 0.1")
        page.goto("about:blank")


def test_the_page_is_shared_by_a_link_and_a_code(page, folder: Path) -> None:
    server = replace(studio(folder), token="secret")
    with serving(server) as address:
        shared = "http://192.168.1.5:8765/?token=secret"
        server.addresses = (shared,)
        page.goto(f"{address}/?token=secret&media=socket")
        page.wait_for_selector(LIVE)
        page.click("#share")
        page.wait_for_selector("#share-dialog img")
        page.wait_for_function("() => document.querySelector('#share-dialog img').naturalWidth > 0")
        assert page.input_value("#share-dialog input") == shared
        page.click("#share-close")
        page.goto("about:blank")


def test_both_ways_of_the_gaze_are_sliders(page, folder: Path) -> None:
    server = studio(folder)
    with serving(server) as address:
        page.goto(f"{address}/?media=socket")
        page.wait_for_selector(LIVE)
        (session,) = server.sessions.values()
        page.focus("#gaze-height")
        for _ in range(4):
            page.keyboard.press("ArrowUp")
        page.focus("#gaze-side")
        page.keyboard.press("ArrowLeft")
        wait_until(lambda: session.controls.gaze == (-1.0, 4.0))
        assert page.text_content("#gaze-value") == "1° left, 4° up"
        page.click("#gaze-free")
        wait_until(lambda: session.controls.gaze is None)
        page.goto("about:blank")


def test_without_a_microphone_the_page_says_what_to_do(page, folder: Path) -> None:
    with serving(studio(folder)) as address:
        page.goto(f"{address}/?media=socket")
        page.wait_for_selector(LIVE)
        page.click("#microphone")
        page.wait_for_selector("#notice-action >> text=Try again")
        said = page.text_content("#notice p")
        assert "microphone" in said
        assert "audio file" in said
        assert page.get_attribute("#microphone", "aria-pressed") == "false"
        page.goto("about:blank")


def test_one_of_several_faces_is_chosen_by_its_picture(page, folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "two.png"
    with Image.open(EXAMPLE_PORTRAIT) as image:
        picture = np.asarray(image.convert("RGB").resize((512, 512)))
    Image.fromarray(np.hstack([picture, picture[:, ::-1]])).save(path)
    with serving(studio(folder)) as address:
        page.goto(f"{address}/?media=socket")
        page.wait_for_selector(LIVE)
        page.set_input_files("#portrait-file", path)
        page.wait_for_selector("#faces[open]")
        widths = "[...document.querySelectorAll('#face-list img')].map((e) => e.naturalWidth)"
        wait_until(lambda: min(page.evaluate(widths)) > 50)
        page.click("#face-list button:nth-child(2)")
        page.wait_for_selector("#portraits [role=radio]:nth-child(2)[aria-checked=true]")
        page.focus("#portraits [aria-checked=true]")
        page.keyboard.press("ArrowLeft")
        page.wait_for_selector("#portraits [role=radio]:nth-child(1)[aria-checked=true]")
        page.goto("about:blank")


def test_a_frame_shows_the_person_alone(page, folder: Path) -> None:
    with serving(studio(folder)) as address:
        page.goto(f"{address}/view?portrait=portrait&background=transparent&muted=1")
        page.wait_for_selector("body[data-is=live]")
        opacity = """([x, y]) => {
          const canvas = document.querySelector('#cut-out');
          return canvas.width < 500 ? -1
            : canvas.getContext('2d').getImageData(x, y, 1, 1).data[3];
        }"""
        wait_until(lambda: page.evaluate(opacity, [256, 256]) == 255)
        assert page.evaluate(opacity, [3, 3]) < 40
        page.goto("about:blank")


def test_the_example_of_another_site_speaks(page, folder: Path) -> None:
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=EXAMPLES)
    site = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=site.serve_forever, daemon=True).start()
    own = f"http://127.0.0.1:{site.server_port}"
    server = studio(folder)
    server.origins = frozenset({own})
    try:
        with serving(server) as address:
            query = f"server={quote(address + '/')}&portrait=portrait"
            page.goto(f"{own}/live_client.html?{query}")
            page.wait_for_selector("output:text-is('live')")
            page.set_input_files("input", EXAMPLE_VOICE)
            page.wait_for_selector("output:has-text('said up to')")
            page.wait_for_selector("output:text-is('said')")
            page.goto("about:blank")
    finally:
        site.shutdown()
