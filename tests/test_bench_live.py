"""How late a stream's pictures are, from what was pushed and when frames were ready."""

from __future__ import annotations

import numpy as np
import pytest

from openvasa.errors import InputError
from openvasa.evaluate.bench_live import Pushed, _latencies

PUSHED = Pushed(ends_s=[0.1, 0.2], at=[10.1, 10.2], memory_mb=[])


def test_latency_counts_from_the_chunk_that_held_the_sound() -> None:
    arrived = np.array([[0.0, 0.1, 0.0, 10.25], [0.1, 0.2, 0.1, 10.3]])
    pushed, spoken = _latencies(PUSHED, arrived)
    np.testing.assert_allclose(sorted({*pushed.round(6)}), [0.1, 0.15])
    assert spoken.max() == pytest.approx(0.2495)


def test_a_frame_left_out_is_shown_by_the_next() -> None:
    arrived = np.array([[0.0, 0.1, 0.0, np.inf], [0.1, 0.2, 0.1, 10.3]])
    assert _latencies(PUSHED, arrived)[0].max() == pytest.approx(0.2)


def test_a_voice_that_nothing_showed_is_said_so() -> None:
    with pytest.raises(InputError, match="no picture showed the voice"):
        _latencies(PUSHED, np.array([[0.0, 0.1, np.nan, 10.25]]))
