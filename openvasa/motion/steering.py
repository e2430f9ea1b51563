"""Lead the frames before a window to where the controls want it.

In training a made-up gaze or emotion lies on a window and on the frames before it alike, so the
network takes the frames before as a sign of what goes on, whatever the controls say. At run time
they are therefore moved to the new control before the network sees them; the step between them and
the window is then spread over time like any other at a join.
"""

from __future__ import annotations

import numpy as np

from openvasa.face.canonical import FACE_WIDTH
from openvasa.motion.controls import (
    DISTANCE,
    EMOTION,
    GAZE,
    GROUPS,
    emotion_directions,
    eye_turn,
    read_controls,
)
from openvasa.motion.motion import POSE_DIM

NECK_TO_HEAD = np.array([0.0, -9.0, -6.0])
"""From where the head turns on the neck to the canonical origin, canonical units."""

HEAD_SHARE = np.array([0.5, 0.75])
"""Share of yaw and pitch that the head takes, the eyes do the rest."""
PASSING_GAZE, PASSING_EMOTION = np.radians(4.0), 0.15
"""Deviations from the controls that are left alone: people glance aside and change their faces."""


def turned(pose: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """(T, 6) poses with the head turned by (2,) yaw and pitch (rad) about the neck."""
    # Imported here: only a steered gaze needs it, and it takes a third of a second.
    from scipy.spatial.transform import Rotation

    turn = Rotation.from_rotvec([-angles[1], -angles[0], 0.0])
    rotation = turn * Rotation.from_rotvec(pose[:, :3])
    shift = (turn.as_matrix() @ NECK_TO_HEAD - NECK_TO_HEAD)[:2] / FACE_WIDTH
    out = pose.copy()
    out[:, :3] = rotation.as_rotvec()
    out[:, 3:5] += shift
    return out


def led(motion: np.ndarray, values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Frames before a window as if the controls had already been reached.

    Args:
        motion: (T, 6 + D) motion before the window, not normalised.
        values: (CONTROL_DIM,) controls of the window.
        known: (3,) 1 where gaze, distance and emotion are steered.
    """
    pose, codes = motion[:, :POSE_DIM], motion[:, POSE_DIM:]
    if known[GROUPS.index(GAZE)]:
        missing = values[GAZE] - read_controls(pose, codes)[:, GAZE].mean(axis=0)
        size = float(np.linalg.norm(missing))
        missing = missing * max(0.0, 1 - PASSING_GAZE / (size + 1e-9))
        pose = turned(pose, missing * HEAD_SHARE)
        codes = codes + eye_turn(missing * (1 - HEAD_SHARE))
    if known[GROUPS.index(DISTANCE)]:
        pose = pose.copy()
        pose[:, 5] += values[DISTANCE] - pose[:, 5].mean()
    if known[GROUPS.index(EMOTION)]:
        directions = emotion_directions()
        shown = codes.mean(axis=0) @ np.linalg.pinv(directions)
        missing = values[EMOTION] - shown
        # Speech, too, moves along these directions: only what the controls name is taken away.
        missing = np.where((values[EMOTION] > 0) | (missing > 0), missing, 0)
        missing = np.sign(missing) * np.maximum(np.abs(missing) - PASSING_EMOTION, 0)
        codes = codes + np.minimum(missing, 1) @ directions
    return np.hstack([pose, codes]).astype(np.float32)
