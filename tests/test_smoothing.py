from __future__ import annotations

import numpy as np
import pytest
from scipy.signal import savgol_filter

from openvasa.motion.smoothing import smooth_frames


@pytest.mark.parametrize(
    ("frames", "width", "order"), [(40, 9, 2), (11, 11, 2), (5, 5, 2), (7, 1, 0)]
)
def test_smoothing_is_that_of_savitzky_and_golay(frames: int, width: int, order: int) -> None:
    values = np.random.default_rng(0).standard_normal((frames, 3, 2))
    expected = savgol_filter(values, width, order, axis=0)
    np.testing.assert_allclose(smooth_frames(values, width, order), expected, atol=1e-12)


def test_smoothing_keeps_what_is_a_parabola() -> None:
    at = np.arange(30.0)[:, None]
    np.testing.assert_allclose(smooth_frames(0.1 * at**2 - at, 9, 2), 0.1 * at**2 - at, atol=1e-9)
