"""What the user chooses about generated motion."""

from __future__ import annotations

from dataclasses import dataclass, field

from openvasa.motion.amount import Amount
from openvasa.motion.controls import Controls
from openvasa.motion.speaker import Speaker


@dataclass(frozen=True)
class MotionSettings:
    """What the user chooses about generated motion.

    Attributes:
        seed: same seed, same speech, same motion; another seed is another speaker. What chance adds
            to the motion of a file depends on the speech too.
        audio_guidance: classifier-free guidance scale on the speech; 0 is none, None what files or
            streams look best with.
        controls: main gaze, head distance and emotion.
        amount: how much of the movement is shown.
        speaker: who moves; None draws one of the people of the training clips by the seed.
    """

    seed: int = 0
    audio_guidance: float | None = None
    controls: Controls = field(default_factory=Controls)
    amount: Amount = field(default_factory=Amount)
    speaker: Speaker | None = None
