"""Rounded lips: a small round hole, dark inside, lips beside it, and no whiskers at the corners."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from openvasa.face.canonical import HeadTransform
from openvasa.face.dynamics import dynamics_code
from openvasa.face.latent import FrameGeometry
from openvasa.face.topology import INNER_LIP_PAIRS, INNER_LIPS, OUTER_LIPS
from openvasa.render.mouth.corners import measure_width, shorten_creases
from openvasa.render.mouth.rounding import (
    LOWER_LIP,
    UPPER_LIP,
    close_sides,
    measure_roundness,
)

SCALE = 18.0
SKIN, DARK = (205, 160, 140), (90, 60, 55)


def _neutral() -> np.ndarray:
    neutral = dynamics_code().mean_shape.astype(np.float32).copy()
    middle = neutral[INNER_LIP_PAIRS].mean(axis=1)
    neutral[INNER_LIP_PAIRS[:, 0]] = neutral[INNER_LIP_PAIRS[:, 1]] = middle
    return neutral


def _mouth(width: float, height: float) -> FrameGeometry:
    """A mouth `width` times as wide as at rest, its lips `height` canonical units apart."""
    shape = _neutral()
    lips = np.concatenate([INNER_LIPS, OUTER_LIPS])
    centre = shape[INNER_LIPS].mean(axis=0)
    shape[lips, 0] = centre[0] + width * (shape[lips, 0] - centre[0])
    arch = np.float32([0.6, 0.9, 1, 1, 1, 1, 1, 0.9, 0.6])
    shape[INNER_LIP_PAIRS[:, 0], 1] -= 0.5 * height * arch
    shape[INNER_LIP_PAIRS[:, 1], 1] += 0.5 * height * arch
    head = HeadTransform(np.eye(3), SCALE, np.array([256.0, 256.0, 0.0]))
    return FrameGeometry(shape, head, head.apply(shape).astype(np.float32))


def _gaps(geometry: FrameGeometry) -> np.ndarray:
    """(9,) heights of the opening from the right to the left corner."""
    upper, lower = INNER_LIP_PAIRS.T
    return geometry.canonical[lower, 1] - geometry.canonical[upper, 1]


WIDTH = measure_width(_neutral())


@pytest.mark.parametrize("width", [1.0, 1.2])
def test_a_mouth_as_wide_as_at_rest_is_left_alone(width: float) -> None:
    open_mouth = _mouth(width, 0.8)
    assert close_sides(open_mouth, WIDTH) is open_mouth


def test_lips_touch_beside_the_hole_of_a_round_mouth() -> None:
    before = _mouth(0.6, 0.5)
    after = close_sides(before, WIDTH)
    gaps = _gaps(after)
    assert (_gaps(before) > 0.25).all()
    np.testing.assert_allclose(gaps[[0, -1]], 0, atol=0.02)
    assert 0.7 * 0.5 < gaps[4] <= 0.5
    assert (np.diff(gaps[:5]) >= -1e-5).all()
    assert (gaps >= -1e-5).all()
    kept = np.setdiff1d(np.arange(478), [UPPER_LIP, LOWER_LIP])
    np.testing.assert_array_equal(after.canonical[kept], before.canonical[kept])
    np.testing.assert_array_equal(np.stack([UPPER_LIP[0], LOWER_LIP[0]], 1), INNER_LIP_PAIRS)
    np.testing.assert_allclose(after.landmarks, after.head.apply(after.canonical), atol=1e-2)


def test_a_tall_hole_is_wider_than_a_low_one() -> None:
    held = [
        float(_gaps(close_sides(_mouth(0.6, height), WIDTH))[[1, -2]].mean() / height)
        for height in (0.4, 2.0)
    ]
    assert held[1] > held[0] + 0.2


def test_roundness_grows_without_a_jump() -> None:
    gaps = np.array(
        [_gaps(close_sides(_mouth(width, 0.6), WIDTH)) for width in np.linspace(1.1, 0.5, 121)]
    )
    assert np.abs(np.diff(gaps, axis=0)).max() < 0.06
    shares = [
        measure_roundness(_mouth(width, 0).canonical, WIDTH) for width in np.linspace(1.1, 0.5, 61)
    ]
    assert shares[0] == 0
    assert shares[-1] == 1
    assert (np.diff(shares) >= 0).all()


def test_creases_of_round_lips_end_near_their_corners() -> None:
    geometry = _mouth(0.7, 0.3)
    frame = np.full((512, 512, 3), SKIN, np.uint8)
    corners = geometry.landmarks[[61, 291], :2]
    for (x, y), outward in zip(np.rint(corners).astype(int), (-1, 1), strict=True):
        left, right = sorted((int(x), int(x + outward * 1.2 * SCALE)))
        frame[y - 1 : y + 2, left : right + 1] = DARK
    before = frame.copy()
    shorten_creases(frame, geometry, 0.0)
    np.testing.assert_array_equal(frame, before)
    shorten_creases(frame, geometry, 1.0)
    skin, dark = (float(np.mean(colour)) for colour in (SKIN, DARK))
    for (x, y), outward in zip(np.rint(corners).astype(int), (-1, 1), strict=True):
        far = int(x + outward * 0.9 * SCALE)
        assert frame[y, x].mean() < dark + 10
        assert frame[y, far].mean() > dark + 0.6 * (skin - dark)
    other = replace(geometry, landmarks=geometry.landmarks + np.float32([5000, 0, 0]))
    before = frame.copy()
    shorten_creases(frame, other, 1.0)
    np.testing.assert_array_equal(frame, before)
