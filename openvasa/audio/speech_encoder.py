"""What the product asks of a speech encoder: sound in, features at 25 frames a second out.

The features belong to the encoder. Caches, motion networks and the articulation reader that were
made with one encoder know its name and dimension, and refuse another.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

import numpy as np

from openvasa.errors import InputError


class SpeechEncoder(Protocol):
    """Turns speech at its standard level (`audio.level`) into features.

    Frame i stands for the samples [640 i, 640 (i + 1)) at 16 kHz.
    """

    @property
    def name(self) -> str:
        """What caches and weights call it. Another cut or another network is another name."""
        ...

    @property
    def dim(self) -> int:
        """Numbers in a frame's features."""
        ...

    @property
    def past(self) -> int:
        """Frames of sound before a stretch that `segment` is given at run time."""
        ...

    @property
    def lookahead(self) -> int:
        """Frames of sound after the last frame of a piece that `stream` waits for."""
        ...

    def segment(self, samples: np.ndarray, *, first: int = 0) -> np.ndarray:
        """Features of a stretch that is heard on its own, nothing before or after it.

        Args:
            samples: (n * FRAME_SAMPLES,) float32 mono at 16 kHz.
            first: frames before it are heard, but not given back.

        Returns:
            (n - first, dim) float32.
        """
        ...

    def stream(self, blocks: Iterable[np.ndarray], *, gain: float = 1.0) -> Iterator[np.ndarray]:
        """Features of a whole file, lazily, in constant memory.

        Args:
            blocks: consecutive (n,) float32 mono blocks at 16 kHz; how they are cut is all one.
            gain: linear gain that brings speech to its standard level.

        Yields:
            (n, dim) float32 for consecutive frames. They cover the audio, the last frame rounded
            to the nearest (one at least).
        """
        ...


def check_encoder(encoder: SpeechEncoder, name: str, dim: int, owner: str) -> None:
    """Refuse an encoder other than the one that `owner`, a cache or weights, was made with.

    Raises:
        InputError: name or dimension differ.
    """
    if (encoder.name, encoder.dim) != (name, dim):
        raise InputError(
            f"{owner}: made with speech encoder {name} ({dim} features), but this is "
            f"{encoder.name} ({encoder.dim} features); use that encoder or make it anew"
        )
