"""The MP4 that comes out: colours, timing, sound, marking, and never half a file."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.reformatter import VideoReformatter

from openvasa.audio.decode import probe, read_blocks
from openvasa.errors import InputError
from openvasa.media.colour import to_rgb
from openvasa.media.inspect import inspect_video, read_frames
from openvasa.provenance.marking import Marking
from openvasa.publish import open_video
from openvasa.rates import SAMPLE_RATE


def ramp(width: int, height: int) -> np.ndarray:
    y, x = np.mgrid[:height, :width].astype(float)
    colours = [x * 255 / width, y * 255 / height, 255 - x * 200 / width]
    return np.stack(colours, -1).astype(np.uint8)


def write_sound(path: Path, sound: np.ndarray, rate: int) -> Path:
    """sound: (C, n) in [-1, 1]."""
    layout = "mono" if sound.shape[0] == 1 else "stereo"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("pcm_s16le", rate=rate, layout=layout)
        frame = av.AudioFrame.from_ndarray(sound.astype(np.float32), format="fltp", layout=layout)
        frame.sample_rate = rate
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def write_video(path: Path, frames: int = 10, audio: Path | None = None, **options) -> Path:
    with open_video(path, (64, 48), 25, audio, **options) as writer:
        for _ in range(frames):
            writer.write(ramp(64, 48))
    return path


@pytest.mark.parametrize("quality", ["fast", "good"])
def test_colours_survive_and_are_tagged(tmp_path: Path, quality) -> None:
    picture = ramp(320, 256)
    with open_video(tmp_path / "a.mp4", (320, 256), 30, quality=quality) as writer:
        for _ in range(8):
            writer.write(picture)
    for frame in read_frames(tmp_path / "a.mp4"):
        difference = frame.astype(int) - picture
        assert np.abs(difference).mean() < 1.5
        assert abs(difference.mean()) < 0.5
    with av.open(str(tmp_path / "a.mp4")) as file:
        frame = next(file.decode(video=0))
        assert (frame.colorspace, frame.color_range) == (1, 1)
        context = file.streams.video[0].codec_context
        assert (context.color_primaries, context.color_trc) == (1, 13)


def test_pure_red_is_written_with_the_bt709_matrix(tmp_path: Path) -> None:
    with open_video(tmp_path / "a.mp4", (64, 64), 25) as writer:
        writer.write(np.full((64, 64, 3), (255, 0, 0), np.uint8))
    with av.open(str(tmp_path / "a.mp4")) as file:
        planes = next(file.decode(video=0)).to_ndarray()
    # BT.709: Y 63, U 102, V 240 (BT.601 would give 81, 90, 240).
    assert planes[32, 32] == pytest.approx(63, abs=2)
    assert planes[64 + 8, 20] == pytest.approx(102, abs=2)


@pytest.mark.parametrize(
    ("matrix", "limits", "red"),
    [
        (1, 1, (63, 102, 240)),
        (6, 1, (81, 90, 240)),
        (1, 2, (54, 99, 255)),
        (6, 2, (76, 85, 255)),
        (2, 0, (81, 90, 240)),
    ],
)
def test_the_matrix_and_range_a_file_names_are_used(matrix: int, limits: int, red) -> None:
    planes = np.repeat(red, [64 * 64, 32 * 32, 32 * 32]).astype(np.uint8).reshape(96, 64)
    frame = av.VideoFrame.from_ndarray(planes, format="yuv420p")
    frame.colorspace, frame.color_range = matrix, limits
    rgb = to_rgb(VideoReformatter(), frame)
    np.testing.assert_allclose(rgb[20, 20], (254, 0, 0), atol=3)


def test_frames_keep_their_order_and_time(tmp_path: Path) -> None:
    levels = [20 + 6 * i for i in range(30)]
    frame = np.empty((64, 64, 3), np.uint8)
    with open_video(tmp_path / "a.mp4", (64, 64), 30, quality="good") as writer:
        for level in levels:
            frame[:] = level  # one array reused: the writer must have copied it
            writer.write(frame)
    got = [float(picture.mean()) for picture in read_frames(tmp_path / "a.mp4")]
    np.testing.assert_allclose(got, levels, atol=2.5)
    with av.open(str(tmp_path / "a.mp4")) as file:
        times = [picture.time for picture in file.decode(video=0)]
    np.testing.assert_allclose(times, np.arange(30) / 30, atol=1e-4)


@pytest.mark.parametrize(
    ("rate", "channels", "written_rate"),
    [(48000, 2, 48000), (44100, 1, 44100), (8000, 1, 8000), (6000, 1, 8000), (96000, 2, 48000)],
)
def test_sound_keeps_time_rate_and_channels(
    tmp_path: Path, rate: int, channels: int, written_rate: int
) -> None:
    sound = np.zeros((channels, 2 * rate), np.float32)
    sound[0, rate // 2 : rate // 2 + rate // 500] = 0.9
    audio = write_sound(tmp_path / "a.wav", sound, rate)
    video = write_video(tmp_path / "a.mp4", 50, audio)
    info, heard = inspect_video(video), np.concatenate(list(read_blocks(video)))
    assert (info.frames, info.fps, info.duration_s) == (50, 25.0, pytest.approx(2.0, abs=1e-3))
    assert info.audio_duration_s == pytest.approx(2.0, abs=2e-3)
    assert (probe(video).sample_rate, probe(video).channels) == (written_rate, channels)
    onset = np.flatnonzero(np.abs(heard) > 0.5 * np.abs(heard).max())[0] / SAMPLE_RATE
    assert onset == pytest.approx(0.5, abs=2e-3)
    if channels == 2:
        with av.open(str(video)) as file:
            both = np.concatenate([f.to_ndarray() for f in file.decode(audio=0)], axis=1)
        assert np.abs(both[0]).max() > 0.4
        assert np.abs(both[1]).max() < 0.1


def test_sound_longer_or_shorter_than_the_picture_is_whole(tmp_path: Path) -> None:
    audio = write_sound(tmp_path / "a.wav", np.full((1, 48000), 0.1), 16000)
    for frames in (10, 150):
        info = inspect_video(write_video(tmp_path / f"{frames}.mp4", frames, audio))
        assert info.frames == frames
        assert info.audio_duration_s == pytest.approx(3.0, abs=2e-3)


def test_sound_lies_beside_the_picture_in_the_file(tmp_path: Path) -> None:
    audio = write_sound(
        tmp_path / "a.wav", np.random.default_rng(0).normal(0, 0.1, (1, 128000)), 16000
    )
    video = write_video(tmp_path / "a.mp4", 200, audio)
    with av.open(str(video)) as file:
        order = [(p.pos, float(p.pts * p.time_base)) for p in file.demux() if p.size]
    times = [time for _, time in sorted(order)]
    assert max(np.maximum.accumulate(times) - times) < 2.0


def test_starts_playing_before_it_is_loaded(tmp_path: Path) -> None:
    data = write_video(tmp_path / "a.mp4").read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


@pytest.mark.parametrize("size", [(63, 47), (64, 47), (63, 48)])
def test_odd_sizes_gain_a_repeated_edge(tmp_path: Path, size: tuple[int, int]) -> None:
    picture = ramp(*size)
    with open_video(tmp_path / "a.mp4", size, 25) as writer:
        writer.write(picture)
    (frame,) = read_frames(tmp_path / "a.mp4")
    assert frame.shape == (48, 64, 3)
    assert np.abs(frame[: size[1], : size[0]].astype(int) - picture).mean() < 3
    assert np.abs(frame[:, -1].astype(int) - frame[:, -2]).mean() < 8


def test_every_file_says_that_it_is_ai_generated(tmp_path: Path) -> None:
    plain = inspect_video(write_video(tmp_path / "a.mp4")).metadata
    assert plain["comment"].startswith("AI-generated with OpenVASA ")
    asked = {"comment": "take 3", "title": "Ada", "openvasa-seed": "7"}
    tagged = inspect_video(write_video(tmp_path / "b.mp4", metadata=asked)).metadata
    assert tagged["comment"].startswith("AI-generated with OpenVASA ")
    assert tagged["comment"].endswith("take 3")
    assert (tagged["title"], tagged["openvasa-seed"]) == ("Ada", "7")


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_an_interrupted_run_leaves_nothing_and_keeps_the_old_file(
    tmp_path: Path, error: type[BaseException]
) -> None:
    target = tmp_path / "a.mp4"
    target.write_bytes(b"the earlier take")

    def interrupted_run() -> None:
        with open_video(target, (64, 48), 25) as writer:
            for _ in range(20):
                writer.write(ramp(64, 48))
            raise error

    with pytest.raises(error):
        interrupted_run()
    assert target.read_bytes() == b"the earlier take"
    assert list(tmp_path.iterdir()) == [target]


def test_errors_of_the_sound_reach_the_caller(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"RIFF nothing")
    with pytest.raises(InputError, match=r"a\.wav"):
        open_video(tmp_path / "a.mp4", (64, 48), 25, tmp_path / "a.wav")
    assert not (tmp_path / "a.mp4").exists()


_FULL_DISK = """
import resource, sys
import numpy as np
from openvasa.errors import InputError
from openvasa.publish import open_video
limit = int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
rng = np.random.default_rng(0)
try:
    with open_video(sys.argv[1], (128, 128), 25) as writer:
        for _ in range(int(sys.argv[3])):
            writer.write(rng.integers(0, 255, (128, 128, 3), np.uint8))
except InputError as error:
    print(error)
else:
    print("no error")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs a file size limit")
# The limit is met while frames are written, and only by the very last bytes.
@pytest.mark.parametrize(("limit", "frames"), [(200_000, 60), (3_000, 1)])
def test_a_full_disk_is_one_line_and_no_file(tmp_path: Path, limit: int, frames: int) -> None:
    command = [sys.executable, "-c", _FULL_DISK, str(tmp_path / "a.mp4"), str(limit), str(frames)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert "cannot be written" in done.stdout, done
    assert not list(tmp_path.iterdir())


def test_bad_outputs_are_refused_before_any_work(tmp_path: Path) -> None:
    audio = write_sound(tmp_path / "a.wav", np.full((1, 16000), 0.1), 16000)
    itself = write_video(tmp_path / "in.mp4", audio=audio)
    before = itself.read_bytes()
    (tmp_path / "dir.mp4").mkdir()
    with pytest.raises(InputError, match=r"end in \.mp4"):
        open_video(tmp_path / "a.avi", (64, 48), 25)
    with pytest.raises(InputError, match="does not exist"):
        open_video(tmp_path / "no" / "a.mp4", (64, 48), 25)
    with pytest.raises(InputError, match="is a directory"):
        open_video(tmp_path / "dir.mp4", (64, 48), 25)
    with pytest.raises(InputError, match="input itself"):
        open_video(itself, (64, 48), 25, itself)
    unreadable = Marking(cert=tmp_path / "no.pem", key=tmp_path / "no.pem")
    with pytest.raises(InputError, match=r"end in \.mp4"):
        open_video(tmp_path / "a.avi", (64, 48), 25, marking=unreadable)
    with pytest.raises(InputError, match="no frame"), open_video(tmp_path / "n.mp4", (64, 48), 25):
        pass
    assert itself.read_bytes() == before
    assert not list(tmp_path.glob(".*"))


def test_a_frame_of_another_shape_or_type_is_refused(tmp_path: Path) -> None:
    for frame in (np.zeros((64, 48, 3), np.uint8), np.zeros((48, 64, 3), np.float32)):
        with (
            pytest.raises(ValueError, match="expected"),
            open_video(tmp_path / "a.mp4", (64, 48), 25) as writer,
        ):
            writer.write(frame)


def test_reading_a_soundless_or_pictureless_or_broken_file(tmp_path: Path) -> None:
    info = inspect_video(write_video(tmp_path / "a.mp4", 3))
    assert (info.codec, info.width, info.height) == ("h264", 64, 48)
    assert (info.audio_codec, info.audio_duration_s) == (None, None)
    audio = write_sound(tmp_path / "a.wav", np.full((1, 16000), 0.1), 16000)
    (tmp_path / "text.mp4").write_text("no video " * 99)
    for path, message in (
        (audio, "no video"),
        (tmp_path / "text.mp4", "not a readable video"),
        (tmp_path / "none.mp4", "no such file"),
    ):
        with pytest.raises(InputError, match=message):
            next(read_frames(path))
