"""Text to speech with whatever is installed on this machine: eSpeak NG or Piper."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import wave
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from openvasa.errors import InputError

LONGEST_TEXT = 1000
TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Voice:
    """One voice that can be spoken with.

    Attributes:
        name: what users choose it by.
        label: what they read.
        command: program that reads text on its standard input and writes a WAV to standard output.
        sample: a sentence in its language, to try it with.
    """

    name: str
    label: str
    command: tuple[str, ...]
    sample: str = "Hello! This is how I sound."


_ESPEAK_LANGUAGES = {
    "en-us": ("English (US)", "Hello! This is how I sound."),
    "en-gb": ("English (UK)", "Hello! This is how I sound."),
    "de": ("Deutsch", "Hallo! So klinge ich."),
    "fr": ("Français", "Bonjour ! Voici ma voix."),
    "es": ("Español", "¡Hola! Así suena mi voz."),
    "it": ("Italiano", "Ciao! Questa è la mia voce."),
    "pt-br": ("Português", "Olá! Esta é a minha voz."),
    "cmn": ("中文", "你好！这是我的声音。"),
    "ja": ("日本語", "こんにちは。わたしのこえです。"),
    "ko": ("한국어", "안녕하세요! 제 목소리입니다."),
    "ru": ("Русский", "Здравствуйте! Вот мой голос."),
}
_DEBIAN_LACKS = {"cmn"}
"""Languages whose dictionary Debian's program lacks: it spells Chinese in English."""


def voices(piper_voices: list[Path] | None = None) -> list[Voice]:
    """Voices on this machine, best first.

    Args:
        piper_voices: Piper voice files (`.onnx`, their `.onnx.json` beside them).
    """
    found = []
    for path in piper_voices or []:
        if not path.is_file():
            raise InputError(f"{path}: no such Piper voice; check the path")
        if find_spec("piper") is None:
            raise InputError(f"{path}: needs Piper; run pip install piper-tts")
        command = (sys.executable, "-m", "piper", "-m", str(path), "-f", "-")
        found.append(Voice(f"piper-{path.stem}", f"Piper {path.stem}", command))
    for code, (language, sample) in _ESPEAK_LANGUAGES.items():
        command = _espeak(code)
        if command:
            found.append(Voice(f"espeak-{code}", f"eSpeak {language}", command, sample))
    return found


def _espeak(code: str) -> tuple[str, ...]:
    """The command that speaks a language with eSpeak NG, the program or the library of a wheel."""
    program, wheel = shutil.which("espeak-ng"), find_spec("espeakng_loader")
    if program and not (wheel and code in _DEBIAN_LACKS):
        return (program, "-v", code, "--stdin", "--stdout")
    if wheel:
        return (sys.executable, "-m", "openvasa.audio.espeak_library", code)
    return ()


def check_text(text: str) -> bytes:
    """A text as voices are given it.

    Raises:
        InputError: it is empty, too long, or no text.
    """
    text = " ".join(text.split())
    if not text:
        raise InputError("text: is empty; write something to say")
    if len(text) > LONGEST_TEXT:
        raise InputError(f"text: {len(text)} characters; write at most {LONGEST_TEXT}")
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise InputError("text: holds half a character; write whole ones") from error


def speak(text: str, voice: Voice) -> tuple[np.ndarray, int]:
    """Say a text.

    Returns:
        (n,) int16 mono samples and their rate in Hz.

    Raises:
        InputError: nothing to say, too much, or the voice failed.
    """
    written = check_text(text)
    try:
        done = subprocess.run(
            voice.command, input=written, capture_output=True, timeout=TIMEOUT_S, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise InputError(f"voice {voice.name}: failed ({error}); choose another") from error
    return _read_wav(done.stdout, voice)


def _read_wav(data: bytes, voice: Voice) -> tuple[np.ndarray, int]:
    try:
        with wave.open(io.BytesIO(data)) as file:
            # A program that writes to a pipe cannot go back to state the length.
            samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
            if file.getsampwidth() != 2 or not len(samples):
                raise ValueError("no 16-bit sound")
            return samples[:: file.getnchannels()].astype(np.int16), file.getframerate()
    except (wave.Error, EOFError, ValueError) as error:
        raise InputError(f"voice {voice.name}: gave no sound ({error}); choose another") from error
