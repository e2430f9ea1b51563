"""What the engine is set to and what it gives: settings, states and frames."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np

from openvasa.errors import InputError, check_choice
from openvasa.face.frame import SIZES
from openvasa.face.latent import CROP_SIDE
from openvasa.live.timeline import TICKS
from openvasa.rates import FRAME_RATES, SOUND_RATES
from openvasa.render.hair_lag import USUAL, check_hair_lag


class State(Enum):
    """What the portrait is doing."""

    SPEAKING = "speaking"
    LISTENING = "listening"
    IDLE = "idle"


@dataclass(frozen=True)
class LiveSettings:
    """What is fixed for the life of an engine, but for the frame rate.

    Attributes:
        fps: frames a second, one of `FRAME_RATES`; may change later.
        rate: rate of the sound that comes out, Hz, one of `SOUND_RATES`.
        hop, lookahead: the generator's, in rows of 40 ms; for the account of delays. The hop may
            change later.
        seed: of the small behaviours that are drawn by chance.
        size: side of the pictures, px.
        hair_lag: how far loose hair and cloth stay behind the head, 0 to 2.
    """

    fps: int = 40
    rate: int = 48000
    hop: int = 2
    lookahead: int = 1
    seed: int = 0
    size: int = CROP_SIDE
    hair_lag: float = USUAL

    def __post_init__(self) -> None:
        """Check what the user chose."""
        check_choice("fps", self.fps, FRAME_RATES)
        check_choice("rate", self.rate, SOUND_RATES)
        check_hair_lag(self.hair_lag)
        if not SIZES[0] <= self.size <= SIZES[1]:
            raise InputError(f"size {self.size}: choose {SIZES[0]} to {SIZES[1]} px")
        if self.size % 2:
            raise InputError(f"size {self.size}: choose an even one; video is coded in pairs of px")


@dataclass(frozen=True)
class LiveFrame:
    """One frame and the sound that belongs to it.

    Attributes:
        start, length: on the timeline, in ticks of 1/48000 s.
        row: (6 + D + 2,) float32 motion, head pose, dynamics and tongue at the middle of the frame.
        sound: (n,) float32 mono samples at the engine's rate, of exactly this stretch of time.
        state: what the portrait is doing.
        speech_s: how far into all the speech ever pushed the frame starts, what was dropped
            counted; None where it starts in silence.
        speeches_ended: speeches (see `Engine.end_speech`) whose last sample is in this frame.
    """

    start: int
    length: int
    row: np.ndarray
    sound: np.ndarray
    state: State
    speech_s: float | None = None
    speeches_ended: int = 0

    @property
    def time_s(self) -> float:
        """Start of the frame on the timeline, s."""
        return self.start / TICKS

    @property
    def end_s(self) -> float:
        """End of the frame on the timeline, s."""
        return (self.start + self.length) / TICKS
