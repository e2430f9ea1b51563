"""The recorder alone: picture and sound end together, whatever the frames' lengths."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import av
import numpy as np
import pytest

from openvasa.audio.decode import read_blocks
from openvasa.errors import InputError
from openvasa.live.frame import LiveFrame, State
from openvasa.live.player import Shown
from openvasa.live.record import Recorder
from openvasa.live.timeline import TICKS
from openvasa.media.inspect import inspect_video
from openvasa.motion.row import row_width

RATE = 24000
CONTENT_ID = 7
AAC_BLOCK_S = 1024 / RATE
"""Sound is encoded in blocks: the last one is filled up with silence."""


def shown(start: int, length: int, *, painted: bool = True, level: float = 0.3) -> Shown:
    """A grey frame with a tone."""
    tone = np.sin(2 * np.pi * 440 * np.arange(length * RATE // TICKS) / RATE)
    sound = (level * tone).astype(np.float32)
    frame = LiveFrame(start, length, np.zeros(row_width(), np.float32), sound, State.SPEAKING)
    picture = np.full((64, 64, 3), 90, np.uint8) if painted else None
    return Shown(frame, picture, 0, 0.0, 0.0, 0.0, 0.0)


def frames(fps: int, seconds: float, left_out: Sequence[int] = ()) -> list[Shown]:
    length = TICKS // fps
    count = round(seconds * fps)
    return [shown(i * length, length, painted=i not in left_out) for i in range(count)]


def recorded(path: Path, given: list[Shown]) -> Path:
    recorder = Recorder(path, RATE, CONTENT_ID)
    for frame in given:
        recorder.put(frame)
    return recorder.finish()


@pytest.mark.parametrize("fps", [6, 10, 25, 60])
def test_the_picture_lasts_as_long_as_the_sound(tmp_path: Path, fps: int) -> None:
    info = inspect_video(recorded(tmp_path / "a.mp4", frames(fps, 1.0)))
    assert info.duration_s == pytest.approx(1.0, abs=0.002)
    assert 1.0 <= info.audio_duration_s <= 1.0 + 2 * AAC_BLOCK_S


def test_frames_that_were_left_out_at_the_end_still_count(tmp_path: Path) -> None:
    info = inspect_video(recorded(tmp_path / "a.mp4", frames(10, 1.0, left_out=(3, 4, 8, 9))))
    assert info.duration_s == pytest.approx(1.0, abs=0.002)
    with av.open(str(tmp_path / "a.mp4")) as container:
        times = [frame.time for frame in container.decode(video=0)]
    np.testing.assert_allclose(times, [0, 0.1, 0.2, 0.5, 0.6, 0.7], atol=1e-3)


def test_what_a_slow_disk_loses_leaves_a_silent_gap_of_its_length(tmp_path: Path) -> None:
    given = frames(10, 2.0)
    del given[5:15]
    path = recorded(tmp_path / "a.mp4", given)
    info = inspect_video(path)
    assert info.duration_s == pytest.approx(2.0, abs=0.002)
    assert info.audio_duration_s == pytest.approx(2.0, abs=2 * AAC_BLOCK_S)
    heard = np.concatenate(list(read_blocks(path)))
    loud = np.abs(heard) > 0.1
    assert not loud[round(0.6 * 16000) : round(1.4 * 16000)].any()
    assert loud[round(1.6 * 16000) : round(1.9 * 16000)].any()


def test_what_cannot_be_signed_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise InputError("certificate: not valid today")

    monkeypatch.setattr("openvasa.publish.identity", refuse)
    with pytest.raises(InputError, match="not valid today"):
        recorded(tmp_path / "a.mp4", frames(25, 0.2))
    assert not list(tmp_path.iterdir())


def test_nothing_recorded_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "a.mp4", RATE, CONTENT_ID)
    recorder.put(shown(0, TICKS // 25, painted=False))
    with pytest.raises(ValueError, match="nothing was recorded"):
        recorder.finish()
    assert not list(tmp_path.iterdir())
    assert not any(thread.name == "recorder" for thread in threading.enumerate())
