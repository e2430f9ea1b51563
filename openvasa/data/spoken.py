"""Sentences that a speech synthesiser says, with the exact times of their sounds.

Needs `flite` (Debian package of the same name), which prints when each phone of a sentence ends.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from openvasa.audio.decode import read_blocks
from openvasa.audio.level import level_speech
from openvasa.errors import InputError

VOICES = ("rms", "awb")
"""Speakers that the reader of articulation (`train/articulation.py`) is not taught by."""
BILABIALS = {"p", "b", "m"}
"""Phones that close the lips."""


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
    return level_speech(samples), phones
