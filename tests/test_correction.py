"""What is done to generated motion beside the network: each item works, and can be left out."""

from __future__ import annotations

import numpy as np
import pytest

from openvasa import Controls, InputError
from openvasa.motion.articulation import ARTICULATION_DIM
from openvasa.motion.correction import (
    LIVE,
    WHOLE_FILE,
    Correction,
    Moment,
    Stage,
    apply_corrections,
    leave_out,
)
from openvasa.motion.diffusion import DiffusionMotion
from openvasa.motion.space import motion_space
from openvasa.rates import SAMPLE_RATE

FRAMES = 30


def wild_motion() -> tuple[np.ndarray, Moment]:
    """Normalised motion far from what people do, steered, with every articulation read."""
    space, rng = motion_space(), np.random.default_rng(0)
    values, known = Controls(distance=1.2, emotion={"surprised": 1.0}).rows(0, FRAMES)
    context, motion = (
        rng.normal(0, 4, (count, len(space.mean))).astype(np.float32)
        for count in (space.context, FRAMES)
    )
    reading = np.ones((FRAMES, ARTICULATION_DIM), np.float32)
    return motion, Moment(space, context, values, known, 3, reading)


@pytest.mark.parametrize("correction", [*WHOLE_FILE, *LIVE], ids=lambda found: found.name)
def test_each_correction_changes_motion_that_needs_it(correction: Correction) -> None:
    motion, moment = wild_motion()
    corrected = correction.apply(motion, moment)
    assert corrected.shape == motion.shape
    assert np.abs(corrected - motion).max() > 1e-2


def test_corrections_of_a_stage_are_applied_in_their_order() -> None:
    motion, moment = wild_motion()
    first, second, *_ = [each for each in WHOLE_FILE if each.stage is Stage.WINDOW]
    third = next(each for each in WHOLE_FILE if each.stage is Stage.ROWS)
    found = apply_corrections((first, third, second), Stage.WINDOW, motion, moment)
    expected = second.apply(first.apply(motion, moment), moment)
    np.testing.assert_array_equal(found, expected)


def test_a_file_and_a_stream_leave_out_what_they_are_told_to() -> None:
    sound = 0.1 * np.random.default_rng(0).standard_normal(SAMPLE_RATE).astype(np.float32)
    usual, raw = DiffusionMotion(), DiffusionMotion(without=("smooth_pose", "steady_codes"))
    for made in (
        lambda model: np.concatenate(list(model.frames([sound]))),
        lambda model: model.live(2, 1).push(sound),
    ):
        assert np.abs(made(usual) - made(raw)).max() > 1e-3


def test_an_unknown_correction_is_refused() -> None:
    with pytest.raises(InputError, match="eyebrows: unknown; choose of limit_codes"):
        leave_out(WHOLE_FILE, ["eyebrows"])
