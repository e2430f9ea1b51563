"""What the tongue's tip does, read off the speech features.

Landmarks end at the lips, so the tongue is not in the dynamics the generator learnt from video.
A two-layer network, taught by synthetic voices whose sounds have exact times
(`openvasa/train/tongue.py`), hears when a sound wants the tip up (l, n, d, t) or out (th).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from openvasa.audio.features import speech_features
from openvasa.face.topology import ASSETS

TONGUE_DIM = 2
RISE, REACH = 0, 1
"""Columns: the tip towards the ridge behind the upper teeth, and out between the teeth; 0–1."""


def without_tongue(rows: np.ndarray) -> np.ndarray:
    """(T, 6 + D + 2) rows of motion → (T, 6 + D): what is tracked in video, and judged."""
    return rows[:, :-TONGUE_DIM]


@dataclass(frozen=True)
class TongueReader:
    """Speech features → rise and reach of the tip.

    Attributes:
        hidden, hidden_bias: (3 * FEATURE_DIM, H) and (H,) float32; the frame and its neighbours.
        out, out_bias: (H, TONGUE_DIM) and (TONGUE_DIM,) float32.
    """

    hidden: np.ndarray
    hidden_bias: np.ndarray
    out: np.ndarray
    out_bias: np.ndarray

    def read(self, features: np.ndarray) -> np.ndarray:
        """(T, FEATURE_DIM) features → (T, TONGUE_DIM) float32 in 0–1."""
        padded = np.pad(features, ((1, 1), (0, 0)), mode="edge")
        return self.read_stacked(np.stack([padded[:-2], padded[1:-1], padded[2:]], axis=1))

    def read_stacked(self, features: np.ndarray) -> np.ndarray:
        """(N, 3, FEATURE_DIM): before, now and after, each → (N, TONGUE_DIM) float32 in 0–1."""
        flat = features.reshape(len(features), -1).astype(np.float32)
        hidden = np.maximum(flat @ self.hidden + self.hidden_bias, 0)
        logits = hidden @ self.out + self.out_bias
        return (0.5 + 0.5 * np.tanh(logits / 2)).astype(np.float32)

    def save(self, path: Path) -> None:
        """Write the weights; in half precision, which changes nothing that can be seen."""
        np.savez_compressed(
            path,
            hidden=self.hidden.astype(np.float16),
            hidden_bias=self.hidden_bias,
            out=self.out,
            out_bias=self.out_bias,
        )


def speech_tongue(blocks: Iterable[np.ndarray], *, gain: float = 1.0) -> np.ndarray:
    """(T, TONGUE_DIM) float32 at 25 fps of a whole speech.

    Args:
        blocks: consecutive mono float32 blocks at 16 kHz.
        gain: brings speech to its standard level (`audio.level.speech_gain`).
    """
    return tongue_reader().read(np.concatenate(list(speech_features(blocks, gain=gain))))


@lru_cache(maxsize=1)
def tongue_reader() -> TongueReader:
    """The shipped reader."""
    with np.load(ASSETS / "tongue.npz") as data:
        return TongueReader(**{name: data[name].astype(np.float32) for name in data.files})
