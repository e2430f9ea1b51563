from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from openvasa.cli import main
from openvasa.errors import InputError
from openvasa.face.canonical import POSE_DIM
from openvasa.face.dynamics import dynamics_code
from openvasa.motion import edit
from openvasa.motion.motion import Motion


def motion(frames: int = 50, seed: int = 0) -> Motion:
    rng = np.random.default_rng(seed)
    pose = 0.1 * rng.standard_normal((frames, POSE_DIM)).astype(np.float32)
    codes = rng.standard_normal((frames, dynamics_code().size)).astype(np.float32)
    return Motion(pose, codes, tongue=rng.random((frames, 2)).astype(np.float32))


def test_pose_and_expression_come_apart_and_together() -> None:
    whole = motion()
    head, face = edit.keep_pose(whole), edit.keep_expression(whole)
    assert not head.dynamics.any()
    assert not head.tongue.any()
    assert not face.pose.any()
    again = edit.take_pose(face, head)
    np.testing.assert_array_equal(again.pose, whole.pose)
    np.testing.assert_array_equal(again.dynamics, whole.dynamics)
    np.testing.assert_array_equal(again.tongue, whole.tongue)
    swapped = edit.take_expression(whole, motion(seed=1))
    np.testing.assert_array_equal(swapped.pose, whole.pose)
    np.testing.assert_array_equal(swapped.dynamics, motion(seed=1).dynamics)
    np.testing.assert_array_equal(swapped.tongue, motion(seed=1).tongue)


def test_a_shorter_motion_is_repeated_without_a_jump() -> None:
    steps = np.zeros((10, POSE_DIM), np.float32)
    steps[:, 1] = np.arange(10) / 100
    short = Motion(steps, np.zeros((10, dynamics_code().size), np.float32))
    joined = edit.take_pose(motion(50), short)
    assert len(joined) == 50
    assert np.abs(np.diff(joined.pose[:, 1])).max() < 0.011


def test_a_spinning_head_keeps_the_face_and_circles() -> None:
    whole = motion(200)
    turned = edit.spin_head(whole, 20)
    np.testing.assert_array_equal(turned.dynamics, whole.dynamics)
    assert np.degrees(turned.pose[:, 1].max()) == pytest.approx(20, abs=0.5)
    assert np.degrees(turned.pose[:, 0].max()) == pytest.approx(10, abs=0.5)
    assert np.abs(np.diff(turned.pose, axis=0)).max() < 0.04
    assert not turned.pose[0].any()


def test_stretching_keeps_the_path() -> None:
    whole = motion()
    slow = edit.stretch_time(whole, 2)
    assert len(slow) == 100
    np.testing.assert_allclose(slow.pose[[0, -1]], whole.pose[[0, -1]], atol=1e-6)
    with pytest.raises(InputError, match=r"0\.25 to 4"):
        edit.stretch_time(whole, 9)


def test_blending_meets_both_ends() -> None:
    first, second = motion(), motion(40, seed=1)
    np.testing.assert_array_equal(edit.blend_motions(first, second, 0).pose, first.pose[:40])
    np.testing.assert_allclose(edit.blend_motions(first, second, 1).dynamics, second.dynamics)
    with pytest.raises(InputError, match="0 to 1"):
        edit.blend_motions(first, second, 2)


def test_added_blendshapes_can_be_read_back() -> None:
    still = edit.scale_parts(motion(), pose=0, expression=0)
    smiling = edit.add_blendshapes(still, {"mouthSmile": 0.5})
    names = [
        n for n, v in zip(_names(), smiling.arkit()[0] - still.arkit()[0], strict=True) if v > 0.2
    ]
    assert {"mouthSmileLeft", "mouthSmileRight"} <= set(names)
    with pytest.raises(InputError, match="jawOpen"):
        edit.add_blendshapes(still, {"smirk": 0.5})


def _names() -> list[str]:
    from openvasa.face.landmarker import BLENDSHAPE_NAMES

    return list(BLENDSHAPE_NAMES)


def test_the_command_edits_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, out = tmp_path / "a.npz", tmp_path / "b.npz"
    motion().save(source)
    assert main(["edit", str(source), "-o", str(out), "--expression-only", "--spin", "15"]) == 0
    assert np.degrees(Motion.load(out).pose[:, 1].max()) > 10
    assert main(["edit", str(source), "-o", str(tmp_path / "c.csv")]) == 0
    assert main(["edit", str(source), "-o", str(out), "--add", "jawOpen"]) == 2
    assert "jawOpen:0.3" in capsys.readouterr().err
    assert main(["edit", str(tmp_path / "none.npz"), "-o", str(out)]) == 2
