"""Voices unlike those of the training clips, made on the spot: synthetic ones, throats, lines,
noise.

Two synthetic voices and the whisper are spoken by the Debian packages `espeak-ng` and `flite`
(`evaluate/languages.py` has other languages); the rest is a recorded voice, changed. Nobody would
take the changed ones for real children or old people: they move pitch, formants and tempo as far
as such voices lie from the training speakers'.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from scipy.signal import butter, lfilter, resample_poly, sosfilt

from openvasa.audio.decode import read_blocks
from openvasa.data.voices import change_speed
from openvasa.errors import InputError
from openvasa.evaluate.synthesisers import speak_with
from openvasa.rates import FRAME_SAMPLES, SAMPLE_RATE

TEXT = (
    "On Sunday morning my family walks to the market by the river. We buy bread, apples and "
    "a bunch of flowers, and my brother always wants a cup of hot chocolate."
)
ENGLISH, WHISPER = "en-us", "en-us+whisper"
"""Of eSpeak NG's voices."""
NOISE_DB = (20, 10, 0)
TELEPHONE_RATE = 8000
MU = 255.0
"""Of the telephone's companding, ITU-T G.711."""

_GRAIN = FRAME_SAMPLES
_HOP, _SEARCH = _GRAIN // 2, _GRAIN // 4


@dataclass(frozen=True)
class Utterance:
    """A voice saying something.

    Attributes:
        name: of the voice.
        samples: (n,) float32, mono at 16 kHz, at no particular level.
    """

    name: str
    samples: np.ndarray


@dataclass(frozen=True)
class MadeVoices:
    """Utterances, and a line for each voice that cannot be made here."""

    utterances: list[Utterance]
    left_out: list[str]


def make_voices(recording: np.ndarray) -> MadeVoices:
    """All the made-up voices; `recording`: (n,) float32 of a plainly recorded adult at 16 kHz."""
    speakers: dict[str, Callable[[], np.ndarray]] = {
        "espeak-ng": partial(_espeak, ENGLISH),
        "flite": _flite,
        "whisper": partial(_espeak, WHISPER),
    }
    made, left_out = [], []
    for name, speak in speakers.items():
        try:
            made.append(Utterance(name, speak()))
        except InputError as error:
            left_out.append(f"{name}: {error}")
    changed = {
        "the recording": recording,
        "child": child(recording),
        "elderly": elderly(recording),
        "shouting": shouting(recording),
        "telephone": telephone(recording),
        **{f"noise at {decibel} dB": noisy(recording, decibel) for decibel in NOISE_DB},
    }
    return MadeVoices([*made, *(Utterance(n, s) for n, s in changed.items())], left_out)


def read_voices(folder: Path, suffixes: set[str]) -> list[Utterance]:
    """Every sound file of a folder as an utterance, by the file's name."""
    paths = sorted(path for path in folder.iterdir() if path.suffix in suffixes)
    if not paths:
        raise InputError(f"{folder}: holds no sound files; give a folder with some")
    return [Utterance(path.stem, np.concatenate(list(read_blocks(path)))) for path in paths]


def _espeak(voice: str) -> np.ndarray:
    return speak_with(
        lambda file: ["espeak-ng", "-v", voice, "-w", str(file), "--", TEXT], "espeak-ng"
    )


def _flite() -> np.ndarray:
    return speak_with(lambda file: ["flite", "-voice", "slt", "-t", TEXT, "-o", str(file)], "flite")


def child(samples: np.ndarray) -> np.ndarray:
    """Pitch and formants a good third up, as from a short throat, at the same tempo."""
    return stretch_sound(change_speed(samples, 1.35), 1.35)


def elderly(samples: np.ndarray) -> np.ndarray:
    """Lower and slower, with a tremor of pitch and loudness, and breath in the voice."""
    rng = np.random.default_rng(0)
    low = change_speed(samples, 0.88)
    seconds = np.arange(len(low)) / SAMPLE_RATE
    # The derivative of this delay, 3 %, is how far the pitch trembles.
    delay = 0.03 * np.sin(2 * np.pi * 5 * seconds) / (2 * np.pi * 5)
    shaky = np.interp(seconds + delay, seconds, low)
    shaky *= 1 + 0.3 * np.sin(2 * np.pi * 4.3 * seconds + 1)
    envelope = np.sqrt(lfilter([0.01], [1, -0.99], shaky**2))
    return (shaky + 0.15 * envelope * rng.standard_normal(len(shaky))).astype(np.float32)


def shouting(samples: np.ndarray) -> np.ndarray:
    """Higher, shrill, and so loud that the microphone overdrives."""
    high = stretch_sound(change_speed(samples, 1.12), 1.12)
    shrill = np.asarray(lfilter([1.0, -0.6], [1.0], high))
    return np.tanh(6 * shrill / (shrill.std() + 1e-9)).astype(np.float32)


def telephone(samples: np.ndarray) -> np.ndarray:
    """300 to 3400 Hz, sampled at 8 kHz, in the 8 bits of G.711 (μ-law)."""
    sos = butter(4, [300, 3400], "bandpass", fs=SAMPLE_RATE, output="sos")
    narrow = resample_poly(np.asarray(sosfilt(sos, samples)), TELEPHONE_RATE, SAMPLE_RATE)
    narrow = narrow / (np.abs(narrow).max() + 1e-9)
    levels = np.round(127 * np.sign(narrow) * np.log1p(MU * np.abs(narrow)) / np.log1p(MU)) / 127
    narrow = np.sign(levels) * np.expm1(np.abs(levels) * np.log1p(MU)) / MU
    wide = resample_poly(narrow, SAMPLE_RATE, TELEPHONE_RATE)
    return (wide * np.abs(samples).max()).astype(np.float32)


def noisy(samples: np.ndarray, decibel: float) -> np.ndarray:
    """Under noise with the falling spectrum of a busy place, so many dB quieter than the voice."""
    rng = np.random.default_rng(0)
    noise = np.asarray(lfilter([1.0], [1.0, -0.9], rng.standard_normal(len(samples))))
    noise *= samples.std() / noise.std() * 10 ** (-decibel / 20)
    return (samples + noise).astype(np.float32)


def stretch_sound(samples: np.ndarray, factor: float) -> np.ndarray:
    """Make speech last `factor` times as long at its own pitch.

    Overlap-add of grains of 40 ms, each taken where it continues the one before best (WSOLA,
    Verhelst and Roelands, ICASSP 1993).
    """
    window = np.hanning(_GRAIN)
    padded = np.pad(samples, (_SEARCH, _GRAIN + _HOP + 2 * _SEARCH)).astype(np.float64)
    count = int(len(samples) * factor)
    out = np.zeros(count + _GRAIN)
    weight = np.full(len(out), 1e-6)
    wanted = padded[_SEARCH : _SEARCH + _GRAIN]
    for at in range(0, count, _HOP):
        # With the padding, candidates begin up to _SEARCH before and after the grain's own place.
        first = int(at / factor)
        around = padded[first : first + 2 * _SEARCH + _GRAIN]
        fit = np.correlate(around, wanted, "valid")
        energy = np.convolve(around**2, np.ones(_GRAIN), "valid")
        start = first + int(np.argmax(fit / np.sqrt(energy + 1e-6)))
        out[at : at + _GRAIN] += window * padded[start : start + _GRAIN]
        weight[at : at + _GRAIN] += window
        wanted = padded[start + _HOP : start + _HOP + _GRAIN]
    return (out / weight)[:count].astype(np.float32)
