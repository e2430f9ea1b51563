"""Samples as 16-bit integers, and WAV files of them."""

from __future__ import annotations

import io
import wave
from collections.abc import Iterable
from pathlib import Path
from typing import IO

import numpy as np


def to_int16(samples: np.ndarray) -> np.ndarray:
    """Samples of any shape in [-1, 1] → little-endian int16; louder ones are clipped.

    Samples that are int16 already stay as they are.
    """
    if samples.dtype == np.int16:
        return samples.astype("<i2", copy=False)
    return np.round(np.clip(samples, -1, 1) * 32767).astype("<i2")


def from_int16(samples: np.ndarray) -> np.ndarray:
    """Samples of any shape, int16 → float32 in [-1, 1); float32 ones stay as they are."""
    if samples.dtype == np.int16:
        return samples.astype(np.float32) / 32768
    return samples.astype(np.float32, copy=False)


def wav_bytes(pieces: Iterable[np.ndarray], rate: int) -> bytes:
    """A 16-bit WAV of (n,) mono pieces at `rate` Hz, as in `write_wav`."""
    file = io.BytesIO()
    write_wav(file, pieces, rate)
    return file.getvalue()


def write_wav(
    path: Path | IO[bytes], pieces: Iterable[np.ndarray], rate: int, channels: int = 1
) -> None:
    """Write a 16-bit WAV.

    Args:
        path: of the file, or one that is open.
        pieces: (n,) or (n, channels) samples each, one piece after the other, as in `to_int16`.
        rate: Hz.
        channels: of the sound.

    Raises:
        OSError: the disk is full.
    """
    with wave.open(str(path) if isinstance(path, Path) else path, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        for samples in pieces:
            file.writeframes(to_int16(samples).tobytes())
