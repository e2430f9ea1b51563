"""Motion without speech: what the generator makes of silence."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from openvasa.motion.loop import FADE_S, loop_motion
from openvasa.motion.motion import Motion
from openvasa.motion.settings import MotionSettings
from openvasa.motion.speech_motion import SpeechMotion
from openvasa.rates import MOTION_RATE, SAMPLE_RATE

SPARE_S = 20.0
"""Motion made beyond a loop's own length, in which ends that fit are looked for."""


def idle_motion(
    settings: MotionSettings | None = None, seconds: float = 10.0, *, loop: bool = False
) -> Motion:
    """A portrait's motion while nothing is said.

    Args:
        settings: seed, movement, controls; the same settings give the same motion.
        seconds: its length.
        loop: let the end run on into the beginning.

    Raises:
        InputError: a loop is shorter than its seam.
    """
    model = SpeechMotion(settings or MotionSettings())
    made = seconds + FADE_S + SPARE_S if loop else seconds
    rows = np.concatenate(list(model.frames(_silence(made))))
    motion = Motion.from_rows(rows, MOTION_RATE)
    return loop_motion(motion, seconds) if loop else motion


def _silence(seconds: float) -> Iterator[np.ndarray]:
    """Blocks of at most a second."""
    left = round(seconds * SAMPLE_RATE)
    while left > 0:
        yield np.zeros(min(left, SAMPLE_RATE), np.float32)
        left -= SAMPLE_RATE
