"""Sentences that a speech synthesiser says, with the exact times of their sounds.

In English by `flite` (Debian package of the same name), which prints when each phone of a sentence
ends; in many languages by the library of eSpeak NG, a wheel's or the system's.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from openvasa.audio.decode import read_blocks
from openvasa.audio.level import level_speech
from openvasa.errors import InputError
from openvasa.rates import SAMPLE_RATE

VOICES = ("rms", "awb")
"""Speakers that the reader of articulation (`train/articulation.py`) is not taught by."""
BILABIALS = {"p", "b", "m"}
"""Phones that close the lips."""
ESPEAK_SECONDS = 60
"""After which eSpeak NG is taken to hang."""

Phones = list[tuple[str, float, float]]
"""Name, start and end in seconds of every sound."""


def speak(sentence: str, voice: str) -> tuple[np.ndarray, Phones]:
    """Levelled 16 kHz samples of an English sentence, and its phones (CMU set)."""
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


def speak_espeak(sentence: str, voice: str) -> tuple[np.ndarray, Phones]:
    """Levelled 16 kHz samples of a sentence, and its phones in IPA without marks of stress.

    Args:
        sentence: to be said.
        voice: eSpeak NG's name of a language, with a variant after `+` or not (`fr`, `fr+f2`).

    Raises:
        InputError: there is no eSpeak NG, it does not speak the language, or it hangs.
    """
    with tempfile.TemporaryDirectory() as folder:
        path, told = Path(folder) / "speech.wav", Path(folder) / "phones.json"
        command = [sys.executable, "-m", "openvasa.audio.espeak_library", voice, str(told)]
        try:
            done = subprocess.run(
                command, input=sentence.encode(), capture_output=True, timeout=ESPEAK_SECONDS
            )
        except subprocess.TimeoutExpired as error:
            raise InputError(f"voice {voice}: eSpeak NG hangs at a sentence") from error
        if done.returncode or not told.is_file():
            reason = (done.stderr.decode(errors="replace").strip().splitlines() or ["no word"])[-1]
            raise InputError(
                f"voice {voice}: eSpeak NG cannot speak ({reason}); "
                "run pip install espeakng-loader or apt-get install espeak-ng"
            )
        path.write_bytes(done.stdout)
        samples = np.concatenate(list(read_blocks(path)))
        events = json.loads(told.read_text("utf-8"))
    return level_speech(samples), read_events(events, len(samples) / SAMPLE_RATE, voice)


def read_events(events: list[tuple[str, float]], seconds: float, voice: str) -> Phones:
    """Phones of eSpeak NG's events: IPA name and start of each; pauses have no name.

    Raises:
        InputError: nothing is said, or most in English, as by a library that lacks the language's
            dictionary.
    """
    if not events:
        raise InputError(f"voice {voice}: eSpeak NG says nothing")
    ends = [start for _, start in events[1:]] + [seconds]
    phones, language = [], ""
    in_english = 0
    for (name, start), end in zip(events, ends, strict=True):
        if name.startswith("("):
            language = name
        elif end > start:
            plain = name.replace("ˈ", "").replace("ˌ", "")
            # eSpeak NG's y of Russian is unrounded.
            plain = plain.replace("y", "ɨ") if voice.startswith("ru") else plain
            phones.append((plain, start, end))
            in_english += language == "(en)"
    if not voice.startswith("en") and in_english > len(phones) / 2:
        raise InputError(
            f"voice {voice}: this eSpeak NG reads it as English; run pip install espeakng-loader"
        )
    return phones
