"""Speaking style of a clip, measured from its motion."""

from __future__ import annotations

import numpy as np

from openvasa.data.blinks import blink_starts
from openvasa.face.canonical import TURN
from openvasa.face.dynamics import dynamics_code, lip_gap
from openvasa.face.gaze import eye_reading
from openvasa.face.landmarker import BLENDSHAPE_NAMES
from openvasa.face.topology import LEFT_BROW, RIGHT_BROW
from openvasa.motion.row import Row
from openvasa.motion.speaker import STYLE_NAMES
from openvasa.rates import MOTION_RATE

FLOORS = np.array([0.02, 0.005, 0.01, 0.003, 3e-4, 0.01, 0.005, 4.0])
"""Added to each figure before its logarithm: what a tracker makes of a face that does not move."""
BLINKS = STYLE_NAMES.index("blinks")
"""The number of a style that says how often a person blinks."""
DOUBT_SECONDS = 3.0
"""A clip of this length says as much of a person's head as people in general do."""


def measure_style(motion: np.ndarray) -> np.ndarray:
    """(T, 6 + D) motion → (8,) float32 logarithms, in the order of `speaker.STYLE_NAMES`."""
    code, row = dynamics_code(), Row.split(motion)
    codes = row.codes
    brows = code.basis[:, np.concatenate([RIGHT_BROW, LEFT_BROW]), 1].mean(axis=1)
    gaze = codes @ eye_reading()
    rounding = _read("mouthPucker") + _read("mouthFunnel")
    smile = (_read("mouthSmileLeft") + _read("mouthSmileRight")) / 2
    figures = [
        (codes @ lip_gap(code.basis)).std(),
        (codes @ rounding).std(),
        (codes @ smile).std(),
        head_spread(motion),
        np.linalg.norm(np.diff(row.pose[:, TURN], axis=0), axis=1).mean(),
        (codes @ brows).std(),
        np.sqrt(gaze.var(axis=0).sum()),
        len(blink_starts(code, motion)) * 60 * MOTION_RATE / len(codes),
    ]
    return np.log(np.array(figures) + FLOORS).astype(np.float32)


def head_spread(motion: np.ndarray) -> float:
    """Deviation of the head's rotation in a clip, rad, root mean square over the axes."""
    return float(np.sqrt(Row.split(motion).pose[:, TURN].var(axis=0).mean()))


def estimate_head_factor(motion: np.ndarray, usual: float) -> float:
    """How far a clip's head moves against people in general, drawn to 1 where a clip is short.

    Args:
        motion: (T, 6 + D).
        usual: logarithm of the usual spread.
    """
    seconds = len(motion) / MOTION_RATE
    spread = np.log(head_spread(motion) + 1e-3)
    return float(np.exp((spread - usual) * seconds / (seconds + DOUBT_SECONDS)))


def _read(blendshape: str) -> np.ndarray:
    """(D,) reading of a blendshape off a code."""
    return dynamics_code().arkit_reading[:-1, BLENDSHAPE_NAMES.index(blendshape)]
