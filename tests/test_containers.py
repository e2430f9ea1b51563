"""Every kind of video file: what is in it, in time, marked, signed where it can be, and whole."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from openvasa.assets import EXAMPLE_PORTRAIT
from openvasa.audio.decode import read_blocks
from openvasa.errors import InputError
from openvasa.media import container
from openvasa.media.animation import read_animation
from openvasa.media.inspect import inspect_video, read_frames
from openvasa.media.video_writer import VideoWriter
from openvasa.provenance import credentials
from openvasa.provenance.marking import Marking
from openvasa.publish import open_video
from openvasa.rates import SAMPLE_RATE
from openvasa.verify import verify

ID = 0xABCD1234
FRAMES = 25
SIGNED = {".mp4", ".mov", ".gif", ".webp"}
FILMS = [
    ("a.mp4", "h264"),
    ("a.mp4", "h265"),
    ("a.mp4", "av1"),
    ("a.mp4", "vp9"),
    ("a.mov", "h264"),
    ("a.mov", "h265"),
    ("a.webm", "vp9"),
    ("a.webm", "av1"),
    ("a.mkv", "h264"),
]
ANIMATIONS = [("a.gif", None), ("a.webp", None)]
DECODED_AS = {"h264": "h264", "h265": "hevc", "av1": "libdav1d", "vp9": "vp9"}


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    portrait = Image.open(EXAMPLE_PORTRAIT).convert("RGB").resize((256, 256))
    return np.asarray(portrait)


@pytest.fixture(scope="module")
def click(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second of silence with a click in its middle."""
    from scipy.io import wavfile

    sound = np.zeros(44_100, np.int16)
    sound[22_050:22_150] = 30_000
    path = tmp_path_factory.mktemp("sound") / "click.wav"
    wavfile.write(path, 44_100, sound)
    return path


def write(path: Path, picture: np.ndarray, audio: Path | None = None, **options) -> Path:
    """A still picture that grows a little brighter in each frame."""
    size = (picture.shape[1], picture.shape[0])
    with open_video(path, size, 25, audio, **options) as writer:
        for index in range(FRAMES):
            writer.write(np.clip(picture.astype(int) + index, 0, 255).astype(np.uint8))
    return path


@pytest.mark.parametrize(("name", "codec"), FILMS)
def test_a_film_holds_picture_sound_and_marks(tmp_path, picture, click, name, codec) -> None:
    marking = Marking(content_id=ID, label="cn")
    path = write(tmp_path / name, picture, click, codec=codec, marking=marking)
    info = inspect_video(path)
    assert (info.codec, info.width, info.height) == (DECODED_AS[codec], 256, 256)
    assert (info.frames, info.fps) == (FRAMES, 25)
    assert info.audio_duration_s == pytest.approx(1.0, abs=0.03)
    heard = np.abs(np.concatenate(list(read_blocks(path))))
    assert np.argmax(heard > heard.max() / 2) / SAMPLE_RATE == pytest.approx(0.5, abs=0.005)
    first, *_, last = read_frames(path)
    assert last.mean() - first.mean() == pytest.approx(FRAMES - 1, abs=4)
    check_marks(path)


@pytest.mark.parametrize(("name", "codec"), ANIMATIONS)
def test_an_animation_holds_picture_and_marks(tmp_path, picture, click, name, codec) -> None:
    with pytest.warns(UserWarning, match="holds no sound"):
        path = write(tmp_path / name, picture, click, marking=Marking(content_id=ID, label="cn"))
    frames = list(read_animation(path))
    assert len(frames) == FRAMES
    rest = frames[0][:150].astype(int) - picture[:150]
    # The label is below; the watermark and 256 colours are in it.
    assert np.abs(rest).mean() < 8
    assert frames[-1].mean() - frames[0].mean() == pytest.approx(FRAMES - 1, abs=4)
    with Image.open(path) as image:
        assert image.info["loop"] == 0
        assert sum(durations(image)) == 1000
    check_marks(path)


def durations(image: Image.Image) -> Iterator[float]:
    """How long each frame is shown, ms."""
    for index in range(image.n_frames):
        image.seek(index)
        image.load()
        yield image.info["duration"]


def check_marks(path: Path) -> None:
    report = verify(path)
    assert report.finding == "marked"
    assert report.watermark is not None
    assert report.watermark.content_id == ID
    assert report.comment is not None
    assert report.aigc is not None
    assert report.aigc["ProduceID"] == f"{ID:08x}"
    assert (report.credentials is not None) == (path.suffix in SIGNED)
    if report.credentials is not None:
        assert report.credentials.intact


@pytest.mark.parametrize("name", ["a.gif", "a.webp"])
def test_a_changed_animation_is_noticed(tmp_path: Path, picture: np.ndarray, name: str) -> None:
    path = write(tmp_path / name, picture)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 4] = bytes(255 - byte for byte in content[middle : middle + 4])
    changed = tmp_path / f"changed{path.suffix}"
    changed.write_bytes(content)
    report = credentials.read(changed)
    assert report is not None
    assert not report.intact


def test_h265_has_the_name_that_apple_plays(tmp_path: Path, picture: np.ndarray) -> None:
    with av.open(str(write(tmp_path / "a.mp4", picture, codec="h265"))) as file:
        assert file.streams.video[0].codec_context.codec_tag == "hvc1"


@pytest.mark.parametrize(
    ("name", "codec", "message"),
    [
        ("a.avi", None, r"end in \.mp4, \.mov, \.webm"),
        ("a.webm", "h264", "holds no h264; choose vp9 or av1"),
        ("a.gif", "h264", "codec of its own"),
    ],
)
def test_what_a_container_does_not_hold_is_refused(tmp_path, name, codec, message) -> None:
    with pytest.raises(InputError, match=message):
        open_video(tmp_path / name, (64, 48), 25, codec=codec)


def test_a_codec_that_is_not_installed_is_named_with_those_that_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(container.ENCODERS, "av1", "no-such-encoder")
    with pytest.raises(InputError, match="cannot write av1; choose h264, h265 or vp9"):
        VideoWriter(tmp_path / "a.mp4", (64, 48), 25, codec="av1")


def test_a_gif_too_fast_for_players_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="at most 50 frames a second"):
        VideoWriter(tmp_path / "a.gif", (64, 48), 60)


def test_a_signature_that_the_container_cannot_hold_is_refused(tmp_path: Path) -> None:
    marking = Marking(cert=tmp_path / "cert.pem", key=tmp_path / "key.pem")
    with pytest.raises(InputError, match="cannot be signed"):
        open_video(tmp_path / "a.webm", (64, 48), 25, marking=marking)


def test_a_notice_needs_a_container_with_sound(tmp_path: Path, click: Path) -> None:
    with pytest.raises(InputError, match="no sound to put the audible notice in"):
        open_video(tmp_path / "a.gif", (64, 48), 25, click, marking=Marking(notice="morse"))


@pytest.mark.parametrize("name", ["a.gif", "a.webp", "a.webm", "a.mov"])
def test_nothing_is_left_of_an_interrupted_file(tmp_path: Path, picture, name: str) -> None:
    size = (picture.shape[1], picture.shape[0])

    def interrupted() -> None:
        with VideoWriter(tmp_path / name, size, 25) as writer:
            writer.write(picture)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not list(tmp_path.iterdir())


def test_av1_prints_nothing(tmp_path: Path) -> None:
    program = (
        "import sys, numpy as np\n"
        "from openvasa.media.video_writer import VideoWriter\n"
        "with VideoWriter(sys.argv[1], (128, 128), 25, codec='av1') as writer:\n"
        "    writer.write(np.zeros((128, 128, 3), np.uint8))\n"
    )
    arguments = [sys.executable, "-c", program, str(tmp_path / "a.mp4")]
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=120, check=True)
    assert (done.stdout, done.stderr) == ("", "")


def test_an_animation_of_one_frame_is_whole(tmp_path: Path, picture: np.ndarray) -> None:
    path = tmp_path / "one.webp"
    with open_video(
        path, (256, 256), 25, None, marking=Marking(content_id=ID, label="cn")
    ) as writer:
        writer.write(picture)
    with Image.open(path) as image:
        shown = np.asarray(image.convert("RGB")).astype(float)
    assert np.abs(shown - picture).mean() < 6
    check_marks(path)
