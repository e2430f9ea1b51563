"""An audible notice at the start of the sound, in Morse code or in words.

GB 45438-2025 takes either for an audible label of generated sound: spoken words, or the letters AI
in Morse code by their rhythm, short long, short short.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from openvasa.audio.decode import read_sound, resample_sound
from openvasa.errors import InputError
from openvasa.provenance.marking import Notice

SENTENCE = "This video was made by AI."

_RHYTHM = ".-  .."
_DOT_SECONDS = 0.12
_HERTZ = 800.0
_LEVEL = 0.2
_EDGE_SECONDS = 0.008

_SPEAKER = "espeak-ng"
_WORDS_A_MINUTE = 150
_SPOKEN_PEAK = 0.6
_BEHIND_SPEECH = 0.15
_FADE_SECONDS = 0.15


@dataclass(frozen=True)
class NoticeSound:
    """A notice, to be mixed into the start of a sound track.

    Attributes:
        samples: (n,) float32 in [-1, 1].
        behind: (n,) float32 in [0, 1]: what is left of the sound track meanwhile.
    """

    samples: np.ndarray
    behind: np.ndarray

    def mixed_into(self, sound: np.ndarray, start: int) -> np.ndarray:
        """The notice over a (C, n) float32 stretch of the track that begins at sample `start`."""
        notice = self.samples[start : start + sound.shape[1]]
        if not len(notice):
            return sound
        mixed = sound.copy()
        over = mixed[:, : len(notice)]
        mixed[:, : len(notice)] = np.clip(
            over * self.behind[start : start + len(notice)] + notice, -1, 1
        )
        return mixed


def notice_sound(notice: Notice, rate: int) -> NoticeSound:
    """A notice at `rate` Hz: 1.6 s of Morse code, or 2.2 s of speech.

    Raises:
        InputError: it is to be spoken, and there is no speech synthesiser.
    """
    return morse_notice(rate) if notice == "morse" else spoken_notice(rate)


def morse_notice(rate: int) -> NoticeSound:
    """The letters AI in Morse code; the sound track goes on under it."""
    pieces = [np.zeros(round(_DOT_SECONDS * rate))]
    for sign in _RHYTHM:
        # A dash is three dots long; letters are three dots apart.
        seconds = _DOT_SECONDS * (3 if sign == "-" else 1)
        time = np.arange(round(seconds * rate)) / rate
        fade = np.minimum(np.minimum(time, seconds - time) / _EDGE_SECONDS, 1)
        tone = np.sin(2 * np.pi * _HERTZ * time) * fade * _LEVEL
        pieces += [tone * (sign != " "), np.zeros(round(_DOT_SECONDS * rate) * (sign != " "))]
    samples = np.concatenate(pieces).astype(np.float32)
    return NoticeSound(samples, np.ones_like(samples))


def spoken_notice(rate: int) -> NoticeSound:
    """`SENTENCE`, spoken by espeak-ng; the sound track is turned down, so that both are told apart.

    Raises:
        InputError: espeak-ng is not installed, or fails.
    """
    program = shutil.which(_SPEAKER)
    if program is None:
        raise InputError(
            f"notice spoken: needs the program {_SPEAKER}; install the package {_SPEAKER}, or "
            f"choose the notice morse"
        )
    with tempfile.TemporaryDirectory() as folder:
        spoken = Path(folder) / "notice.wav"
        command = [program, "-v", "en", "-s", str(_WORDS_A_MINUTE), "-w", str(spoken), SENTENCE]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode or not spoken.is_file():
            said = " ".join(done.stderr.split())[:200] or f"exit status {done.returncode}"
            raise InputError(
                f"notice spoken: {_SPEAKER} failed ({said}); install its English voice, or choose "
                f"the notice morse"
            )
        samples = np.concatenate([piece[0] for piece in resample_sound(read_sound(spoken), rate)])
    samples *= _SPOKEN_PEAK / np.abs(samples).max()
    at = np.arange(len(samples)) / rate
    quiet = np.minimum(np.minimum(at, at[::-1]) / _FADE_SECONDS, 1)
    return NoticeSound(samples, (1 - (1 - _BEHIND_SPEECH) * quiet).astype(np.float32))
