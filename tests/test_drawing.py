"""What is drawn of a movement makes up for what is not seen of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from openvasa.errors import InputError
from openvasa.face.dynamics import dynamics_code, lid_gap, lip_gap
from openvasa.motion.drawing import draw_codes, shipped_drawing, undo_response
from openvasa.train.drawing import Redrawn, measure_response, train


def person(seed: int, seen: np.ndarray, noise: float = 0.3) -> Redrawn:
    """Somebody of whose codes so much is seen, with noise and an offset of the person's own."""
    rng = np.random.default_rng(seed)
    drawn = rng.standard_normal((200, len(seen)))
    offset = rng.standard_normal(len(seen))
    return Redrawn(drawn, drawn * seen + offset + noise * rng.standard_normal(drawn.shape))


def test_the_response_is_found_beside_noise_and_offsets() -> None:
    seen = np.linspace(0.5, 1.0, dynamics_code().size)
    people = [person(seed, seen) for seed in range(12)]
    assert measure_response(people) == pytest.approx(seen, abs=0.03)


def test_what_is_not_seen_is_drawn_larger() -> None:
    code = dynamics_code()
    seen = np.full(code.size, 0.5)
    drawing = undo_response(seen, code)
    codes = np.random.default_rng(0).standard_normal((50, code.size)).astype(np.float32)
    openings = np.stack([lip_gap(code.basis), lid_gap(code.basis)], axis=1)
    still = codes - codes @ openings @ np.linalg.pinv(openings)
    assert still @ drawing == pytest.approx(2 * still, abs=1e-3)


def test_openings_are_drawn_as_they_are() -> None:
    code = dynamics_code()
    codes = np.random.default_rng(1).standard_normal((50, code.size)).astype(np.float32)
    for gap in (lip_gap, lid_gap):
        meant, drawn = code.decode(codes), code.decode(draw_codes(codes))
        assert gap(drawn) == pytest.approx(gap(meant), abs=2e-3)


def test_the_shipped_drawing_is_of_the_shipped_code() -> None:
    drawing = shipped_drawing()
    assert drawing.shape == (dynamics_code().size,) * 2
    assert np.linalg.eigvals(drawing).real.min() > 0.8


def test_training_without_clips_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        train(tmp_path, tmp_path, folder=tmp_path)
    assert not list(tmp_path.iterdir())
