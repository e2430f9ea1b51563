"""The asyncio client, and its example, against a real server."""

from __future__ import annotations

import asyncio
import io
import subprocess
import sys
import wave
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from live_server import PATIENCE_S, serving
from live_stand_in import StandInModel
from PIL import Image

from openvasa.assets import EXAMPLE_PORTRAIT, EXAMPLE_VOICE
from openvasa.errors import InputError
from openvasa.live.client import Ended, LiveLink, Picture, Sound, open_portrait
from openvasa.live.frame import LiveSettings
from openvasa.live.studio import Studio

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    return Studio(
        settings=LiveSettings(fps=25, rate=24000, size=256),
        model=lambda seed: StandInModel(),
        portraits={"example": EXAMPLE_PORTRAIT},
        token="secret",
        folder=tmp_path_factory.mktemp("server"),
    )


@pytest.fixture(scope="module")
def address(studio: Studio) -> Iterator[str]:
    with serving(studio) as address:
        yield address


async def collect(link: LiveLink, until: str) -> list:
    messages = []
    async for message in link:
        messages.append(message)
        if isinstance(message, dict) and message["type"] == until:
            return messages
    raise AssertionError(f"no {until}")


def test_speech_goes_in_and_media_and_events_come_out(address: str, studio: Studio) -> None:
    async def talk() -> list:
        opened = open_portrait(address, portrait="example", token="secret", media=True)
        async with await opened as link:
            await link.steer(gaze=[10, 0])
            speech = await link.begin_speech(16000)
            await speech.push(0.3 * np.sin(np.arange(16000) / 6).astype(np.float32))
            await speech.end()
            messages = await asyncio.wait_for(collect(link, "speech.done"), PATIENCE_S)
            await link.interrupt()
            return messages

    messages = asyncio.run(talk())
    assert messages[-1]["sample"] == 16000
    pictures = [m for m in messages if isinstance(m, Picture)]
    with Image.open(io.BytesIO(pictures[-1].jpeg)) as image:
        assert image.size == (256, 256)
    sound = [m for m in messages if isinstance(m, Sound)]
    assert sound[0].rate == 24000
    assert np.abs(np.concatenate([s.samples for s in sound]).astype(int)).max() > 3000
    assert not studio.sessions, "closing ends the session"


def test_a_picture_of_ones_own_stands_behind_the_portrait(address: str, tmp_path: Path) -> None:
    wall, words = tmp_path / "wall.png", tmp_path / "words.png"
    Image.new("RGB", (400, 300), (200, 40, 120)).save(wall)
    words.write_text("no picture")

    async def corner(link: LiveLink, seen: Callable[[np.ndarray], bool]) -> bool:
        async for message in link:
            if isinstance(message, Picture):
                with Image.open(io.BytesIO(message.jpeg)) as image:
                    if seen(np.asarray(image)[4:20, 4:20].mean(axis=(0, 1))):
                        return True
        return False

    async def change() -> None:
        opened = open_portrait(address, portrait="example", token="secret", media=True)
        async with await opened as link:
            await link.change_background(wall)
            pink = corner(link, lambda colour: np.abs(colour - (200, 40, 120)).max() < 12)
            assert await asyncio.wait_for(pink, PATIENCE_S)
            with pytest.raises(InputError, match=r"^background: cannot be read; give a JPEG"):
                await link.change_background(words)
            await link.change_background("green")
            green = corner(link, lambda colour: colour[1] > 140 and colour[0] < 40)
            assert await asyncio.wait_for(green, PATIENCE_S)

    asyncio.run(change())


def test_what_the_server_refuses_is_an_input_error(address: str, tmp_path: Path) -> None:
    async def open_wrongly(**how) -> None:
        await open_portrait(address, **how)

    with pytest.raises(InputError, match="token"):
        asyncio.run(open_wrongly(portrait="example"))
    with pytest.raises(InputError, match="no such portrait"):
        asyncio.run(open_wrongly(portrait="nobody", token="secret"))
    words = tmp_path / "words.jpg"
    words.write_text("no picture")
    with pytest.raises(InputError, match="cannot be read"):
        asyncio.run(open_wrongly(picture=words, token="secret"))


def test_the_end_of_a_session_is_an_exception_with_its_code(address: str, studio: Studio) -> None:
    async def watch() -> None:
        link = await open_portrait(address, portrait="example", token="secret", media=True)
        other = await open_portrait(address, portrait="example", token="secret")
        other.session = link.session
        await other.close()
        await collect(link, "never")

    with pytest.raises(Ended) as ended:
        asyncio.run(watch())
    assert ended.value.code == 4410


def test_the_example_runs(tmp_path: Path) -> None:
    studio = Studio(
        settings=LiveSettings(fps=25),
        model=lambda seed: StandInModel(),
        portraits={"portrait": EXAMPLE_PORTRAIT},
        folder=tmp_path,
    )
    picture, voice = tmp_path / "last.jpg", tmp_path / "voice.wav"
    with wave.open(str(EXAMPLE_VOICE)) as whole, wave.open(str(voice), "wb") as part:
        part.setparams(whole.getparams())
        part.writeframes(whole.readframes(2 * whole.getframerate()))
    with serving(studio) as address:
        command = [sys.executable, str(ROOT / "examples" / "live_client.py")]
        arguments = [address, "portrait", str(voice), str(picture)]
        done = subprocess.run(
            [*command, *arguments], capture_output=True, text=True, timeout=PATIENCE_S, check=False
        )
    assert done.returncode == 0, done.stderr
    assert "said 1." in done.stdout
    with Image.open(picture) as image:
        assert image.size == (512, 512)
