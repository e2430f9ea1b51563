"""Every bad input gets one line, exit status 2 and leaves no file behind; odd ones just work."""

from __future__ import annotations

import resource
import struct
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image, ImageDraw

from openvasa.assets import EXAMPLE_PORTRAIT, EXAMPLE_VOICE
from openvasa.cli import main
from openvasa.errors import InputError
from openvasa.face.dynamics import dynamics_code
from openvasa.face.encode import load_portrait
from openvasa.face.latent import FaceLatent, pose_face
from openvasa.media.inspect import inspect_video
from openvasa.motion.motion import Motion
from openvasa.publish import open_video
from openvasa.render.warp_renderer import WarpRenderer
from openvasa.video import animate

PORTRAIT = EXAMPLE_PORTRAIT
VOICE = EXAMPLE_VOICE

Refuse = Callable[..., str]


@pytest.fixture(scope="module")
def avatar(face: FaceLatent, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("avatar") / "avatar.npz"
    face.save(path)
    return path


@pytest.fixture(scope="module")
def motion(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five frames of a turning head."""
    path = tmp_path_factory.mktemp("motion") / "motion.npz"
    pose = np.zeros((5, 6), np.float32)
    pose[:, 1] = np.linspace(0, 0.1, 5)
    Motion(pose, np.zeros((5, dynamics_code().size), np.float32)).save(path)
    return path


@pytest.fixture
def refuse(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Refuse:
    """Run `animate`; it must refuse in one line of stderr and leave the folder as it was."""

    def run(portrait: Path, audio: Path, *options: object, output: Path | None = None) -> str:
        output = output or tmp_path / "out.mp4"
        before = contents(tmp_path)
        capsys.readouterr()
        arguments = [portrait, audio, "-o", output, *options]
        assert main(["animate", *map(str, arguments)]) == 2
        said = capsys.readouterr()
        assert said.out == ""
        assert "Traceback" not in said.err
        assert said.err.startswith("openvasa: ")
        assert said.err.count("\n") == 1, said.err
        assert said.err.endswith("\n")
        assert contents(tmp_path) == before
        return said.err

    return run


def contents(folder: Path) -> dict[str, int]:
    return {str(p): p.stat().st_size for p in folder.rglob("*") if p.is_file()}


def write_sound(path: Path, sound: np.ndarray, codec: str = "pcm_s16le") -> Path:
    """sound: (n,) float32 at 16 kHz."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream(codec, rate=16000, layout="mono")
        frame = av.AudioFrame.from_ndarray(sound[None].astype(np.float32), "fltp", "mono")
        frame.sample_rate = 16000
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def write_video(path: Path, audio: Path | None) -> Path:
    with open_video(path, (64, 64), 25, audio) as writer:
        for shade in range(25):
            writer.write(np.full((64, 64, 3), shade * 10, np.uint8))
    return path


def text_named_jpg(folder: Path) -> Path:
    path = folder / "letter.jpg"
    path.write_text("Dear reader, this is no picture.\n" * 50)
    return path


def empty_picture(folder: Path) -> Path:
    path = folder / "empty.png"
    path.touch()
    return path


def one_pixel(folder: Path) -> Path:
    path = folder / "dot.png"
    Image.new("RGB", (1, 1), "white").save(path)
    return path


def cut_off_jpeg(folder: Path) -> Path:
    path = folder / "cut.jpg"
    data = PORTRAIT.read_bytes()
    path.write_bytes(data[: len(data) // 3])
    return path


def noise(folder: Path) -> Path:
    path = folder / "noise.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (400, 400, 3), np.uint8)).save(path)
    return path


def landscape(folder: Path) -> Path:
    picture = Image.new("RGB", (640, 400), (140, 190, 240))
    draw = ImageDraw.Draw(picture)
    draw.polygon([(0, 300), (200, 120), (360, 280), (500, 160), (640, 300)], fill=(90, 100, 110))
    draw.rectangle([0, 290, 640, 400], fill=(70, 140, 60))
    draw.ellipse([520, 30, 580, 90], fill=(255, 240, 150))
    path = folder / "landscape.jpg"
    picture.save(path)
    return path


def dog(folder: Path) -> Path:
    """A dog from the side, with a body, a long snout and one eye."""
    picture = Image.new("RGB", (640, 480), (200, 220, 200))
    draw = ImageDraw.Draw(picture)
    fur = (150, 100, 50)
    draw.ellipse([60, 200, 420, 360], fill=fur)
    for x in (100, 160, 320, 370):
        draw.rectangle([x, 320, x + 30, 440], fill=fur)
    draw.ellipse([380, 100, 500, 220], fill=fur)
    draw.ellipse([450, 150, 590, 205], fill=fur)
    draw.ellipse([565, 150, 595, 175], fill=(20, 20, 20))
    draw.ellipse([455, 130, 470, 145], fill=(20, 10, 0))
    draw.ellipse([375, 110, 420, 230], fill=(90, 60, 30))
    path = folder / "dog.png"
    picture.save(path)
    return path


def far_away(folder: Path) -> Path:
    """A face of some 25 px."""
    picture = Image.new("RGB", (512, 512), (120, 130, 140))
    picture.paste(Image.open(PORTRAIT).resize((96, 96)), (200, 200))
    path = folder / "far.png"
    picture.save(path)
    return path


def broken_avatar(folder: Path) -> Path:
    path = folder / "avatar.npz"
    path.write_bytes(np.random.default_rng(0).bytes(5000))
    return path


def another_npz(folder: Path) -> Path:
    path = folder / "numbers.npz"
    np.savez(path, numbers=np.arange(9))
    return path


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (text_named_jpg, "not a picture"),
        (empty_picture, "empty (0 bytes)"),
        (one_pixel, "1×1 is too small"),
        (cut_off_jpeg, "damaged or cut off"),
        (noise, "no face found"),
        (landscape, "no face found"),
        (dog, "no face found"),
        (far_away, "face"),
        (broken_avatar, "not an avatar file"),
        (another_npz, "not an avatar"),
        (lambda folder: folder / "nowhere.jpg", "no such file"),
        (lambda folder: folder / "nowhere.npz", "no such file"),
        (lambda folder: folder, "is a directory"),
    ],
)
def test_bad_portrait(make, words: str, tmp_path: Path, refuse: Refuse) -> None:
    portrait = make(tmp_path)
    said = refuse(portrait, VOICE)
    assert str(portrait) in said
    assert words in said


def test_profile_is_refused(face: FaceLatent, tmp_path: Path, refuse: Refuse) -> None:
    pose = np.zeros(6, np.float32)
    pose[1] = np.radians(75)
    turned = WarpRenderer(face).render(pose_face(face, pose, np.zeros((478, 3), np.float32)))
    path = tmp_path / "profile.png"
    Image.fromarray(turned).save(path)
    said = refuse(path, VOICE)
    assert "turned" in said or "no face found" in said


def test_two_faces_ask_which_and_the_choice_works(
    tmp_path: Path, motion: Path, refuse: Refuse
) -> None:
    one = Image.open(PORTRAIT)
    both = Image.new("RGB", (2 * one.width, one.height))
    both.paste(one, (0, 0))
    both.paste(one, (one.width, 0))
    couple = tmp_path / "couple.jpg"
    both.save(couple)
    assert "--face N" in refuse(couple, VOICE)
    assert "there is no face 3; choose 1 to 2" in refuse(couple, VOICE, "--face", 3)
    assert load_portrait(couple, face=2).crop[0] > one.width / 2
    output = tmp_path / "out.mp4"
    choice = ["--face", "2", "--motion", str(motion), "--quiet"]
    assert main(["animate", str(couple), str(VOICE), "-o", str(output), *choice]) == 0
    assert inspect_video(output).frames == 5


def test_face_number_of_a_single_portrait(refuse: Refuse) -> None:
    assert "there is no face 2" in refuse(PORTRAIT, VOICE, "--face", 2)


def test_enormous_picture_is_encoded_quickly(tmp_path: Path) -> None:
    picture = Image.new("L", (12000, 9000), 128)
    picture.paste(Image.open(PORTRAIT).convert("L").resize((9000, 9000)), (1500, 0))
    path = tmp_path / "huge.jpg"
    picture.save(path)
    started = time.process_time()
    face = load_portrait(path)
    assert time.process_time() - started < 10
    assert max(face.picture.shape) <= 4096
    assert face.image.shape == (512, 512, 3)


def test_beyond_the_pixel_limit_is_refused(tmp_path: Path, refuse: Refuse) -> None:
    path = tmp_path / "bomb.png"
    Image.new("L", (64, 64)).save(path)
    data = bytearray(path.read_bytes())
    # Width and height of the header chunk, and its checksum.
    data[16:24] = struct.pack(">II", 20000, 20000)
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    path.write_bytes(data)
    assert "over 200 megapixels" in refuse(path, VOICE)


def empty_sound(folder: Path) -> Path:
    path = folder / "empty.wav"
    path.touch()
    return path


def text_named_wav(folder: Path) -> Path:
    path = folder / "letter.wav"
    path.write_text("La, la, la.\n" * 100)
    return path


def silent_film(folder: Path) -> Path:
    return write_video(folder / "film.mp4", None)


def cut_off_mp4(folder: Path) -> Path:
    """The index at the start is whole, nearly all of the sound is gone."""
    path = write_video(folder / "cut.mp4", VOICE)
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"mdat") + 40])
    return path


def headless_mp4(folder: Path) -> Path:
    path = write_video(folder / "headless.mp4", VOICE)
    path.write_bytes(path.read_bytes()[:500])
    return path


def click(folder: Path) -> Path:
    return write_sound(folder / "click.wav", np.ones(100, np.float32))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (empty_sound, "empty (0 bytes)"),
        (text_named_wav, "audio"),
        (silent_film, "no sound"),
        (cut_off_mp4, "could be decoded"),
        (headless_mp4, "audio"),
        (click, "at least 0.1 s"),
        (lambda folder: PORTRAIT, "not an audio file"),
        (lambda folder: folder / "nowhere.wav", "no such file"),
        (lambda folder: folder, ""),
    ],
)
def test_bad_audio(make, words: str, tmp_path: Path, avatar: Path, refuse: Refuse) -> None:
    audio = make(tmp_path)
    said = refuse(avatar, audio)
    assert str(audio) in said
    assert words in said


def test_bad_sound_track_of_a_ready_motion(tmp_path: Path, avatar, motion, refuse: Refuse) -> None:
    assert "no such file" in refuse(avatar, tmp_path / "nowhere.wav", "--motion", motion)


def test_sound_that_is_not_numbers_still_gives_a_whole_video(tmp_path: Path, avatar: Path) -> None:
    sound = np.sin(np.arange(16000) / 20).astype(np.float32)
    sound[4000:8000] = np.nan
    sound[9000:9100] = np.inf
    audio = write_sound(tmp_path / "nan.wav", sound, "pcm_f32le")
    output = tmp_path / "out.mp4"
    assert main(["animate", str(avatar), str(audio), "-o", str(output), "--quiet"]) == 0
    info = inspect_video(output)
    assert info.frames == 25
    assert info.audio_duration_s == pytest.approx(1, abs=0.04)


def silence(folder: Path, seconds: int) -> Path:
    path = folder / "silence.wav"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("pcm_s16le", rate=16000, layout="mono")
        for _ in range(seconds):
            quiet = np.zeros((1, 16000), np.float32)
            frame = av.AudioFrame.from_ndarray(quiet, format="fltp", layout="mono")
            frame.sample_rate = 16000
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("seconds", [30, pytest.param(7200, marks=pytest.mark.slow)])
def test_long_silence_gives_finite_motion_to_its_end(
    seconds: int, tmp_path: Path, face: FaceLatent
) -> None:
    video = animate(face, silence(tmp_path, seconds))
    rows = 0
    for piece in video.rows():
        rows += len(piece)
        assert np.isfinite(piece).all()
        # Half a radian or face width: far more than anyone moves while saying nothing.
        assert np.abs(piece[:, :6]).max() < 0.5
    assert rows == video.frame_count == 25 * seconds


def test_preview_of_long_silence_is_three_seconds(tmp_path: Path, avatar: Path) -> None:
    output = tmp_path / "out.mp4"
    audio = silence(tmp_path, 180)
    options = ["-o", str(output), "--preview", "--quiet"]
    assert main(["animate", str(avatar), str(audio), *options]) == 0
    info = inspect_video(output)
    assert (info.frames, info.width) == (75, 256)
    assert info.audio_duration_s == pytest.approx(3, abs=0.1)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--fps", "8"], "fps 8: choose 12 to 60"),
        (["--fps", "many"], "fps many: give a number"),
        (["--size", "0"], "size 0: choose 128 to 2048"),
        (["--size", "100000"], "size 100000: choose 128 to 2048"),
        (["--size", "256", "--preview"], "--preview goes with neither"),
        (["--aspect", "1:1", "--full-frame"], "not allowed with"),
        (["--seed", "-1"], "choose 0 or more"),
        (["--turbo"], "unrecognized arguments: --turbo"),
        (["--save-motion", "motion.txt"], "ends in .npz or .csv"),
        (["--save-avatar", "avatar.txt"], "ends in .npz"),
    ],
)
def test_bad_options(
    options: list[str], words: str, avatar: Path, motion: Path, refuse: Refuse
) -> None:
    assert words in refuse(avatar, VOICE, "--motion", motion, *options)


def folder_missing(folder: Path) -> Path:
    return folder / "nowhere" / "out.mp4"


def folder_given(folder: Path) -> Path:
    (folder / "taken.mp4").mkdir()
    return folder / "taken.mp4"


def not_mp4(folder: Path) -> Path:
    return folder / "out.avi"


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (folder_missing, "its directory does not exist"),
        (folder_given, "is a directory"),
        (not_mp4, "let the output end in .mp4"),
        # Not even root may create a file there.
        (lambda folder: Path("/proc/out.mp4"), "cannot be written"),
    ],
)
def test_bad_output(
    make, words: str, tmp_path: Path, avatar: Path, motion: Path, refuse: Refuse
) -> None:
    output = make(tmp_path)
    said = refuse(avatar, VOICE, "--motion", motion, output=output)
    assert str(output) in said
    assert words in said


def test_output_that_is_the_input(tmp_path: Path, avatar: Path, motion, refuse: Refuse) -> None:
    film = write_video(tmp_path / "film.mp4", VOICE)
    before = film.read_bytes()
    assert "is the input itself" in refuse(avatar, film, "--motion", motion, output=film)
    assert film.read_bytes() == before


def test_a_refused_run_leaves_the_old_output(tmp_path: Path, avatar, refuse: Refuse) -> None:
    output = tmp_path / "out.mp4"
    output.write_bytes(b"old")
    refuse(avatar, tmp_path / "nowhere.wav", output=output)
    assert output.read_bytes() == b"old"


@pytest.mark.parametrize("name", ["motion.npz", "motion.csv"])
@pytest.mark.parametrize(
    "content", [b"", b"\x00\xff rubbish \x80" * 40, b"Timecode,JawOpen\n1,x\n"]
)
def test_bad_motion_file(name: str, content: bytes, tmp_path, avatar, refuse: Refuse) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    said = refuse(avatar, VOICE, "--motion", path)
    assert str(path) in said


def test_motion_of_another_dynamics_code(tmp_path: Path, avatar: Path, refuse: Refuse) -> None:
    path = tmp_path / "foreign.npz"
    Motion(np.zeros((5, 6), np.float32), np.zeros((5, 3), np.float32)).save(path)
    assert str(path) in refuse(avatar, VOICE, "--motion", path)


def test_motion_that_is_not_numbers(tmp_path: Path, avatar: Path, refuse: Refuse) -> None:
    path = tmp_path / "nan.npz"
    pose = np.full((5, 6), np.nan, np.float32)
    Motion(pose, np.zeros((5, dynamics_code().size), np.float32)).save(path)
    assert str(path) in refuse(avatar, VOICE, "--motion", path)


def test_missing_motion_file(tmp_path: Path, avatar: Path, refuse: Refuse) -> None:
    assert "no such file" in refuse(avatar, VOICE, "--motion", tmp_path / "nowhere.npz")


def test_full_disk(full_disk: Path, avatar: Path, motion: Path, refuse: Refuse) -> None:
    said = refuse(avatar, VOICE, "--motion", motion, "--quiet", output=full_disk / "out.mp4")
    assert "No space left" in said


def test_largest_file_size_reached(avatar: Path, motion: Path, refuse: Refuse) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
    try:
        said = refuse(avatar, VOICE, "--motion", motion, "--quiet")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "cannot be written" in said


def test_the_library_raises_what_the_command_prints(face: FaceLatent, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        animate(face, tmp_path / "nowhere.wav")
