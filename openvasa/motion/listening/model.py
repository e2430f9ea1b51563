"""A motion model that listens: any other model's motion, with the other's voice beside it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from openvasa.audio.decode import read_blocks
from openvasa.audio.level import speech_gain
from openvasa.motion.listening.listener import Listener
from openvasa.motion.model import MotionModel, MotionSource
from openvasa.rates import FRAME_SAMPLES


@dataclass(frozen=True)
class ListeningMotion:
    """A `MotionModel` for one side of a conversation.

    Attributes:
        model: moves the face; what it makes of silence is the idle motion that listening is laid
            on.
        partner: file with the other's voice, in step with the speech that `frames` is given; a
            shorter one is silent after its end.
        seed: of when it blinks and how deeply it nods.
        gaze_free: turn the eyes to the other; not where the user steers them.
    """

    model: MotionModel
    partner: Path
    seed: int = 0
    gaze_free: bool = True

    def frames(self, blocks: Iterable[np.ndarray], *, gain: float = 1.0) -> Iterator[np.ndarray]:
        """See `MotionModel.frames`."""
        own = _Kept(blocks, gain)
        other_gain = speech_gain(read_blocks(self.partner))
        other = _Kept(read_blocks(self.partner), other_gain)
        heard = iter(other)
        listener = Listener(self.seed)
        listener.gaze_free = self.gaze_free
        for rows in self.model.frames(own, gain=gain):
            shaped = []
            for row in rows:
                while not other.whole and next(heard, None) is not None:
                    pass
                listener.speak(own.take())
                listener.hear(other.take())
                shaped.append(listener.shape(row[None]))
            yield np.concatenate(shaped)

    def live(self, hop: int, lookahead: int) -> MotionSource:
        """See `MotionModel.live`; a live portrait hears its partner by `Engine.hear`."""
        return self.model.live(hop, lookahead)

    def describe(self) -> Mapping[str, object]:
        """See `MotionModel.describe`."""
        return {**self.model.describe(), "listens": True}


class _Kept:
    """Blocks of sound that are passed on, and kept until they are taken frame by frame."""

    def __init__(self, blocks: Iterable[np.ndarray], gain: float) -> None:
        self._blocks, self._gain = blocks, np.float32(gain)
        self._pieces: deque[np.ndarray] = deque()
        self._held = np.zeros(0, np.float32)

    def __iter__(self) -> Iterator[np.ndarray]:
        """The blocks as they are; another thread may iterate than the one that takes."""
        for block in self._blocks:
            self._pieces.append(block.astype(np.float32) * self._gain)
            yield block

    @property
    def whole(self) -> bool:
        """Whether a frame's samples are there."""
        while len(self._held) < FRAME_SAMPLES and self._pieces:
            self._held = np.concatenate([self._held, self._pieces.popleft()])
        return len(self._held) >= FRAME_SAMPLES

    def take(self) -> np.ndarray:
        """(640,) the next frame's samples at the standard level, silence where they end."""
        _ = self.whole
        frame, self._held = self._held[:FRAME_SAMPLES], self._held[FRAME_SAMPLES:]
        return np.pad(frame, (0, FRAME_SAMPLES - len(frame)))
