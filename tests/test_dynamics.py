from __future__ import annotations

import numpy as np

from openvasa.face.dynamics import close_lips, dynamics_code, lip_gap, separate_expression
from openvasa.face.landmarker import BLENDSHAPE_NAMES
from openvasa.face.topology import (
    INNER_LIP_PAIRS,
    LEFT_LID_PAIRS,
    LIPS,
    RIGHT_LID_PAIRS,
)


def random_codes(count: int = 50, seed: int = 0) -> np.ndarray:
    code = dynamics_code()
    return np.random.default_rng(seed).standard_normal((count, code.size)).astype(np.float32)


def arkit(name: str, value: float = 1.0) -> np.ndarray:
    shapes = np.zeros(52, np.float32)
    shapes[BLENDSHAPE_NAMES.index(name)] = value
    code = dynamics_code()
    return code.decode(code.from_arkit(shapes))


def test_encode_undoes_decode() -> None:
    code = dynamics_code()
    codes = random_codes()
    np.testing.assert_allclose(code.encode(code.decode(codes)), codes, atol=0.02)


def test_zero_code_is_rest() -> None:
    code = dynamics_code()
    assert np.abs(code.decode(np.zeros(code.size))).max() == 0


def test_jaw_open_opens_the_mouth() -> None:
    opened = lip_gap(dynamics_code().mean_shape + arkit("jawOpen"))
    assert opened > 1.0


def test_blinks_close_their_own_eye() -> None:
    for name, pairs in (("eyeBlinkLeft", LEFT_LID_PAIRS), ("eyeBlinkRight", RIGHT_LID_PAIRS)):
        change = arkit(name)
        own = (change[pairs[:, 1], 1] - change[pairs[:, 0], 1]).mean()
        other_pairs = RIGHT_LID_PAIRS if pairs is LEFT_LID_PAIRS else LEFT_LID_PAIRS
        other = (change[other_pairs[:, 1], 1] - change[other_pairs[:, 0], 1]).mean()
        assert own < -0.3
        assert own < other


def test_smile_widens_the_mouth() -> None:
    change = arkit("mouthSmileLeft") + arkit("mouthSmileRight")
    assert change[291, 0] - change[61, 0] > 0.3


def test_arkit_reading_answers_its_direction() -> None:
    code = dynamics_code()
    index = BLENDSHAPE_NAMES.index("jawOpen")
    shapes = np.zeros(52, np.float32)
    shapes[index] = 0.6
    rest = code.read_arkit(np.zeros(code.size))
    read = code.read_arkit(code.from_arkit(shapes))
    assert read[index] - rest[index] > 0.3


def test_close_lips_meets_exactly() -> None:
    closed = close_lips(dynamics_code().mean_shape + arkit("jawOpen", 0.1))
    upper, lower = INNER_LIP_PAIRS.T
    np.testing.assert_allclose(closed[upper], closed[lower], atol=1e-5)


def test_open_mouth_is_separated_from_identity() -> None:
    code = dynamics_code()
    rest = close_lips(code.mean_shape + 0.7 * code.identity_basis[0])
    expression = arkit("jawOpen", 0.6)
    neutral, _ = separate_expression(rest + expression, code)
    before = np.linalg.norm(expression[LIPS], axis=1).mean()
    after = np.linalg.norm((neutral - rest)[LIPS], axis=1).mean()
    assert after < 0.4 * before


def test_closed_smile_stays_with_the_portrait() -> None:
    code = dynamics_code()
    smile = close_lips(code.mean_shape + arkit("mouthSmileLeft", 0.5))
    neutral, dynamics = separate_expression(smile, code)
    np.testing.assert_allclose(neutral, smile, atol=1e-4)
    assert np.abs(dynamics).max() < 0.01
