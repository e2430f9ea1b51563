"""Sound of any file at 16 kHz: true to time, exact in length, clear about bad files."""

from __future__ import annotations

import warnings
import wave
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from openvasa.audio.decode import probe, read_blocks, read_sound
from openvasa.audio.level import speech_gain
from openvasa.audio.mono import MonoMixer
from openvasa.errors import InputError
from openvasa.rates import SAMPLE_RATE


def encode(
    path: Path,
    sound: np.ndarray,
    rate: int,
    codec: str,
    container: str | None = None,
    layout: str = "mono",
    starts: tuple[float, ...] = (0.0,),
    faststart: bool = False,
) -> Path:
    """Write `sound` (C, n); several `starts` cut it evenly and put each part at its time."""
    options = {"movflags": "+faststart"} if faststart else {}
    with av.open(str(path), "w", format=container, options=options) as out:
        stream = out.add_stream(codec, rate=rate, layout=layout)
        for start, part in zip(starts, np.array_split(sound, len(starts), axis=1), strict=True):
            part = np.ascontiguousarray(part, np.float32)
            frame = av.AudioFrame.from_ndarray(part, format="fltp", layout=layout)
            frame.sample_rate, frame.time_base = rate, Fraction(1, rate)
            frame.pts = round(start * rate)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def write_wav(path: Path, pcm: bytes, rate: int, bits: int, channels: int = 1, kind: int = 1):
    """A WAV by hand: kind 1 is integer, 3 is float."""
    step = channels * bits // 8
    head = b"fmt " + np.array([16], "<u4").tobytes() + np.array([kind, channels], "<u2").tobytes()
    head += np.array([rate, rate * step], "<u4").tobytes() + np.array([step, bits], "<u2").tobytes()
    data = b"data" + np.array([len(pcm)], "<u4").tobytes() + pcm
    size = np.array([4 + len(head) + len(data)], "<u4").tobytes()
    path.write_bytes(b"RIFF" + size + b"WAVE" + head + data)
    return path


def click(rate: int, seconds: float = 1.0, at: float = 0.5) -> np.ndarray:
    sound = np.zeros((1, round(seconds * rate)), np.float32)
    sound[0, round(at * rate)] = 0.9
    return sound


def tone(rate: int, seconds: float, level: float = 0.5) -> np.ndarray:
    time = np.arange(round(seconds * rate)) / rate
    return (level * np.sin(2 * np.pi * 300 * time)).astype(np.float32)[None]


def decoded(path: Path) -> np.ndarray:
    return np.concatenate(list(read_blocks(path)))


def peak_time(sound: np.ndarray) -> float:
    return int(np.argmax(np.abs(sound))) / SAMPLE_RATE


@pytest.mark.parametrize("rate", [7350, 8000, 11025, 16000, 22050, 37800, 44100, 48000, 96000])
def test_length_and_time_are_exact_at_any_rate(tmp_path: Path, rate: int) -> None:
    sound = click(rate, seconds=1.0 + 37 / rate)
    path = encode(tmp_path / "a.wav", sound, rate, "pcm_s16le")
    got = decoded(path)
    assert got.dtype == np.float32
    assert abs(len(got) - sound.shape[1] / rate * SAMPLE_RATE) <= 1
    assert peak_time(got) == pytest.approx(round(0.5 * rate) / rate, abs=1e-4)


@pytest.mark.parametrize(
    ("name", "codec", "rate", "container"),
    [
        ("a.m4a", "aac", 44100, "mp4"),
        ("a.mp3", "libmp3lame", 44100, None),
        ("a.ogg", "libopus", 48000, None),
        ("a.webm", "libopus", 48000, None),
        ("a.flac", "flac", 22050, None),
    ],
)
def test_encoder_delay_and_padding_are_removed(
    tmp_path: Path, name: str, codec: str, rate: int, container: str | None
) -> None:
    path = encode(tmp_path / name, click(rate), rate, codec, container)
    got, info = decoded(path), probe(path)
    assert len(got) / SAMPLE_RATE == pytest.approx(1.0, abs=1e-3)
    assert peak_time(got) == pytest.approx(0.5, abs=1e-3)
    assert info.duration_s == pytest.approx(1.0, abs=1e-3)
    assert (info.sample_rate, info.channels) == (rate, 1)


@pytest.mark.parametrize("share", [-1.0, -0.6, 0.0, 0.5, 1.0])
def test_a_channel_wired_against_the_other_is_heard(tmp_path: Path, share: float) -> None:
    """Whatever the second channel holds of the first, the voice comes through at half or more."""
    left = tone(16000, 3.0)
    both = np.vstack([left, share * left])
    path = encode(tmp_path / "a.wav", both, 16000, "pcm_s16le", layout="stereo")
    assert np.abs(decoded(path)).max() > 0.9 * np.abs(left).max() * (1 + abs(share)) / 2


def test_a_stereo_room_stays_one_sound() -> None:
    """Channels that have little in common are never turned about on the way."""
    rng = np.random.default_rng(0)
    voice, rooms = rng.standard_normal(48000), rng.standard_normal((2, 48000))
    sound = (voice + 2 * rooms).astype(np.float32)
    mixer = MonoMixer()
    pieces = [mixer.mix(sound[:, at : at + 480], 16000) for at in range(0, 48000, 480)]
    assert np.allclose(np.hstack(pieces)[0], sound.mean(axis=0), atol=1e-6)


def test_every_sample_format_decodes_to_the_same_sound(tmp_path: Path) -> None:
    x = tone(16000, 0.5)[0].astype(np.float64)
    as_int = {bits: np.round(x * 2.0 ** (bits - 1)) for bits in (8, 16, 32)}
    files = [
        write_wav(tmp_path / "8.wav", (as_int[8] + 128).astype(np.uint8).tobytes(), 16000, 8),
        write_wav(tmp_path / "16.wav", as_int[16].astype("<i2").tobytes(), 16000, 16),
        write_wav(tmp_path / "32.wav", as_int[32].astype("<i4").tobytes(), 16000, 32),
        write_wav(tmp_path / "64.wav", (x * 2.0**63).astype("<i8").tobytes(), 16000, 64),
        write_wav(tmp_path / "f32.wav", x.astype("<f4").tobytes(), 16000, 32, kind=3),
        write_wav(tmp_path / "f64.wav", x.astype("<f8").tobytes(), 16000, 64, kind=3),
    ]
    for path in files:
        np.testing.assert_allclose(decoded(path), x, atol=2 / 128 if path.stem == "8" else 1e-4)


def test_nan_and_overload_stay_within_bounds(tmp_path: Path) -> None:
    x = tone(44100, 0.5)[0]
    x[5000], x[6000], x[7000], x[8000] = np.nan, np.inf, 40.0, -40.0
    got = decoded(write_wav(tmp_path / "f.wav", x.astype("<f4").tobytes(), 44100, 32, kind=3))
    assert np.isfinite(got).all()
    assert np.abs(got).max() <= 1.0
    # One bad sample must not spread: half a second before and after is still the tone.
    assert np.std(got[:1500]) == pytest.approx(0.5 / np.sqrt(2), rel=0.05)


def test_channels_are_averaged(tmp_path: Path) -> None:
    left, right = np.full(16000, 8000, "<i2"), np.full(16000, -2000, "<i2")
    stereo = write_wav(
        tmp_path / "s.wav", np.stack([left, right], 1).tobytes(), 16000, 16, channels=2
    )
    np.testing.assert_allclose(decoded(stereo), 3000 / 32768, atol=1e-4)
    assert probe(stereo).channels == 2
    assert next(read_sound(stereo)).samples.shape[0] == 2


def test_surround_keeps_the_voice_of_the_centre_and_drops_the_subwoofer(tmp_path: Path) -> None:
    sound = np.zeros((6, 24000), np.float32)  # FL FR FC LFE BL BR
    sound[2], sound[3] = tone(48000, 0.5), 0.9
    path = encode(tmp_path / "s.flac", sound, 48000, "flac", layout="5.1")
    got = decoded(path)
    assert got.max() > 0.1
    assert abs(got.mean()) < 0.01


def test_late_start_and_gap_become_silence(tmp_path: Path) -> None:
    # Half a second each at 0.5 s and at 2 s.
    path = encode(tmp_path / "a.mkv", tone(16000, 1.0), 16000, "pcm_s16le", starts=(0.5, 2.0))
    got = decoded(path)
    loud = np.sqrt(np.square(got[: 25 * 1600]).reshape(-1, 1600).mean(1)) > 0.1
    assert len(got) == pytest.approx(2.5 * SAMPLE_RATE, abs=16)
    np.testing.assert_array_equal(np.flatnonzero(loud), [5, 6, 7, 8, 9, 20, 21, 22, 23, 24])
    assert probe(path).duration_s == pytest.approx(2.5, abs=1e-3)


def test_blocks_are_lazy_and_of_the_asked_size(tmp_path: Path) -> None:
    path = encode(tmp_path / "a.wav", tone(44100, 3.3), 44100, "pcm_s16le")
    sizes = [len(block) for block in read_blocks(path, seconds=0.5)]
    assert sizes[:-1] == [8000] * 6
    assert sum(sizes) == pytest.approx(3.3 * SAMPLE_RATE, abs=1)
    assert len(list(islice(read_blocks(path, seconds=0.01), 3))) == 3


@pytest.mark.parametrize(
    ("name", "codec", "container"),
    [("a.wav", "pcm_s16le", None), ("a.flac", "flac", None), ("a.mp4", "aac", None)],
)
def test_cut_off_file_gives_what_is_there_and_warns(
    tmp_path: Path, name: str, codec: str, container: str | None
) -> None:
    whole = encode(tmp_path / name, tone(44100, 4.0), 44100, codec, container, faststart=True)
    cut = tmp_path / f"cut-{name}"
    data = whole.read_bytes()
    cut.write_bytes(data[: len(data) * 6 // 10])
    with pytest.warns(UserWarning, match=r"ends early|cut off"):
        got = decoded(cut)
    assert 1.8 * SAMPLE_RATE < len(got) < 3 * SAMPLE_RATE
    with pytest.warns(UserWarning, match=r"ends early|cut off"):
        assert probe(cut).duration_s == pytest.approx(len(got) / SAMPLE_RATE, abs=1e-3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        decoded(whole)


def test_mp4_without_its_index_is_refused(tmp_path: Path) -> None:
    whole = encode(tmp_path / "a.mp4", tone(44100, 2.0), 44100, "aac")
    whole.write_bytes(whole.read_bytes()[:5000])
    with pytest.raises(InputError, match="incomplete"):
        read_blocks(whole)


def _bad_files(folder: Path) -> dict[str, tuple[Path, str]]:
    (folder / "empty.wav").touch()
    (folder / "text.mp3").write_text("this is no sound at all\n" * 40)
    (folder / "noise.wav").write_bytes(np.random.default_rng(0).bytes(9000))
    Image.new("RGB", (64, 64)).save(folder / "picture.png")
    encode(folder / "short.wav", tone(16000, 0.09), 16000, "pcm_s16le")
    with av.open(str(folder / "silent.mp4"), "w") as out:
        stream = out.add_stream("libx264", rate=25)
        stream.width = stream.height = 64
        for _ in range(3):
            out.mux(stream.encode(av.VideoFrame(64, 64, "yuv420p")))
        out.mux(stream.encode(None))
    return {
        "missing": (folder / "none.wav", "no such file"),
        "directory": (folder, "is a directory"),
        "empty": (folder / "empty.wav", "is empty"),
        "text": (folder / "text.mp3", "not an audio"),
        "noise": (folder / "noise.wav", "not an audio"),
        "picture": (folder / "picture.png", "not an audio file"),
        "silent video": (folder / "silent.mp4", "no sound"),
        "short": (folder / "short.wav", "at least 0.1 s"),
    }


@pytest.mark.parametrize(
    "case",
    ["missing", "directory", "empty", "text", "noise", "picture", "silent video", "short"],
)
def test_bad_files_get_one_clear_line(tmp_path: Path, case: str) -> None:
    path, message = _bad_files(tmp_path)[case]
    for read in (read_blocks, probe):
        with pytest.raises(InputError, match=message) as caught:
            read(path)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_colon_in_the_name_is_no_protocol(tmp_path: Path) -> None:
    path = tmp_path / "http:take 1%d.wav"
    with wave.open(str(path), "wb") as out:
        out.setparams((1, 2, 16000, 0, "NONE", ""))
        out.writeframes(bytes(6400))
    assert len(decoded(path)) == 3200


@pytest.mark.parametrize(
    ("level_dbfs", "gain_db"), [(-30, 10), (-20, 0), (-55, 30), (-4, -12), (-70, 0)]
)
def test_speech_gain_reaches_the_standard_level_within_its_limits(
    level_dbfs: float, gain_db: float
) -> None:
    sound = tone(SAMPLE_RATE, 2.0, level=np.sqrt(2) * 10 ** (level_dbfs / 20))[0]
    blocks = np.split(sound, [777, 20000])
    assert 20 * np.log10(speech_gain(blocks)) == pytest.approx(gain_db, abs=0.15)


def test_speech_gain_ignores_pauses_and_takes_silence() -> None:
    speech = tone(SAMPLE_RATE, 1.0, level=np.sqrt(2) * 0.01)[0]
    assert speech_gain([speech, np.zeros(60 * SAMPLE_RATE, np.float32)]) == pytest.approx(10, 0.02)
    assert speech_gain([np.zeros(SAMPLE_RATE, np.float32)]) == 1.0
    assert speech_gain([]) == 1.0
