"""A minute of silence: the lips should rest, head and eyes live on.

VASA-1's audio condition has no measure of this; the yardstick is the same generator's lips in
speech. Faint noise stands for a microphone that nobody speaks into.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from openvasa.evaluate.motion_metrics import blinks_per_minute, lip_activity, pose_change
from openvasa.face.canonical import YAW
from openvasa.face.dynamics import dynamics_code
from openvasa.rates import MOTION_RATE, SAMPLE_RATE

SECONDS = 60
LEVEL = 5e-4
"""RMS of the noise, 66 dB below full scale."""


@dataclass(frozen=True)
class Silence:
    """What a minute of silence looks like.

    Attributes:
        lips: speed of the lip points, of their speed in real speech.
        pose_change: ΔP, degrees.
        yaw_spread: deviation of the head's yaw, degrees.
        blinks: a minute.
        motion: (T, 6 + D) without the first second, in which the mouth may close.
    """

    lips: float
    pose_change: float
    yaw_spread: float
    blinks: float
    motion: np.ndarray

    @property
    def text(self) -> str:
        """One line."""
        return (
            f"lips {100 * self.lips:.1f} % of their speed in speech, ΔP {self.pose_change:.3f}°, "
            f"head yaw spread {self.yaw_spread:.1f}°, {self.blinks:.0f} blinks/min"
        )


def silence(make: Callable[[np.ndarray], np.ndarray], speech_speed: float) -> Silence:
    """Judge the motion that `make` generates from levelled samples of nearly nothing.

    `speech_speed`: speed of real lips in speech, canonical units a frame.
    """
    code = dynamics_code()
    rng = np.random.default_rng(1)
    sound = LEVEL * rng.standard_normal(SECONDS * SAMPLE_RATE)
    motion = make(sound.astype(np.float32))[MOTION_RATE:]
    return Silence(
        lip_activity(code, motion) / speech_speed,
        pose_change(motion),
        float(np.degrees(motion[:, YAW].std())),
        blinks_per_minute(code, motion),
        motion,
    )
