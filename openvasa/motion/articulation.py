"""What phonetics wants of tongue and lips, read off the speech features.

Landmarks end at the lips, so the tongue is not in the dynamics the generator learnt from video; and
a generator that is unsure closes the lips for p, b and m by halves, where only closed will do. A
two-layer network, taught by synthetic voices whose sounds have exact times
(`openvasa/train/articulation.py`), hears when a sound wants the tongue's tip up (l, n, d, t) or out
(th), and when it wants the lips pressed together.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from openvasa.assets import ASSETS
from openvasa.audio.moonshine import MoonshineEncoder
from openvasa.audio.speech_encoder import SpeechEncoder, check_encoder
from openvasa.motion.row import TONGUE_DIM

RISE, REACH, PRESS = 0, 1, 2
"""What is read, 0–1: the tongue's tip towards the ridge behind the upper teeth, and out between the
teeth; the lips pressed together."""
ARTICULATION_DIM = 3
TONGUE = slice(0, TONGUE_DIM)
"""Of what is read, the tongue's: it is part of motion."""


@dataclass(frozen=True)
class ArticulationReader:
    """Speech features → rise and reach of the tongue's tip, pressed lips.

    Attributes:
        encoder: name of the speech encoder that makes the features.
        hidden, hidden_bias: (3 * dim, H) and (H,) float32; the frame and its neighbours.
        out, out_bias: (H, ARTICULATION_DIM) and (ARTICULATION_DIM,) float32.
    """

    encoder: str
    hidden: np.ndarray
    hidden_bias: np.ndarray
    out: np.ndarray
    out_bias: np.ndarray

    def check_hears(self, encoder: SpeechEncoder) -> None:
        """Refuse an encoder that the reader was not taught with, by an `InputError`."""
        check_encoder(encoder, self.encoder, len(self.hidden) // 3, "articulation reader")

    def read(self, features: np.ndarray) -> np.ndarray:
        """(T, dim) features → (T, ARTICULATION_DIM) float32 in 0–1."""
        padded = np.pad(features, ((1, 1), (0, 0)), mode="edge")
        return self.read_stacked(np.stack([padded[:-2], padded[1:-1], padded[2:]], axis=1))

    def read_stacked(self, features: np.ndarray) -> np.ndarray:
        """(N, 3, dim): before, now, after → (N, ARTICULATION_DIM) float32 in 0–1."""
        flat = features.reshape(len(features), -1).astype(np.float32)
        hidden = np.maximum(flat @ self.hidden + self.hidden_bias, 0)
        logits = hidden @ self.out + self.out_bias
        return (0.5 + 0.5 * np.tanh(logits / 2)).astype(np.float32)

    def save(self, path: Path) -> None:
        """Write the weights; in half precision, which changes nothing that can be seen."""
        np.savez_compressed(
            path,
            encoder=np.array(self.encoder),
            hidden=self.hidden.astype(np.float16),
            hidden_bias=self.hidden_bias,
            out=self.out,
            out_bias=self.out_bias,
        )


def read_articulation(reader: ArticulationReader | None, features: np.ndarray) -> np.ndarray:
    """(T, dim) features → (T, ARTICULATION_DIM) float32; at rest where there is no reader."""
    if reader is None:
        return np.zeros((len(features), ARTICULATION_DIM), np.float32)
    return reader.read(features)


def speech_tongue(
    blocks: Iterable[np.ndarray], *, gain: float = 1.0, encoder: SpeechEncoder | None = None
) -> np.ndarray:
    """(T, TONGUE_DIM) float32 at 25 fps, the tongue in a whole speech.

    Args:
        blocks: consecutive mono float32 blocks at 16 kHz.
        gain: brings speech to its standard level (`audio.level.speech_gain`).
        encoder: the one that the shipped reader was taught with where None.
    """
    encoder, reader = encoder or MoonshineEncoder(), articulation_reader()
    reader.check_hears(encoder)
    features = np.concatenate(list(encoder.stream(blocks, gain=gain)))
    return reader.read(features)[:, TONGUE]


@lru_cache(maxsize=1)
def articulation_reader() -> ArticulationReader:
    """The shipped reader."""
    return load_reader(ASSETS / "articulation.npz")


def load_reader(path: Path) -> ArticulationReader:
    """Read what `ArticulationReader.save` wrote."""
    with np.load(path) as data:
        weights = {key: data[key].astype(np.float32) for key in data.files if key != "encoder"}
        return ArticulationReader(str(data["encoder"]), **weights)
