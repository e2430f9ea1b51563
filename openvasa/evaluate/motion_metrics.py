"""Numbers about motion: does it go with the speech, and is it alive like a person."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from openvasa.data.blinks import BLINK_SHARE, blink_starts, lid_opening
from openvasa.face.canonical import TURN
from openvasa.face.dynamics import DynamicsCode, lip_gap
from openvasa.face.gaze import eye_gaze
from openvasa.face.topology import LEFT_BROW, LIPS, RIGHT_BROW
from openvasa.motion.row import Row
from openvasa.rates import MOTION_RATE

LONGEST_BLINK_MS = 500.0
"""Eyes shut for longer are resting (or, in drivers, asleep), not blinking."""


def aperture(code: DynamicsCode, motion: np.ndarray) -> np.ndarray:
    """(T,) gap between the inner lips, canonical units, of (T, 6 + D) motion."""
    return lip_gap(code.decode(Row.split(motion).codes))


def lip_velocity(code: DynamicsCode, motion: np.ndarray) -> np.ndarray:
    """(T - 1, 2 n) velocity of the lip points in x and y, canonical units a frame."""
    basis = code.basis[:, LIPS, :2].reshape(code.size, -1)
    return np.diff(Row.split(motion).codes @ basis, axis=0)


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson correlation of two arrays of one shape, flattened; 0 where one is constant.

    Of lips with the real clip's it stands for the landmark and velocity differences of MakeItTalk
    (Zhou et al., arXiv:2004.12992, D-LL and D-VL), which depend on the size of a mouth as well.
    """
    a, b = a.ravel() - a.mean(), b.ravel() - b.mean()
    norm = float(np.sqrt((a**2).sum() * (b**2).sum()))
    return float((a * b).sum() / norm) if norm > 1e-9 else 0.0


def pose_change(motion: np.ndarray) -> float:
    """Mean angle between the head poses of adjacent frames, degrees (ΔP of arXiv:2404.10667)."""
    rotation = Rotation.from_rotvec(Row.split(motion).pose[:, TURN])
    return float(np.degrees((rotation[1:] * rotation[:-1].inv()).magnitude()).mean())


def blinks_per_minute(code: DynamicsCode, motion: np.ndarray) -> float:
    """Rate of dips of the lid opening.

    People blink some 17 times a minute at rest and 26 times in conversation (Bentivoglio et al.,
    Movement Disorders 12(6), 1997).
    """
    return len(blink_starts(code, motion)) * 60 * MOTION_RATE / len(motion)


def blink_intervals(code: DynamicsCode, motion: np.ndarray) -> np.ndarray:
    """(n,) seconds from each blink's start to the next one's; people's are far from regular."""
    return np.diff(blink_starts(code, motion)) / MOTION_RATE


def blink_milliseconds(code: DynamicsCode, motion: np.ndarray) -> np.ndarray:
    """(n,) durations of the blinks that begin and end within the motion, at half depth.

    People awake take about 200 ms from the lid's first movement to its last (Caffier et al.,
    European Journal of Applied Physiology 89, 2003), less at half depth. Crossings lie between
    frames, by interpolation. Longer ones than `LONGEST_BLINK_MS` are left out.
    """
    opening = lid_opening(code, motion)
    usual = float(np.median(opening))
    spans = [_half_depth_span(opening, usual, int(at)) for at in blink_starts(code, motion)]
    found = np.array([1000 / MOTION_RATE * span for span in spans if span is not None])
    return found[found <= LONGEST_BLINK_MS]


def _half_depth_span(opening: np.ndarray, usual: float, start: int) -> float | None:
    """Frames for which the dip that begins at `start` is half as deep as it gets, or more.

    None where the motion begins or ends in it.
    """
    open_again = np.flatnonzero(opening[start:] >= BLINK_SHARE * usual)
    if not len(open_again):
        return None
    level = (usual + opening[start : start + open_again[0]].min()) / 2
    before = np.flatnonzero(opening[:start] >= level)
    after = np.flatnonzero(opening[start:] >= level)
    if not len(before) or not len(after):
        return None
    left, right = before[-1], start + after[0]
    shut = left + (opening[left] - level) / (opening[left] - opening[left + 1])
    opened = right - (opening[right] - level) / (opening[right] - opening[right - 1])
    return float(opened - shut)


def lip_activity(code: DynamicsCode, motion: np.ndarray) -> float:
    """Mean speed of the lip points, canonical units a frame; compare with real clips'.

    Amount of movement apart from its timing, as MakeItTalk's D-V (Zhou et al., arXiv:2004.12992).
    """
    velocity = lip_velocity(code, motion).reshape(len(motion) - 1, -1, 2)
    return float(np.linalg.norm(velocity, axis=2).mean())


def brow_activity(code: DynamicsCode, motion: np.ndarray) -> float:
    """Mean speed of the brows up and down, canonical units a frame.

    As the upper-face dynamics of CodeTalker (Xing et al., arXiv:2301.02379), which take the
    deviation over time: only beside the real clips' does it say anything.
    """
    brows = np.concatenate([RIGHT_BROW, LEFT_BROW])
    heights = Row.split(motion).codes @ code.basis[:, brows, 1]
    return float(np.abs(np.diff(heights, axis=0)).mean())


def gaze_spread(code: DynamicsCode, motion: np.ndarray) -> float:
    """Deviation of the eyes' yaw and pitch in the head, degrees, both together.

    How lively eyes are, as in Eyes Alive (Lee, Badler and Badler, TOG 21(3), 2002), whose saccades
    while talking are mostly below 10 degrees; compare with real clips'.
    """
    shift = Row.split(motion).codes @ np.sin(eye_gaze(code.basis))
    return float(np.degrees(np.sqrt(shift.var(axis=0).sum())))
