"""A conversation on two channels, as telephone calls are recorded → each voice by itself."""

from __future__ import annotations

import wave
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from openvasa.audio.decode import read_sound, resample_sound
from openvasa.audio.pcm import to_int16
from openvasa.errors import InputError

RATE = 48_000
SAME = 1e-3
"""Largest difference between channels that hold one voice twice."""


def split_channels(conversation: Path, left: Path, right: Path) -> None:
    """Write each channel as a 16-bit mono WAV at 48 kHz.

    Raises:
        InputError: there are not two channels, or both hold the same.
    """
    apart = 0.0
    with ExitStack() as stack:
        files = [stack.enter_context(wave.open(str(path), "wb")) for path in (left, right)]
        for file in files:
            file.setparams((1, 2, RATE, 0, "NONE", ""))
        for samples in resample_sound(read_sound(conversation), RATE):
            if len(samples) != 2:
                raise InputError(
                    f"{conversation}: has not two channels; give each voice a file, and one of "
                    "them as the partner's",
                    parameters=("partner",),
                )
            apart = max(apart, float(np.abs(samples[0] - samples[1]).max(initial=0.0)))
            for file, channel in zip(files, samples, strict=True):
                file.writeframes(to_int16(channel).tobytes())
    if apart < SAME:
        raise InputError(
            f"{conversation}: both channels hold the same; a voice of its own is needed in each"
        )
