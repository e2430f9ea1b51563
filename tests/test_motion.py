from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from golden_set import kept_arrays

from openvasa.errors import InputError
from openvasa.face.dynamics import dynamics_code, lip_gap
from openvasa.motion.live_link import LIVE_LINK_COLUMNS
from openvasa.motion.motion import Motion
from openvasa.motion.resample import resample_pieces


def wave(frames: int = 60, fps: float = 25.0) -> Motion:
    t = np.arange(frames)[:, None] / fps
    phases = np.arange(dynamics_code().size)[None]
    dynamics = 0.5 * np.sin(2 * np.pi * t + phases)
    pose = 0.1 * np.sin(t + np.arange(6)[None])
    tongue = 0.5 + 0.5 * np.sin(3 * t + np.arange(2)[None])
    values = (pose, dynamics, tongue)
    pose, dynamics, tongue = (v.astype(np.float32) for v in values)
    return Motion(pose, dynamics, fps, tongue)


def test_npz_round_trip_is_exact(tmp_path: Path) -> None:
    motion = wave()
    motion.save(tmp_path / "m.npz")
    again = Motion.load(tmp_path / "m.npz")
    np.testing.assert_array_equal(again.pose, motion.pose)
    np.testing.assert_array_equal(again.dynamics, motion.dynamics)
    np.testing.assert_array_equal(again.tongue, motion.tongue)
    assert again.fps == motion.fps


def test_files_without_a_tongue_have_it_at_rest(tmp_path: Path) -> None:
    motion = wave()
    motion.save(tmp_path / "m.npz")
    with np.load(tmp_path / "m.npz") as data:
        older = {name: data[name] for name in data.files if name != "tongue"}
    np.savez(tmp_path / "older.npz", **older)
    again = Motion.load(tmp_path / "older.npz")
    np.testing.assert_array_equal(again.tongue, np.zeros((len(motion), 2)))
    np.testing.assert_array_equal(again.dynamics, motion.dynamics)


def test_rows_hold_all_of_a_motion() -> None:
    motion = wave()
    again = Motion.from_rows(motion.rows(), motion.fps)
    for name in ("pose", "dynamics", "tongue"):
        np.testing.assert_array_equal(getattr(again, name), getattr(motion, name))


def test_csv_has_live_link_columns_and_keeps_the_head(tmp_path: Path) -> None:
    motion = wave()
    motion.save(tmp_path / "m.csv")
    lines = (tmp_path / "m.csv").read_text().splitlines()
    assert lines[0].split(",") == LIVE_LINK_COLUMNS
    assert len(lines) == len(motion) + 1
    again = Motion.load(tmp_path / "m.csv")
    assert again.fps == 25
    np.testing.assert_allclose(again.pose[:, :3], motion.pose[:, :3], atol=1e-4)


def test_csv_keeps_the_mouth(tmp_path: Path) -> None:
    code = dynamics_code()
    shapes = np.zeros((40, 52), np.float32)
    shapes[:, 25] = 0.6 * (1 - np.cos(np.arange(40) / 3)) / 2
    motion = Motion(np.zeros((40, 6), np.float32), code.from_arkit(shapes))
    motion.save(tmp_path / "m.csv")
    again = Motion.load(tmp_path / "m.csv")
    assert np.corrcoef(again.arkit()[:, 25], motion.arkit()[:, 25])[0, 1] > 0.98


def test_csv_gives_speech_back_with_lips_as_wide_open(tmp_path: Path) -> None:
    motion = Motion.from_rows(kept_arrays()["spoken"])
    motion.save(tmp_path / "m.csv")
    again = Motion.load(tmp_path / "m.csv")
    gap, gap_again = (lip_gap(dynamics_code().decode(m.dynamics)) for m in (motion, again))
    assert 0.9 < gap_again.std() / gap.std() < 1.1
    assert np.corrcoef(gap, gap_again)[0, 1] > 0.98


@pytest.mark.parametrize("fps", [30, 40, 50, 60])
@pytest.mark.parametrize("cuts", [[20], [1, 2, 3, 40], []])
def test_resampling_pieces_equals_resampling_the_whole(fps: int, cuts: list[int]) -> None:
    motion = wave(61)
    rows = motion.rows()
    pieces = np.concatenate(list(resample_pieces(np.split(rows, cuts), 25.0, fps)))
    expected = motion.resample(fps)
    np.testing.assert_allclose(pieces, expected.rows(), atol=1e-5)
    assert len(pieces) == round(61 * fps / 25)


def test_resampling_keeps_the_curve() -> None:
    fine = wave(120, fps=50.0)
    coarse = wave(60, fps=25.0)
    # The first sample of both lies at time 0, resampling centres frames: compare by time.
    error = np.abs(coarse.resample(50).dynamics[1:-2:2] - fine.dynamics[:-3:2])
    assert np.median(error) < 0.12


def test_bad_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "m.npz").write_bytes(b"nonsense")
    (tmp_path / "m.csv").write_text("a,b\n1,2\n")
    for name in ("m.npz", "m.csv", "none.npz"):
        with pytest.raises(InputError, match=name.replace(".", r"\.")):
            Motion.load(tmp_path / name)
    with pytest.raises(InputError, match=r"\.npz or \.csv"):
        wave().save(tmp_path / "m.txt")


def test_wrong_shapes_are_refused() -> None:
    with pytest.raises(InputError):
        Motion(np.zeros((5, 7), np.float32), np.zeros((5, 32), np.float32))
    with pytest.raises(InputError):
        Motion(np.zeros((5, 6), np.float32), np.zeros((4, 32), np.float32))
    with pytest.raises(InputError, match="tongue has shape"):
        Motion(*(np.zeros((5, n), np.float32) for n in (6, 32)), tongue=np.zeros((4, 2)))
