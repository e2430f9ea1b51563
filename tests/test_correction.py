"""What is done to generated motion beside the network: each item works, and can be left out."""

from __future__ import annotations

import json

import numpy as np
import pytest

from openvasa import InputError, MotionSettings
from openvasa.assets import ASSETS, EXAMPLE_VOICE
from openvasa.audio.decode import read_blocks
from openvasa.motion.correction import CORRECTIONS, leave_out
from openvasa.motion.speech_motion import SpeechMotion
from openvasa.rates import SAMPLE_RATE


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    return np.concatenate(list(read_blocks(EXAMPLE_VOICE)))[: round(2.4 * SAMPLE_RATE)]


def rows(speech: np.ndarray, live: bool, *without: str) -> np.ndarray:
    model = SpeechMotion(MotionSettings(), without=without)
    if live:
        return model.live(2, 1).push(speech)
    return np.concatenate(list(model.frames([speech])))


@pytest.mark.parametrize("live", [False, True])
def test_each_correction_changes_the_motion(speech: np.ndarray, live: bool) -> None:
    corrected = rows(speech, live)
    for correction in CORRECTIONS:
        moved = np.abs(rows(speech, live, correction.name) - corrected).max()
        assert moved > 1e-3, correction.name


def test_an_unknown_correction_is_refused() -> None:
    with pytest.raises(InputError, match="eyebrows: unknown; choose of part_lips"):
        leave_out(CORRECTIONS, ["eyebrows"])


def test_what_each_is_worth_is_written_down() -> None:
    tables = json.loads((ASSETS / "figures.json").read_text(encoding="utf-8"))
    measured = {row[0] for row in tables["corrections"]["rows"]}
    for way in ("files", "streams"):
        assert way in measured
        assert {f"{way}, without {correction.name}" for correction in CORRECTIONS} <= measured
