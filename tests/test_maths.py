import numpy as np
import pytest

from openvasa.maths import hermite, smoothstep, smoothstep_at


@pytest.mark.parametrize(("low", "high"), [(-1.0, 3.0), (3.0, -1.0)])
def test_step_goes_from_nought_to_one_and_stays_level_outside(low, high):
    at = np.linspace(low - (high - low), high + (high - low), 301).astype(np.float32)
    step = smoothstep(low, high, at)
    assert step.dtype == np.float32
    assert step[0] == step[100] == 0
    assert step[200] == step[-1] == 1
    assert step[150] == 0.5
    assert np.diff(step).min() >= 0
    # Level at both ends: the first and last of a hundred parts hardly rise.
    assert max(step[101], 1 - step[199]) < 1e-3


def test_compiled_step_is_the_same():
    at = np.linspace(-2, 4, 61)
    each = [smoothstep_at(3.0, -1.0, value) for value in at]
    np.testing.assert_allclose(each, smoothstep(3.0, -1.0, at), atol=1e-12)


def test_cubic_with_its_own_points_and_slopes_is_itself():
    share = np.linspace(0, 1, 21)[:, None]
    cubic = np.array([[0.5, -1.0]]) + share * [[2.0, 0.0]] - share**2 + 3 * share**3
    made = hermite(share, cubic[0], np.array([2.0, 0.0]), cubic[-1], np.array([9.0, 7.0]))
    np.testing.assert_allclose(made, cubic, atol=1e-12)
