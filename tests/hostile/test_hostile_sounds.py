"""Bad voices get one line, exit status 2 and leave no file behind; odd ones just work."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
from hostile_inputs import PORTRAIT, VOICE, Refuse, write_sound, write_video

from openvasa.cli import main
from openvasa.face.latent import FaceLatent
from openvasa.media.inspect import inspect_video
from openvasa.video import animate


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
