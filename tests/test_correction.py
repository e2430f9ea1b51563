"""What is done to generated motion beside the network: each item works, and can be left out."""

from __future__ import annotations

import numpy as np
import pytest

from openvasa import Controls, InputError, MotionSettings
from openvasa.assets import EXAMPLE_VOICE
from openvasa.audio.decode import read_blocks
from openvasa.motion.correction import LIVE, WHOLE_FILE, leave_out
from openvasa.motion.diffusion import DiffusionMotion
from openvasa.rates import SAMPLE_RATE

STEERED = MotionSettings(controls=Controls(distance=1.2, emotion={"surprised": 1.0}))


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    return np.concatenate(list(read_blocks(EXAMPLE_VOICE)))[: 4 * SAMPLE_RATE]


def rows(speech: np.ndarray, live: bool, *without: str) -> np.ndarray:
    model = DiffusionMotion(STEERED, without=without)
    if live:
        return model.live(2, 1).push(speech)
    return np.concatenate(list(model.frames([speech])))


@pytest.mark.parametrize("live", [False, True])
def test_each_correction_changes_the_motion(speech: np.ndarray, live: bool) -> None:
    usual = rows(speech, live)
    for correction in LIVE if live else WHOLE_FILE:
        # One prediction, without guidance, stays within the limits on a plain voice.
        if not (live and correction.name == "limit_codes"):
            moved = np.abs(rows(speech, live, correction.name) - usual).max()
            assert moved > 1e-3, correction.name


def test_an_unknown_correction_is_refused() -> None:
    with pytest.raises(InputError, match="eyebrows: unknown; choose of limit_codes"):
        leave_out(WHOLE_FILE, ["eyebrows"])
