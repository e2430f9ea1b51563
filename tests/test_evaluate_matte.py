"""The figures of a matte: small for the shipped one, large for a spoilt one."""

from __future__ import annotations

import numpy as np
import pytest

from openvasa.assets import EXAMPLE_PORTRAIT
from openvasa.evaluate import matte
from openvasa.face.matte import person_matte


def test_a_matte_that_is_too_wide_has_a_halo(monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = matte.measure_matte(EXAMPLE_PORTRAIT)
    assert shipped.opacity < 0.15
    assert shipped.flicker < 0.5

    def wide(image: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
        import cv2

        return cv2.dilate(person_matte(image, landmarks), np.ones((9, 9), np.uint8))

    monkeypatch.setattr(matte, "person_matte", wide)
    spoilt = matte.measure_matte(EXAMPLE_PORTRAIT)
    assert spoilt.halo > 1.5 * shipped.halo
    assert spoilt.opacity > 1.5 * shipped.opacity
