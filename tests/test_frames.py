"""A folder of pictures: each marked and signed, the sound beside them, and never half of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import wave
from pathlib import Path

import c2pa
import numpy as np
import pytest
from PIL import Image
from stopping import stop_when

import openvasa
from openvasa.assets import EXAMPLE_PORTRAIT, EXAMPLE_VOICE
from openvasa.cli import main
from openvasa.errors import InputError
from openvasa.face.dynamics import dynamics_code
from openvasa.motion.motion import Motion
from openvasa.provenance.marking import UNMARKED, Marking
from openvasa.publish import open_frames
from openvasa.verify import verify

PORTRAIT, VOICE = EXAMPLE_PORTRAIT, EXAMPLE_VOICE
ID = 0x0BADCAFE


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    return np.asarray(Image.open(PORTRAIT).convert("RGB").resize((384, 384), Image.Resampling.BOX))


def write(folder: Path, picture: np.ndarray, marking: Marking, count: int = 3, **options) -> Path:
    size = (picture.shape[1], picture.shape[0])
    with open_frames(folder, size, 25, marking=marking, **options) as writer:
        for _ in range(count):
            writer.write(picture)
    return folder


def test_every_picture_is_marked_and_signed(tmp_path: Path, picture: np.ndarray) -> None:
    marking = Marking(
        content_id=ID, portrait=PORTRAIT, controls={"seed": 3}, label="cn", producer="Ada & Co"
    )
    folder = write(tmp_path / "frames", picture, marking)
    assert sorted(os.listdir(folder)) == ["00001.png", "00002.png", "00003.png"]
    assert os.listdir(tmp_path) == ["frames"]
    report = verify(folder / "00002.png")
    assert report.finding == "marked"
    assert report.credentials is not None
    assert report.credentials.intact
    assert report.credentials.source_type == "compositeWithTrainedAlgorithmicMedia"
    made_by = report.credentials.generation
    assert (made_by["content_id"], made_by["frame"]) == ("0badcafe", 2)
    assert report.watermark is not None
    assert report.watermark.content_id == ID
    assert report.comment is not None
    assert report.aigc is not None
    assert report.aigc["ContentProducer"] == "Ada & Co"
    assert c2pa.Reader(str(folder / "00003.png")).get_validation_state() == "Valid"


def test_a_changed_picture_is_found(tmp_path: Path, picture: np.ndarray) -> None:
    path = write(tmp_path / "frames", picture, Marking(), count=1) / "00001.png"
    content = bytearray(path.read_bytes())
    content[content.index(b"IDAT") + 3000] ^= 1
    path.write_bytes(content)
    assert c2pa.Reader(str(path)).get_validation_state() == "Invalid"


def test_unmarked_pictures_are_the_frames(tmp_path: Path, picture: np.ndarray) -> None:
    folder = write(tmp_path / "frames", picture, UNMARKED, count=12)
    assert len(os.listdir(folder)) == 12
    np.testing.assert_array_equal(np.asarray(Image.open(folder / "00012.png")), picture)
    report = verify(folder / "00001.png")
    assert (report.credentials, report.comment) == (None, None)


def test_the_sound_lies_beside_them(tmp_path: Path, picture: np.ndarray) -> None:
    folder = write(tmp_path / "a", picture, UNMARKED, audio=VOICE, sound_seconds=0.5)
    with wave.open(str(VOICE)) as given, wave.open(str(folder / "sound.wav")) as written:
        assert written.getframerate() == given.getframerate()
        assert written.getnframes() == round(0.5 * given.getframerate())
        expected = np.frombuffer(given.readframes(written.getnframes()), "<i2").astype(int)
        heard = np.frombuffer(written.readframes(written.getnframes()), "<i2")
    assert np.abs(heard - expected).max() <= 1


def test_folders_in_use_are_refused(tmp_path: Path, picture: np.ndarray) -> None:
    (tmp_path / "empty").mkdir()
    assert len(os.listdir(write(tmp_path / "empty", picture, UNMARKED))) == 3
    (tmp_path / "file").write_text("")
    for name, message in (
        ("empty", "is not empty"),
        ("file", "is a file"),
        ("nowhere/frames", "does not exist"),
    ):
        with pytest.raises(InputError, match=message):
            write(tmp_path / name, picture, UNMARKED)
    assert sorted(os.listdir(tmp_path)) == ["empty", "file"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_an_interrupted_run_leaves_nothing(
    tmp_path: Path, picture: np.ndarray, error: type[BaseException]
) -> None:
    def interrupted_run() -> None:
        with open_frames(tmp_path / "frames", (384, 384), 25, marking=UNMARKED) as writer:
            writer.write(picture)
            raise error

    with pytest.raises(error):
        interrupted_run()
    assert not os.listdir(tmp_path)


def test_pictures_that_cannot_be_signed_are_not_there(tmp_path: Path, picture: np.ndarray) -> None:
    with pytest.raises(InputError, match="cannot be signed"):
        write(tmp_path / "a", picture, Marking(timestamp_url="http://127.0.0.1:9/none"))
    with pytest.raises(InputError, match="no frame"):
        write(tmp_path / "a", picture, Marking(), count=0)
    assert not os.listdir(tmp_path)


_FULL_DISK = """
import resource, sys
import numpy as np
from openvasa.errors import InputError
from openvasa.publish import open_frames
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
noise = np.random.default_rng(0).integers(0, 255, (128, 128, 3), np.uint8)
try:
    with open_frames(sys.argv[1], (128, 128), 25) as writer:
        for _ in range(20):
            writer.write(noise)
except InputError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs a file size limit")
def test_a_full_disk_is_one_line_and_no_folder(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _FULL_DISK, str(tmp_path / "frames")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "cannot be written" in done.stdout, done
    assert not os.listdir(tmp_path)


@pytest.fixture(scope="module")
def avatar(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("avatar") / "me.npz"
    openvasa.load_portrait(PORTRAIT).save(path)
    return str(path)


def still_motion(path: Path, frames: int) -> str:
    dynamics = np.zeros((frames, dynamics_code().size), np.float32)
    Motion(np.zeros((frames, 6), np.float32), dynamics).save(path)
    return str(path)


def test_a_name_with_a_slash_is_a_folder(tmp_path: Path, avatar: str, capsys) -> None:
    motion = still_motion(tmp_path / "m.npz", 2)
    command = ["animate", avatar, str(VOICE), "--motion", motion, "-o"]
    output = f"{tmp_path}/frames/"
    assert main([*command, output]) == 0
    assert capsys.readouterr().out.startswith(f"{output}: 0.08 s, 2 frames")
    names = ["00001.png", "00002.png", "sound.wav"]
    assert sorted(os.listdir(output)) == names
    assert main(["verify", output + names[0]]) == 0
    said = capsys.readouterr().out
    assert "AI-generated with OpenVASA" in said
    assert "intact" in said
    assert "σ above chance" in said
    for other, message in ((output, "is not empty"), (f"{tmp_path}/frames", "in / for a folder")):
        assert main([*command, other]) == 2
        said = capsys.readouterr().err
        assert message in said
        assert said.count("\n") == 1


def test_a_cancelled_run_leaves_no_folder(tmp_path: Path, avatar: str) -> None:
    motion, place = still_motion(tmp_path / "long.npz", 5000), tmp_path / "out"
    place.mkdir()
    command = [sys.executable, "-m", "openvasa", "animate", avatar, str(VOICE), "--quiet"]
    command += ["--motion", motion, "-o", f"{place}/frames/"]
    stopped = stop_when(lambda: list(place.glob(".*/*.png")), command, signal.SIGINT)
    assert stopped == (130, "cancelled\n")
    assert not os.listdir(place)
