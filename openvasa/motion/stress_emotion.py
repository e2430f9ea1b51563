"""Show the emotion of generated motion as plainly as people need it to name it."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np

from openvasa.face.dynamics import dynamics_code, lip_gap
from openvasa.motion.controls import EMOTION, EMOTIONS
from openvasa.motion.drawing import meant_codes
from openvasa.motion.emotion_directions import (
    encode_actions,
    encode_anger,
    encode_grief,
    leave_gaze_and_lips,
)
from openvasa.motion.row import Row

_STRESSED: dict[str, dict[str, float]] = {
    "happy": {"mouthSmile": 0.35, "eyeSquint": -0.2},
    "surprised": {"browInnerUp": 0.3, "browOuterUp": 0.4, "eyeWide": 0.4},
}
_STRESSED_ANGER = 0.5
_OPENED: dict[str, dict[str, float]] = {"happy": {"jawOpen": 0.08}, "surprised": {"jawOpen": 0.5}}
"""What is added: facial actions, a share of the angry face, and a jaw that opens wider."""
_OPEN_GAP = 0.4
"""Lip gap, canonical units, from which on a stressed jaw opens wider by all of it: lips that meet
in speech go on to meet."""


def stress_emotion(motion: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Motion with more of its emotion.

    Args:
        motion: (n, 6 + D).
        values: (n, CONTROL_DIM) from `Controls.rows`.

    Returns:
        (n, 6 + D) float32.
    """
    emotion = values[:, EMOTION]
    if not emotion.any():
        return motion
    face, jaw = _stress()
    row = Row.split(motion)
    openness = np.clip(row.codes @ lip_gap(dynamics_code().basis) / _OPEN_GAP, 0, 1)[:, None]
    added = emotion @ face + openness * (emotion @ jaw)
    return replace(row, codes=row.codes + added).join()


@lru_cache(maxsize=1)
def _stress() -> tuple[np.ndarray, np.ndarray]:
    """(4, D) of what emotions add to the face with lips and gaze as they are, and to the jaw."""
    drawn = {"angry": _STRESSED_ANGER * encode_anger(), "sad": encode_grief()}
    face = np.stack([drawn.get(e, encode_actions(_STRESSED.get(e, {}))) for e in EMOTIONS])
    jaw = np.stack([encode_actions(_OPENED.get(e, {})) for e in EMOTIONS])
    return meant_codes(leave_gaze_and_lips(face)), meant_codes(jaw)
