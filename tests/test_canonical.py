from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from openvasa.face.canonical import HeadTransform, apply_pose, fit_head, pose_between
from openvasa.face.topology import POINTS, canonical_mesh, mirror_pairs


def head(yaw: float = 0.0, scale: float = 20.0) -> HeadTransform:
    rotation = Rotation.from_euler("YXZ", [yaw, 5, -3], degrees=True).as_matrix()
    return HeadTransform(rotation, scale, np.array([250.0, 260.0, 10.0]))


def mean_face() -> np.ndarray:
    vertices = canonical_mesh()[0]
    return np.concatenate([vertices, np.zeros((POINTS - len(vertices), 3), np.float32)])


@pytest.mark.parametrize("yaw", [-40, 0, 25])
def test_fit_recovers_a_known_head_transform(yaw: float) -> None:
    truth = head(yaw)
    found = fit_head(truth.apply(mean_face()))
    assert found.scale == pytest.approx(truth.scale, rel=1e-4)
    np.testing.assert_allclose(found.rotation, truth.rotation, atol=1e-4)
    np.testing.assert_allclose(found.translation, truth.translation, atol=1e-2)


def test_fit_ignores_an_open_jaw() -> None:
    shape = mean_face()
    shape[canonical_mesh()[0][:, 1].argsort()[-40:], 1] += 1.5
    found = fit_head(head().apply(shape))
    np.testing.assert_allclose(found.rotation, head().rotation, atol=1e-3)


def test_pose_is_undone_by_apply() -> None:
    rest, other = head(-20), head(15, scale=24.0)
    pose = pose_between(rest, other)
    again = apply_pose(rest, pose)
    np.testing.assert_allclose(again.rotation, other.rotation, atol=1e-6)
    assert again.scale == pytest.approx(other.scale, rel=1e-5)
    np.testing.assert_allclose(again.translation[:2], other.translation[:2], atol=1e-3)


def test_pose_signs() -> None:
    rest = HeadTransform(np.eye(3), 20.0, np.zeros(3))
    nearer = HeadTransform(np.eye(3), 22.0, np.array([30.0, -15.0, 0.0]))
    pose = pose_between(rest, nearer)
    assert pose[3] == pytest.approx(0.1)
    assert pose[4] == pytest.approx(-0.05)
    assert pose[5] < 0


def test_yaw_sign_follows_the_nose() -> None:
    nose = canonical_mesh()[0][4]
    turned = head(-30)
    assert (turned.euler_degrees[0] > 0) == (turned.rotation @ nose)[0].__gt__(0)


def test_mirror_is_an_involution_that_keeps_sides_apart() -> None:
    pairs = mirror_pairs()
    np.testing.assert_array_equal(pairs[pairs], np.arange(POINTS))
    assert pairs[33] == 263
    assert pairs[4] == 4
