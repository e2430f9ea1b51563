"""Any rate from 12 to 60, with broadcasting's exactly; picture and sound do not drift apart."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from openvasa import FaceLatent, InputError, Motion, animate
from openvasa.face.dynamics import dynamics_code
from openvasa.media.frame_rate import exact_rate, rate_in_words
from openvasa.media.inspect import inspect_video
from openvasa.media.video_writer import VideoWriter

SECONDS = 10


@pytest.mark.parametrize(
    ("given", "exact"),
    [
        (25, Fraction(25)),
        ("23.976", Fraction(24000, 1001)),
        (23.98, Fraction(24000, 1001)),
        (29.97, Fraction(30000, 1001)),
        (30000 / 1001, Fraction(30000, 1001)),
        ("60000/1001", Fraction(60000, 1001)),
        (24, Fraction(24)),
        (12.5, Fraction(25, 2)),
        (60.0, Fraction(60)),
    ],
)
def test_rates_are_exact(given, exact: Fraction) -> None:
    assert exact_rate(given) == exact


@pytest.mark.parametrize(
    "given", [11.9, 61, "fast", float("nan"), "1/0", -25, "1e300000000", "inf"]
)
def test_other_rates_are_refused(given) -> None:
    with pytest.raises(InputError, match=f"fps {given}"):
        exact_rate(given)


def test_rates_are_named_as_people_write_them() -> None:
    assert [rate_in_words(exact_rate(r)) for r in (25, 29.97, "23.98", 30, 12.5)] == [
        "25",
        "29.97",
        "23.976",
        "30",
        "12.5",
    ]


def nod(fps: float = 25.0) -> Motion:
    """Ten seconds in which the head goes up and down once a second."""
    time = (np.arange(round(SECONDS * fps)) + 0.5) / fps
    pose = np.zeros((len(time), 6), np.float32)
    pose[:, 0] = 0.2 * np.sin(2 * np.pi * time)
    return Motion(pose, np.zeros((len(time), dynamics_code().size), np.float32), fps)


@pytest.mark.parametrize("fps", [12, 23.976, 24, 29.97, 48, 59.94])
def test_motion_stays_in_time_to_the_end(face: FaceLatent, fps: float) -> None:
    video = animate(face, nod(), fps=fps)
    rows = np.concatenate(list(video.rows()))
    assert len(rows) == video.frame_count
    assert abs(len(rows) / video.rate - SECONDS) <= 1 / video.rate
    shown = (np.arange(len(rows)) + 0.5) / float(video.rate)
    inside = (shown > 0.1) & (shown < SECONDS - 0.1)
    wanted = 0.2 * np.sin(2 * np.pi * shown)
    np.testing.assert_allclose(rows[inside, 0], wanted[inside], atol=2e-3)


@pytest.mark.parametrize("fps", ["23.976", "29.97", "59.94", "12"])
def test_a_file_shows_each_frame_at_its_time(tmp_path: Path, fps: str) -> None:
    rate = exact_rate(fps)
    count = round(SECONDS * rate)
    with VideoWriter(tmp_path / "a.mp4", (128, 128), fps) as writer:
        for index in range(count):
            writer.write(np.full((128, 128, 3), index % 200, np.uint8))
    with av.open(str(tmp_path / "a.mp4")) as file:
        assert file.streams.video[0].average_rate == rate
        times = [packet.pts * packet.time_base for packet in file.demux(video=0) if packet.size]
    assert sorted(times) == [index / rate for index in range(count)]
    assert inspect_video(tmp_path / "a.mp4").duration_s == pytest.approx(count / rate, abs=1e-3)


def test_sound_and_picture_end_within_a_frame(face: FaceLatent, tmp_path: Path) -> None:
    from scipy.io import wavfile

    noise = np.random.default_rng(0).normal(0, 1000, 16_000 * SECONDS).astype(np.int16)
    wavfile.write(tmp_path / "a.wav", 16_000, noise)
    still = nod()
    video = animate(face, still, fps=29.97, size=128, sound=tmp_path / "a.wav")
    with VideoWriter(tmp_path / "a.mp4", (128, 128), video.fps, tmp_path / "a.wav") as writer:
        for _ in range(video.frame_count):
            writer.write(np.zeros((128, 128, 3), np.uint8))
    info = inspect_video(tmp_path / "a.mp4")
    assert info.audio_duration_s is not None
    assert abs(info.duration_s - info.audio_duration_s) <= 1 / video.rate
