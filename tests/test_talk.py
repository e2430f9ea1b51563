"""A conversation with a portrait: the real Pipecat, ears, turns and voice; a stand-in's motion."""

# What is tested imports packages that may be missing.
# ruff: noqa: E402

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

for package in ("pipecat", "moonshine_voice", "fastapi"):
    pytest.importorskip(package, reason="needs the talk extra")

from fastapi.testclient import TestClient
from live_server import PATIENCE_S, serving
from live_stand_in import StandInModel
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.audio.vad.vad_analyzer import VADParams, VADState
from pipecat.frames.frames import LLMContextFrame
from pipecat.processors.aggregators.llm_context import LLMContext
from talk_conversations import converse, ends, noise, slow_voice, speak_into, until

from openvasa.assets import EXAMPLE_PORTRAIT
from openvasa.audio.pcm import from_int16, to_int16
from openvasa.cli import main
from openvasa.errors import InputError
from openvasa.live.frame import LiveSettings
from openvasa.live.memory import give_back_memory
from openvasa.live.resample import StreamResampler
from openvasa.live.server import create_app
from openvasa.live.session import Session
from openvasa.live.speech import Voice, speak
from openvasa.live.studio import Studio
from openvasa.machine import resident_memory
from openvasa.rates import SAMPLE_RATE
from openvasa.talk import services
from openvasa.talk.dialogue import PIECE_END_S
from openvasa.talk.echo_gate import EchoGate
from openvasa.talk.routes import talk_extension
from openvasa.talk.script import answer
from openvasa.talk.services import VOICE_RATE, Endpoint, TalkSettings

NOON = datetime(2026, 11, 29, 12, 5)
CONVERSATIONS, WARM_UP = 12, 4
MOST_GROWTH = 11e6
"""Bytes a conversation: half of what one session holds while something keeps it."""
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")


def through(gate: EchoGate, said: np.ndarray, heard: np.ndarray) -> np.ndarray:
    """What the gate lets pass of a microphone beside a loudspeaker."""
    passed, step = [], SAMPLE_RATE // 50
    for at in range(0, len(heard), step):
        gate.say(said[at : at + step])
        passed.append(gate.hear(heard[at : at + step]))
    return np.concatenate(passed)


@pytest.mark.parametrize("coupling", [0.02, 0.3, 1.0])
def test_echo_is_silenced_and_the_user_is_heard_over_it(coupling: float) -> None:
    said = noise(4, 0.1)
    echo = coupling * np.roll(said, SAMPLE_RATE // 10)
    assert not through(EchoGate(), said, echo).any()
    user = np.zeros_like(said)
    user[2 * SAMPLE_RATE :] = noise(2, 3.5 * 0.1 * max(coupling, 0.1))
    passed = through(EchoGate(), said, echo + user)
    assert not passed[: 2 * SAMPLE_RATE].any()
    heard = passed[2 * SAMPLE_RATE + SAMPLE_RATE // 10 :]
    assert (heard != 0).mean() > 0.95, "within a tenth of a second"


def test_a_quiet_portrait_hears_everything() -> None:
    user = noise(1, 0.01)
    assert np.array_equal(through(EchoGate(), np.zeros_like(user), user), user)


def test_script_answers() -> None:
    assert "12:05" in answer("What time is it?", NOON)
    assert "Sunday" in answer("Which day is it today?", NOON)
    assert answer("Blue elephants.", NOON).startswith("You said: Blue elephants.")


@pytest.mark.slow
def test_script_greets_whom_it_did_not_understand(face, tmp_path: Path, voice: Voice) -> None:
    async def script(session, dialogue, events) -> None:
        await dialogue._worker.queue_frames([LLMContextFrame(LLMContext())])
        await until(events, lambda e: e["type"] == "caption" and e["text"].startswith("Hello!"))

    asyncio.run(converse(face, tmp_path, TalkSettings(voice), script))


def test_conversations_that_begin_together_share_their_ears() -> None:
    services._moonshine.cache_clear()
    with ThreadPoolExecutor(4) as pool:
        ears = list(pool.map(lambda _: services.load_moonshine(), range(4)))
    assert len(set(map(id, ears))) == 1


def test_a_session_whose_conversation_cannot_begin_leaves_no_session(tmp_path: Path) -> None:
    async def fail(session: Session) -> None:
        raise InputError("no ears")

    studio = Studio(
        settings=LiveSettings(fps=25, size=256),
        model=lambda seed: StandInModel(),
        portraits={"example": EXAMPLE_PORTRAIT},
        folder=tmp_path,
        on_open=fail,
    )
    with TestClient(create_app(studio)) as http:
        answer = http.post("/api/sessions", params={"portrait": "example"})
        assert (answer.status_code, answer.json()) == (422, {"error": "no ears"})
        assert not studio.sessions


@pytest.mark.slow
def test_conversations_leave_no_memory_behind(face, tmp_path: Path, voice: Voice) -> None:
    async def listen(*_) -> None:
        await asyncio.sleep(0.2)

    sizes = []
    for _ in range(CONVERSATIONS):
        asyncio.run(converse(face, tmp_path, TalkSettings(voice), listen))
        give_back_memory()
        sizes.append(resident_memory())
    # The median: the heap of a process that has run other tests grows and shrinks in steps.
    assert np.median(np.diff(sizes[WARM_UP:])) < MOST_GROWTH


@pytest.mark.slow
def test_a_spoken_turn_is_understood_and_answered(face, tmp_path: Path, voice: Voice) -> None:
    samples, rate = speak("What can you do for me, my friend?", voice)

    async def script(session, dialogue, events) -> None:
        quiet = np.zeros(rate, np.int16)
        await speak_into(session, np.concatenate([quiet, samples, quiet, quiet]), rate)
        await until(events, lambda e: e["type"] == "speech.done" and not e["interrupted"])
        said = {turn["who"]: turn["text"] for turn in dialogue.turns}
        assert "do for me" in said["user"].lower()
        assert "friend" in said["user"].lower()
        assert "portrait" in said

    asyncio.run(converse(face, tmp_path, TalkSettings(voice), script))


def test_a_comma_does_not_end_what_is_heard_as_one_piece(voice: Voice) -> None:
    samples, rate = speak("Hello, who are you?", voice)
    quiet = np.zeros(rate, np.int16)
    sound = StreamResampler(rate, SAMPLE_RATE).push(
        from_int16(np.concatenate([quiet, samples, quiet]))
    )

    async def count_ends(silence_s: float) -> int:
        analyzer = SileroVADAnalyzer(sample_rate=SAMPLE_RATE, params=VADParams(stop_secs=silence_s))
        analyzer.set_sample_rate(SAMPLE_RATE)
        states = [
            await analyzer.analyze_audio(to_int16(sound[at : at + 320]).tobytes())
            for at in range(0, len(sound), 320)
        ]
        spoken = [s for s in states if s in (VADState.SPEAKING, VADState.QUIET)]
        return sum(
            one == VADState.SPEAKING and other == VADState.QUIET for one, other in pairwise(spoken)
        )

    assert asyncio.run(count_ends(0.2)) == 2
    assert asyncio.run(count_ends(PIECE_END_S)) == 1


@pytest.mark.slow
def test_a_slow_voice_is_waited_for(face, tmp_path: Path) -> None:
    slow = slow_voice(tmp_path, wait_s=1.5, said_s=0.3)

    async def script(session, dialogue, events) -> None:
        for said in range(1, 5):
            dialogue.take_turn("Thanks.")
            await until(events, lambda _, said=said: len(ends(events)) >= said)
        assert [e for e in events if e["type"] == "error"] == []

    asyncio.run(converse(face, tmp_path, TalkSettings(slow), script))


class _Model(BaseHTTPRequestHandler):
    """A language model's server that keeps what it was asked, and answers in two sentences."""

    asked: ClassVar[list[dict]] = []

    def do_POST(self) -> None:
        self.asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        for word in ("Blue elephants", " are rare. ", "So", " are green ones."):
            choice = {"index": 0, "delta": {"content": word}, "finish_reason": None}
            chunk = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
            self.wfile.write(f"data: {json.dumps({**chunk, 'choices': [choice]})}\n\n".encode())
        self.wfile.write(b"data: [DONE]\n\n")

    def log_message(self, *_: object) -> None:
        pass


@pytest.mark.slow
def test_a_language_model_is_told_who_it_is_and_answers(face, tmp_path: Path, voice: Voice) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Model)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    model = Endpoint(f"http://127.0.0.1:{server.server_port}/v1", "llama")

    async def script(session, dialogue, events) -> None:
        dialogue.take_turn("Tell me of elephants.")
        await until(events, lambda _: bool(ends(events)))
        said = " ".join(turn["text"] for turn in dialogue.turns if turn["who"] == "portrait")
        assert said == "Blue elephants are rare. So are green ones."
        dialogue.take_turn("And pink ones?")
        await until(events, lambda _: len(ends(events)) == 2)

    settings = TalkSettings(voice, model, instructions="You are an elephant.")
    asyncio.run(converse(face, tmp_path, settings, script))
    server.shutdown()
    first, second = (asked["messages"] for asked in _Model.asked)
    system = {"role": "system", "content": "You are an elephant."}
    assert first == [system, {"role": "user", "content": "Tell me of elephants."}]
    assert second[0] == system
    assert [m["role"] for m in second] == ["system", "user", "assistant", "user"]
    assert second[2]["content"] == "Blue elephants are rare. So are green ones."


@pytest.mark.slow
def test_a_language_model_that_does_not_answer_is_named(face, tmp_path: Path, voice: Voice) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://user:secret@127.0.0.1:{free.getsockname()[1]}/v1"

    async def script(session, dialogue, events) -> None:
        dialogue.take_turn("Hello!")
        told = await until(events, lambda e: e["type"] == "error")
        assert told["error"].startswith("the language model (llama at 127.0.0.1) failed: ")
        assert "secret" not in told["error"]

    asyncio.run(converse(face, tmp_path, TalkSettings(voice, Endpoint(url, "llama")), script))


@pytest.fixture
def client(voice: Voice) -> Iterator[TestClient]:
    studio = Studio(portraits={"example": EXAMPLE_PORTRAIT}, model=lambda _: StandInModel())
    app = create_app(studio, talk_extension(TalkSettings(voice)))
    with TestClient(app, base_url="http://localhost") as client:
        yield client


@pytest.mark.slow
def test_server_gives_page_turns_and_refusals(client: TestClient) -> None:
    page = client.get("/").text
    assert "conversation.js" in page
    for part in ("conversation.js", "conversation.css"):
        assert client.get(f"/{part}").status_code == 200
    assert client.get("/api/sessions/nobody/turns").status_code == 404
    key = client.post("/api/sessions?portrait=example").json()["id"]
    assert client.get(f"/api/sessions/{key}/turns").json() == {"turns": []}
    assert client.post(f"/api/sessions/{key}/turns", json={"text": " "}).status_code == 422
    assert client.post(f"/api/sessions/{key}/turns", json={"text": "Hello!"}).status_code == 200
    turns = client.get(f"/api/sessions/{key}/turns").json()["turns"]
    assert turns[0] == {"who": "user", "text": "Hello!"}
    client.delete(f"/api/sessions/{key}")
    assert client.get(f"/api/sessions/{key}/turns").status_code == 404


CUT_WHILE_HISTORY_COMES = """async () => {
  const { link } = await import("/page.js");
  const whole = { who: "portrait", speech: "one", text: "Blue elephants are rare." };
  const cut = { ...whole, text: "Blue elephants", cut: true };
  let asked = 0;
  link.ask = async () => ({ json: async () => {
    asked += 1;
    if (asked > 1) return { turns: [cut] };
    link.dispatchEvent(new CustomEvent("caption.cut", { detail: cut }));
    return { turns: [whole] };
  } });
  link.dispatchEvent(new Event("live"));
}"""


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed (Debian: chromium)")
def test_a_page_shows_both_sides_and_what_fails(tmp_path: Path, voice: Voice) -> None:
    browsers = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    studio = Studio(
        portraits={"example": EXAMPLE_PORTRAIT},
        model=lambda _: StandInModel(),
        folder=tmp_path,
    )
    with (
        serving(studio, 0, talk_extension(TalkSettings(voice))) as address,
        browsers.sync_playwright() as driver,
    ):
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.set_default_timeout(1000 * PATIENCE_S)
        page.goto(f"{address}/?media=socket")
        page.wait_for_selector("#connection[data-is=live]")
        page.fill("#turn-text", "What can you do?")
        page.press("#turn-text", "Enter")
        page.wait_for_selector("#turns [data-who=user] >> text=What can you do?")
        page.wait_for_selector("#turns [data-who=portrait] >> text=I can tell the time")
        assert page.input_value("#turn-text") == ""
        page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
        page.click("#copy-turns")
        page.wait_for_selector("#notice >> text=The conversation is selected")
        assert "What can you do?" in page.evaluate("String(getSelection())")
        (session,) = studio.sessions.values()
        announce = partial(session.loop.call_soon_threadsafe, session.announce)
        events: list[dict] = []
        session.loop.call_soon_threadsafe(session.listeners.add, events.append)
        page.fill("#turn-text", "Tell me a story.")
        page.press("#turn-text", "Enter")
        told = page.locator("#turns [data-who=portrait]").last
        told.filter(has_text="Once").wait_for()
        whole = told.inner_text()
        story = told.get_attribute("data-speech")
        for _ in range(20 * PATIENCE_S):
            page.wait_for_timeout(50)
            heard = [e["sample"] for e in events if e["type"] == "spoken" and e["speech"] == story]
            if heard and heard[-1] > VOICE_RATE:
                break
        page.click("#interrupt")
        page.wait_for_selector("#turns li:last-child[data-cut]")
        assert len(told.inner_text()) < len(whole)
        unheard = {"who": "portrait", "speech": "unheard"}
        announce({"type": "caption", **unheard, "text": "Nobody hears this."})
        page.wait_for_selector("#turns >> text=Nobody hears this.")
        announce({"type": "caption.cut", **unheard, "text": ""})
        page.wait_for_selector("#turns >> text=Nobody hears this.", state="detached")
        assert page.locator("#turns li").last.inner_text() == told.inner_text()
        page.evaluate(CUT_WHILE_HISTORY_COMES)
        page.wait_for_selector("#turns li[data-cut] >> text=Blue elephants")
        assert page.locator("#turns").text_content() == "PortraitBlue elephants"
        announce({"type": "error", "error": "the language model failed: it is away"})
        page.wait_for_selector("#notice >> text=the language model failed")
        assert page.locator("#turn #microphone[type=button]").count() == 1
        browser.close()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--llm", "http://localhost:1/v1"], "--model"),
        (["--model", "llama"], "--llm"),
        (["--llm", "localhost", "--model", "llama"], "not the address"),
        (["--voice", "nobody"], "not on this machine"),
    ],
)
def test_wrong_options_are_refused(options: list[str], said: str, capsys) -> None:
    assert main(["talk", *options]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.skipif(find_spec("espeakng_loader") is None, reason="needs espeakng-loader")
def test_the_library_of_the_wheel_speaks() -> None:
    command = (sys.executable, "-m", "openvasa.audio.espeak_library", "en-us")
    samples, rate = speak("Hello there.", Voice("wheel", "wheel", command))
    assert len(samples) > rate / 2
    assert np.abs(samples).max() > 3000
