"""Motion without speech: what the generator makes of silence."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from openvasa.motion.loop import FADE_S, loop_motion, resample_loop
from openvasa.motion.motion import Motion
from openvasa.motion.settings import MotionSettings
from openvasa.motion.speech_motion import SpeechMotion
from openvasa.rates import MOTION_RATE, SAMPLE_RATE

SPARE_S = 20.0
"""Motion made beyond a loop's own length, in which ends that fit are looked for."""


def idle_motion(
    settings: MotionSettings | None = None,
    seconds: float = 10.0,
    *,
    loop: bool = False,
    fps: float = MOTION_RATE,
) -> Motion:
    """A portrait's motion while nothing is said.

    Args:
        settings: seed, movement, controls; the same settings give the same motion.
        seconds: its length.
        loop: let the end run on into the beginning.
        fps: rows a second. A loop must have the rate of the video that shows it: a video takes
            motion of another rate as one that has an end.

    Raises:
        InputError: a loop is shorter than its seam.
    """
    model = SpeechMotion(settings or MotionSettings())
    made = seconds + FADE_S + SPARE_S if loop else seconds
    rows = np.concatenate(list(model.frames(_silence(made))))
    motion = Motion.from_rows(rows, MOTION_RATE)
    if loop:
        motion = loop_motion(motion, seconds)
    if fps == motion.fps:
        return motion
    return resample_loop(motion, fps) if loop else motion.resample(fps)


def _silence(seconds: float) -> Iterator[np.ndarray]:
    """Blocks of at most a second."""
    left = round(seconds * SAMPLE_RATE)
    while left > 0:
        yield np.zeros(min(left, SAMPLE_RATE), np.float32)
        left -= SAMPLE_RATE
