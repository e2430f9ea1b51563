"""What is done to generated motion beside the network: each item works, and can be left out."""

from __future__ import annotations

import numpy as np
import pytest

from openvasa import Controls, InputError, MotionSettings
from openvasa.assets import EXAMPLE_VOICE
from openvasa.audio.decode import read_blocks
from openvasa.motion.correction import CORRECTIONS, leave_out
from openvasa.motion.speech_motion import SpeechMotion
from openvasa.rates import SAMPLE_RATE

STEERED = MotionSettings(controls=Controls(distance=1.2, emotion={"surprised": 1.0}))


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    return np.concatenate(list(read_blocks(EXAMPLE_VOICE)))[: 4 * SAMPLE_RATE]


def rows(speech: np.ndarray, live: bool, *without: str) -> np.ndarray:
    model = SpeechMotion(STEERED, without=without)
    if live:
        return model.live(2, 1).push(speech)
    return np.concatenate(list(model.frames([speech])))


@pytest.mark.parametrize("live", [False, True])
def test_each_correction_changes_the_motion(speech: np.ndarray, live: bool) -> None:
    # A plain voice stays within the limits; noise a hundred times as loud does not.
    loud = 100 * np.random.default_rng(0).standard_normal(len(speech)).astype(np.float32)
    heard = {"limit_codes": loud}
    for correction in CORRECTIONS:
        sound = heard.get(correction.name, speech)
        moved = np.abs(rows(sound, live, correction.name) - rows(sound, live)).max()
        assert moved > 1e-3, correction.name


def test_an_unknown_correction_is_refused() -> None:
    with pytest.raises(InputError, match="eyebrows: unknown; choose of limit_codes"):
        leave_out(CORRECTIONS, ["eyebrows"])
