"""A second speech encoder and a second motion model, as written outside the package."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from openvasa import Controls
from openvasa.face.dynamics import dynamics_code
from openvasa.face.landmarker import BLENDSHAPE_NAMES
from openvasa.motion.amount import Amount
from openvasa.motion.row import Row, row_width
from openvasa.rates import FRAME_SAMPLES


class EnergyEncoder:
    """Hears how loud each frame is, and nothing else."""

    name, dim, past, lookahead = "energy", 1, 25, 0

    def segment(self, samples: np.ndarray, *, first: int = 0) -> np.ndarray:
        count = len(samples) // FRAME_SAMPLES
        frames = samples[: count * FRAME_SAMPLES].reshape(count, FRAME_SAMPLES)[first:]
        return np.sqrt((frames**2).mean(axis=1, keepdims=True)).astype(np.float32)

    def stream(self, blocks: Iterable[np.ndarray], *, gain: float = 1.0) -> Iterator[np.ndarray]:
        held, done, total = np.zeros(0, np.float32), 0, 0
        for block in blocks:
            held, total = np.concatenate([held, block * np.float32(gain)]), total + len(block)
            whole = len(held) // FRAME_SAMPLES
            if whole:
                yield self.segment(held)
                held, done = held[whole * FRAME_SAMPLES :], done + whole
        if max(round(total / FRAME_SAMPLES), 1) > done:
            yield self.segment(np.pad(held, (0, FRAME_SAMPLES - len(held))))


class JawModel:
    """Opens the jaw as far as the speech is loud."""

    def __init__(self) -> None:
        shapes = np.zeros(len(BLENDSHAPE_NAMES), np.float32)
        shapes[BLENDSHAPE_NAMES.index("jawOpen")] = 3
        opening = dynamics_code().from_arkit(shapes)
        self._jaw = Row(pose=np.zeros(6), codes=opening, tongue=np.zeros(2)).join()

    def rows(self, loudness: np.ndarray) -> np.ndarray:
        return loudness * self._jaw

    def frames(self, blocks: Iterable[np.ndarray], *, gain: float = 1.0) -> Iterator[np.ndarray]:
        return map(self.rows, EnergyEncoder().stream(blocks, gain=gain))

    def live(self, hop: int, lookahead: int) -> JawStream:
        return JawStream(self, hop, lookahead)

    def describe(self) -> dict[str, object]:
        return {"model": "jaw"}


class JawStream:
    """The same jaw while the sound comes in."""

    def __init__(self, model: JawModel, hop: int, lookahead: int) -> None:
        self.controls, self.amount = Controls(), Amount()
        self.ahead = np.zeros((0, row_width()), np.float32)
        self._model, self._hop, self._later = model, hop, lookahead * FRAME_SAMPLES
        self._held = np.zeros(0, np.float32)

    def push(self, samples: np.ndarray) -> np.ndarray:
        self._held = np.concatenate([self._held, samples])
        hop = self._hop * FRAME_SAMPLES
        certain = max(0, len(self._held) - self._later) // hop * hop
        rows = self._model.rows(EnergyEncoder().segment(self._held[:certain]))
        self._held = self._held[certain:]
        if len(rows):
            later = np.pad(self._held, (0, FRAME_SAMPLES))[: max(self._later, FRAME_SAMPLES)]
            self.ahead = self._model.rows(EnergyEncoder().segment(later))
        return rows
