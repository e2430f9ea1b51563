"""Lay the controls on generated motion: gaze, distance, emotion, reached within half a second."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from openvasa.face.canonical import FACE_WIDTH, LOG_DISTANCE, SHIFT, TURN
from openvasa.face.gaze import encode_eye_turn, head_gaze, read_eye_turn
from openvasa.motion.controls import DISTANCE, EMOTION, GAZE
from openvasa.motion.emotion_directions import emotion_directions
from openvasa.motion.row import Row
from openvasa.motion.stress_emotion import stress_emotion
from openvasa.rates import MOTION_RATE

REACH_SECONDS = 0.2
"""Time constant of each of two low-pass filters in a row between a control and what is shown."""
HEAD_SHARE = np.array([0.5, 0.75])
"""Share of yaw and pitch of a gaze that the head takes; the eyes do the rest."""
WANDER_KEPT = 0.5
"""Share of the eyes' own wandering that is left around a gaze asked for."""
LARGEST_EYE_TURN = np.radians([32.0, 24.0])
"""How far eyes turn in the head, yaw and pitch."""
NECK_TO_HEAD = np.array([0.0, -9.0, -6.0])
"""From where the head turns on the neck to the canonical origin, canonical units."""
SMALLEST = 1e-6
"""A control weaker than this shows nothing."""


def steer_motion(
    motion: np.ndarray, values: np.ndarray, known: np.ndarray, state: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    """Steer the next frames of a motion.

    Args:
        motion: (n, 6 + D) as generated, n from 1.
        values: (n, CONTROL_DIM) from `Controls.rows`.
        known: (CONTROL_DIM,) 1 for those that are steered, 0 for others.
        state: what the call before returned; None before the first frame.

    Returns:
        (n, 6 + D) float32 motion, and the state behind its last frame.
    """
    gaze_known = np.full((len(values), 1), known[GAZE.start])
    wanted = np.hstack([values * known, gaze_known]).astype(np.float32)
    shown, state = approach(wanted, state)
    if not shown.any():
        return motion, state
    row = Row.split(motion)
    pose, codes = row.pose.copy(), row.codes + shown[:, EMOTION] @ emotion_directions()
    pose[:, LOG_DISTANCE] += shown[:, DISTANCE][:, 0]
    if shown[:, -1].any():
        pose, codes = _look(pose, codes, shown[:, GAZE], shown[:, -1:])
    return stress_emotion(Row(pose, codes).join(), shown[:, :-1]), state


def approach(wanted: np.ndarray, state: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Low-pass what is asked for, twice: nothing on a face jumps.

    Args:
        wanted: (n, m) frame by frame.
        state: (2, m) what the call before returned; None before the first frame.

    Returns:
        (n, m) what is shown, and the state behind its last frame.
    """
    state = np.stack([wanted[0], wanted[0]]) if state is None else state.copy()
    kept = np.exp(-1 / (MOTION_RATE * REACH_SECONDS))
    shown = np.empty_like(wanted)
    for frame, value in enumerate(wanted):
        state[0] = value + kept * (state[0] - value)
        state[1] = state[0] + kept * (state[1] - state[0])
        shown[frame] = state[1]
    shown[np.abs(shown) < SMALLEST] = 0
    return shown, state


def hold_gaze(rows: np.ndarray, target: np.ndarray, strength: np.ndarray) -> np.ndarray:
    """Rows of motion that look somewhere.

    Args:
        rows: (n, 6 + D) or (n, 6 + D + 2).
        target: (n, 2) yaw and pitch, rad, against the portrait's own gaze.
        strength: (n, 1) 0 where the gaze is free to 1 where it is held.
    """
    row = Row.split(rows)
    pose, codes = _look(row.pose, row.codes, target, strength)
    return replace(row, pose=pose, codes=codes).join()


def _look(
    pose: np.ndarray, codes: np.ndarray, target: np.ndarray, strength: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Turn head and eyes to a gaze asked for; the eyes hold it while the head moves on, as the
    vestibulo-ocular reflex has them do.

    Args:
        pose: (n, 6).
        codes: (n, D).
        target: (n, 2) yaw and pitch, rad.
        strength: (n, 1) 0 where the gaze is free to 1 where it is asked for.
    """
    eyes = read_eye_turn(codes)
    pose = turn_heads(pose, target * HEAD_SHARE)
    held = target + WANDER_KEPT * eyes - head_gaze(pose)
    held = np.clip(held, -LARGEST_EYE_TURN, LARGEST_EYE_TURN)
    wanted = eyes + strength * (held - eyes)
    return pose, codes + encode_eye_turn(wanted) - encode_eye_turn(eyes)


def turn_heads(pose: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """(n, 6) poses with the head turned by (n, 2) yaw and pitch (rad) about the neck."""
    # Imported here: only a steered gaze needs it, and it takes a third of a second.
    from scipy.spatial.transform import Rotation

    axes = np.stack([-angles[:, 1], -angles[:, 0], np.zeros(len(angles))], axis=1)
    turn = Rotation.from_rotvec(axes)
    shift = (turn.apply(NECK_TO_HEAD) - NECK_TO_HEAD)[:, :2] / FACE_WIDTH
    turned = pose.copy()
    turned[:, TURN] = (turn * Rotation.from_rotvec(pose[:, TURN])).as_rotvec()
    turned[:, SHIFT] += shift.astype(np.float32)
    return turned
