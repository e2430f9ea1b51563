"""Engines with a stand-in for the motion model, run without a clock; what comes out of them."""

from __future__ import annotations

import numpy as np
from live_stand_in import StandInGenerator

from openvasa.face.dynamics import dynamics_code, lip_gap
from openvasa.live.engine import Engine
from openvasa.live.frame import LiveFrame, LiveSettings
from openvasa.motion.row import Row

RATE = 24000


def voice(seconds: float, rate: int = RATE, level: float = 0.3) -> np.ndarray:
    """Syllables: a tone that swells and fades four times a second."""
    time = np.arange(round(seconds * rate)) / rate
    swell = np.sin(2 * np.pi * 2 * time) ** 2
    return (level * swell * np.sin(2 * np.pi * 180 * time)).astype(np.float32)


def engine(fps: int = 40, hop: int = 2, lookahead: int = 2, rate: int = RATE) -> Engine:
    return Engine(StandInGenerator(hop, lookahead), LiveSettings(fps, rate, hop, lookahead))


def run(live: Engine, until: float, step: float = 0.01, start: float = 0.0) -> list[LiveFrame]:
    frames = []
    for now in np.arange(start, until + step / 2, step):
        frames += live.advance(float(now))
    return frames


def motions(frames: list[LiveFrame]) -> np.ndarray:
    return np.array([frame.row for frame in frames])


def sounds(frames: list[LiveFrame]) -> np.ndarray:
    return np.concatenate([frame.sound for frame in frames])


def lips(frames: list[LiveFrame]) -> np.ndarray:
    """Opening of the lips in each frame, canonical units."""
    code = dynamics_code()
    return lip_gap(code.mean_shape + code.decode(Row.split(motions(frames)).codes))
