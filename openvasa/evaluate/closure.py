"""Do the lips close on p, b and m? Judged on synthetic speech, whose sounds have exact times.

That bilabials must close the lips is the first rule of JALI (Edwards et al., TOG 35(4), 2016).
Needs `flite` (Debian package of the same name), which prints when each phone of a sentence ends.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import numpy as np

from openvasa.audio.decode import read_blocks
from openvasa.audio.level import speech_gain
from openvasa.errors import InputError
from openvasa.evaluate.motion_metrics import aperture
from openvasa.face.dynamics import dynamics_code
from openvasa.rates import MOTION_RATE

VOICES = ("rms", "awb")
"""Speakers that the reader of articulation (`train/articulation.py`) is not taught by."""
SENTENCES = (
    "Papa bought a bubble pump from my mama.",
    "Bob maybe mopped up the apple jam in the lobby.",
    "People remember simple problems about big maps.",
    "My baby may bump a lamp by the pebble path.",
    "Somebody put the empty cup beside a warm lamp.",
    "Please bring me a bottle of pepper and some plums.",
)
BILABIALS = {"p", "b", "m"}
OPEN_VOWELS = {"aa", "ae", "ah", "ao", "aw", "ay"}
CHANCES = 3
"""Times that each is said, every time to another seed."""
CLOSED = 0.12
"""Lip gap that passes for closed, canonical units (about a millimetre)."""

Make = Callable[[np.ndarray, int], np.ndarray]
"""Levelled samples and a seed → (T, 6 + D) motion."""


@dataclass(frozen=True)
class Closure:
    """Shares in 0–1: bilabials with closed lips, open vowels with closed lips (should be few)."""

    bilabials: float
    vowels: float
    count: int


def speak(sentence: str, voice: str) -> tuple[np.ndarray, list[tuple[str, float, float]]]:
    """Levelled 16 kHz samples of a sentence, and (phone, start, end) in seconds."""
    program = shutil.which("flite")
    if program is None:
        raise InputError("needs flite to speak test sentences; run apt-get install flite")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speech.wav"
        command = [program, "-voice", voice, "-psdur", "-t", sentence, "-o", str(path)]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        samples = np.concatenate(list(read_blocks(path)))
    phones, start = [], 0.0
    for item in said.split():
        name, _, end = item.partition(":")
        phones.append((name, start, float(end)))
        start = float(end)
    return samples * np.float32(speech_gain([samples])), phones


def closure(make: Make) -> Closure:
    """Closure of the motion that `make` generates from levelled samples."""
    code = dynamics_code()
    lips: list[float] = []
    vowels: list[float] = []
    for seed, (voice, sentence) in enumerate(list(product(VOICES, SENTENCES)) * CHANCES):
        sound, phones = speak(sentence, voice)
        gap = aperture(code, make(sound, seed))
        for name, start, end in phones:
            if name in BILABIALS:
                # Closing may come a frame before or after the sound.
                first = int(np.floor(start * MOTION_RATE)) - 1
                last = int(np.ceil(end * MOTION_RATE)) + 1
                lips.append(gap[max(first, 0) : last].min() <= CLOSED)
            elif name in OPEN_VOWELS:
                middle = int((start + end) / 2 * MOTION_RATE)
                vowels.append(gap[min(middle, len(gap) - 1)] <= CLOSED)
    return Closure(float(np.mean(lips)), float(np.mean(vowels)), len(lips))
