"""What the user chooses about generated motion."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from openvasa.motion.controls import Controls


@dataclass(frozen=True)
class MotionSettings:
    """What the user chooses about generated motion.

    Attributes:
        seed: same seed, same speech, same motion.
        steps: network evaluations per window.
        audio_guidance: classifier-free guidance scale on the speech; 0 is none.
        gaze_guidance, emotion_guidance: the same for these controls where they are given.
        mouth, head, brows, gaze: speaking style, in standard deviations of the training
            speakers' log amplitudes; 0 is the average speaker.
        controls: main gaze, head distance and emotion.
    """

    seed: int = 0
    steps: int = 5
    audio_guidance: float = 0.65
    gaze_guidance: float = 0.5
    emotion_guidance: float = 0.5
    mouth: float = 0.0
    head: float = 0.0
    brows: float = 0.0
    gaze: float = 0.0
    controls: Controls = field(default_factory=Controls)

    @property
    def style(self) -> np.ndarray:
        """(4,) float32."""
        return np.array([self.mouth, self.head, self.brows, self.gaze], np.float32)
