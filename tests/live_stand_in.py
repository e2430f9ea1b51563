"""A motion generator for tests: plain arithmetic on the sound, with the real one's timing."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from openvasa.face.dynamics import dynamics_code
from openvasa.face.landmarker import BLENDSHAPE_NAMES
from openvasa.motion.amount import Amount
from openvasa.motion.row import row_width

ROW = 640


@dataclass(frozen=True)
class StandInControls:
    gaze: tuple[float, float] | None = None
    distance: float | None = None
    emotion: dict[str, float] = field(default_factory=dict)


class StandInGenerator:
    """The jaw opens with the loudness of the row and of the look-ahead; the head nods along."""

    def __init__(self, hop: int = 2, lookahead: int = 1) -> None:
        self.controls, self.amount = StandInControls(), Amount()
        self.hop, self._lookahead = hop, lookahead
        self.longest = 7 - lookahead
        self._hearing = hop
        self._sound = np.zeros(0, np.float32)
        self._row = 0
        shapes = np.zeros(len(BLENDSHAPE_NAMES), np.float32)
        shapes[BLENDSHAPE_NAMES.index("jawOpen")] = 1
        self._jaw = dynamics_code().from_arkit(shapes)
        self.ahead = np.zeros((0, row_width()), np.float32)

    def push(self, samples: np.ndarray) -> np.ndarray:
        self._sound = np.concatenate([self._sound, samples])
        rows = []
        while len(self._sound) >= (self._hearing + self._lookahead) * ROW:
            rows += [self._made(i) for i in range(self._hearing)]
            self._sound = self._sound[self._hearing * ROW :]
            self._hearing = self.hop
            self.ahead = self._sketched()
        return np.array(rows, np.float32).reshape(-1, row_width())

    def _sketched(self) -> np.ndarray:
        rest, row = self._sound, self._row
        self._sound = rest[: self._lookahead * ROW]
        made = self._made(0)
        self._sound, self._row = rest, row
        return made[None]

    def _made(self, index: int) -> np.ndarray:
        heard = self._sound[index * ROW : (index + self._lookahead + 1) * ROW]
        own, later = (np.sqrt((part**2).sum() / ROW) for part in (heard[:ROW], heard[ROW:]))
        yaw, pitch = self.controls.gaze or (0.0, 0.0)
        pose = [0.1 * later + pitch, yaw, 0.01 * np.sin(self._row / 7), 0, 0, 0]
        self._row += 1
        tongue = [np.tanh(own), 0]
        return np.concatenate([pose, self._jaw * 4 * own, tongue]).astype(np.float32)


class StandInModel:
    """A motion model whose streams are `StandInGenerator`; files are not asked of it."""

    def frames(self, blocks, *, gain: float = 1.0):
        raise NotImplementedError("live only")

    def live(self, hop: int, lookahead: int) -> StandInGenerator:
        return StandInGenerator(hop, lookahead)

    def describe(self) -> dict[str, object]:
        return {}
