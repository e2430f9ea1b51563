"""Both voices of a conversation in one sound track."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import numpy as np

from openvasa.audio.decode import Sound, cut_blocks, read_sound, resample_sound
from openvasa.audio.mono import MonoMixer
from openvasa.audio.pcm import write_wav

MIXED_RATE = 48_000


def mix_voices(first: Path, second: Path, target: Path) -> None:
    """Write both voices, one over the other, as a 16-bit mono WAV as long as the first."""
    voices = zip(_voice(first), chain(_voice(second), _silence()), strict=False)
    mixed = (
        one + np.pad(other[: len(one)], (0, max(0, len(one) - len(other)))) for one, other in voices
    )
    write_wav(target, mixed, MIXED_RATE)


def _voice(path: Path) -> Iterator[np.ndarray]:
    mixer = MonoMixer()
    mono = (Sound(mixer.mix(piece.samples, piece.rate), piece.rate) for piece in read_sound(path))
    return cut_blocks((piece[0] for piece in resample_sound(mono, MIXED_RATE)), MIXED_RATE)


def _silence() -> Iterator[np.ndarray]:
    while True:
        yield np.zeros(MIXED_RATE, np.float32)
