"""Made-up voices must be what their names say."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from openvasa.assets import EXAMPLE_VOICE
from openvasa.audio.decode import read_blocks
from openvasa.errors import InputError
from openvasa.evaluate import synthesisers
from openvasa.evaluate.voices import (
    child,
    elderly,
    make_voices,
    noisy,
    read_voices,
    shouting,
    stretch_sound,
    telephone,
)
from openvasa.rates import SAMPLE_RATE


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    return np.concatenate(list(read_blocks(EXAMPLE_VOICE)))[: 4 * SAMPLE_RATE]


def tone(hertz: float, seconds: float = 2.0) -> np.ndarray:
    time = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return (0.3 * np.sin(2 * np.pi * hertz * time)).astype(np.float32)


def pitch(samples: np.ndarray) -> float:
    """Strongest frequency, Hz."""
    middle = samples[len(samples) // 4 : -len(samples) // 4]
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
    return float(spectrum.argmax() * SAMPLE_RATE / len(middle))


def band(samples: np.ndarray, low: float, high: float) -> float:
    """Share of the power between two frequencies."""
    power = np.abs(np.fft.rfft(samples)) ** 2
    at = np.fft.rfftfreq(len(samples), 1 / SAMPLE_RATE)
    return float(power[(at >= low) & (at < high)].sum() / power.sum())


@pytest.mark.parametrize("factor", [0.7, 1.35])
def test_stretching_changes_the_length_and_not_the_pitch(factor: float) -> None:
    longer = stretch_sound(tone(220), factor)
    assert len(longer) == int(2 * SAMPLE_RATE * factor)
    assert pitch(longer) == pytest.approx(220, abs=3)
    assert longer[2000:-2000].std() == pytest.approx(tone(220).std(), rel=0.1)


def test_throats_move_the_pitch_and_children_keep_the_tempo() -> None:
    adult = tone(200)
    assert pitch(child(adult)) == pytest.approx(270, abs=4)
    assert len(child(adult)) == pytest.approx(len(adult), abs=2)
    assert pitch(elderly(adult)) == pytest.approx(176, abs=8)
    assert len(elderly(adult)) > 1.1 * len(adult)
    steady, shaky = (
        np.abs(s.reshape(-1, 800)).mean(axis=1) for s in (adult, elderly(adult)[: 40 * 800])
    )
    assert shaky.std() / shaky.mean() > 10 * steady.std() / steady.mean()


def test_lines_and_noise_do_what_they_say(speech: np.ndarray) -> None:
    assert band(telephone(speech), 0, 150) + band(telephone(speech), 4100, 8000) < 0.01
    assert len(telephone(speech)) == len(speech)
    for decibel in (20, 0):
        noise = noisy(speech, decibel) - speech
        ratio = 10 * np.log10((speech.var()) / noise.var())
        assert ratio == pytest.approx(decibel, abs=0.5)
    loud = shouting(speech)
    assert np.abs(loud).max() <= 1
    assert (np.abs(loud) > 0.95).mean() > 10 * (np.abs(speech) > 0.95 * np.abs(speech).max()).mean()


@pytest.mark.skipif(
    not shutil.which("espeak-ng") or not shutil.which("flite"), reason="speaking programs missing"
)
def test_every_voice_is_made_where_the_programs_are(speech: np.ndarray) -> None:
    made = make_voices(speech)
    assert made.left_out == []
    names = [utterance.name for utterance in made.utterances]
    assert len(set(names)) == len(names)
    assert {"espeak-ng", "flite", "whisper"} < set(names)
    for utterance in made.utterances:
        assert utterance.samples.dtype == np.float32, utterance.name
        assert len(utterance.samples) > 3 * SAMPLE_RATE, utterance.name
        assert utterance.samples.std() > 1e-3, utterance.name
    by_name = {utterance.name: utterance.samples for utterance in made.utterances}
    # A whisper has no tone below the formants.
    assert band(by_name["whisper"], 80, 250) < 0.5 * band(by_name["espeak-ng"], 80, 250)


def test_missing_programs_are_named(speech: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synthesisers.shutil, "which", lambda name: None)
    made = make_voices(speech)
    assert len(made.left_out) == 3
    assert made.left_out[1] == "flite: needs flite; run apt-get install flite"
    assert made.utterances[0].name == "the recording"


def test_a_folder_without_sound_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(InputError, match="holds no sound files"):
        read_voices(tmp_path, {".wav"})
