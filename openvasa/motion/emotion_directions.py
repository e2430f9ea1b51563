"""What each emotion adds to the code of a face.

Happiness and surprise are facial actions; sadness and anger are said in points of the face. All of
them say what a warp is to draw; a row holds the motion that is drawn as that
(`motion.drawing.meant_codes`).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np

from openvasa.face.dynamics import dynamics_code, lip_gap
from openvasa.face.gaze import iris_shifts, nearest_codes
from openvasa.face.landmarker import BLENDSHAPE_NAMES, find_blendshapes
from openvasa.face.topology import POINTS
from openvasa.motion.controls import EMOTIONS
from openvasa.motion.drawing import meant_codes

LIP_GAPS = {"happy": 0.15, "surprised": 0.5}
"""How far an emotion at full intensity keeps the mouth open, canonical units."""

_EXPRESSIONS: dict[str, dict[str, float]] = {
    "happy": {"mouthSmile": 2.15, "eyeSquint": 0.65},
    "surprised": {"browInnerUp": 1.0, "browOuterUp": 1.25, "eyeWide": 1.0, "jawOpen": 0.15},
}
"""Facial actions of emotions (Ekman & Friesen's EMFACS, as ARKit blendshapes)."""

_INNER_BROWS = np.array([107, 55, 336, 285])
_MIDDLE_BROWS = np.array([66, 65, 105, 52, 296, 295, 334, 282])
_OUTER_BROWS = np.array([63, 53, 70, 46, 293, 283, 300, 276])
_MOUTH_CORNERS = np.array([61, 78, 291, 308])
_UPPER_LIDS = np.array([158, 159, 160, 385, 386, 387])
_LOWER_LIDS = np.array([144, 145, 153, 373, 374, 380])
_STILL_LIPS = np.array([13, 14, 312, 317, 82, 87])


@lru_cache(maxsize=1)
def emotion_directions() -> np.ndarray:
    """(4, D) float32: change of a row's codes for each emotion at full intensity.

    Drawn, irises are left where gaze puts them, and the lip gap but for `LIP_GAPS` where speech
    does.
    """
    drawn = {name: encode_actions(actions) for name, actions in _EXPRESSIONS.items()}
    drawn |= {"angry": encode_anger(), "sad": encode_sadness()}
    gaps = np.array([LIP_GAPS.get(name, 0.0) for name in EMOTIONS])
    return meant_codes(leave_gaze_and_lips(np.stack([drawn[name] for name in EMOTIONS]), gaps))


def leave_gaze_and_lips(codes: np.ndarray, lip_gaps: np.ndarray | float = 0.0) -> np.ndarray:
    """(n, D) changes of code → the nearest float32 ones that move no iris and open the lips by
    `lip_gaps` (canonical units)."""
    basis = dynamics_code().basis
    constraints = np.column_stack([iris_shifts(basis), lip_gap(basis)])
    unwanted = codes @ constraints
    unwanted[:, -1] -= lip_gaps
    correction = np.linalg.lstsq(constraints.T, unwanted.T, rcond=None)[0].T
    return (codes - correction).astype(np.float32)


def encode_actions(amounts: Mapping[str, float]) -> np.ndarray:
    """(D,) code of facial actions, amounts by ARKit blendshape; both sides where it has sides."""
    shapes = np.zeros(len(BLENDSHAPE_NAMES), np.float32)
    for action, amount in amounts.items():
        shapes[find_blendshapes(action)] = amount
    return dynamics_code().from_arkit(shapes)


_Moves = list[tuple[np.ndarray, float, float]]
"""Points, how far down they move (canonical units), and how much that counts."""


def encode_sadness() -> np.ndarray:
    """(D,) code of inner brows up and mouth corners down.

    Said in points, not blendshapes: the clips hold too few frowns to fit theirs.
    """
    moves: _Moves = [(_INNER_BROWS, -1.2, 2), (_MIDDLE_BROWS, -0.5, 2), (_OUTER_BROWS, 0.3, 2)]
    moves += [(_UPPER_LIDS, 0, 3), (_LOWER_LIDS, 0, 3), (_MOUTH_CORNERS, 0.8, 3)]
    return nearest_codes(*_targets([*moves, (_STILL_LIPS, 0, 4)]))[0]


def encode_grief() -> np.ndarray:
    """(D,) code of what `encode_sadness` lacks to be told from thought: brows that stand steep."""
    moves: _Moves = [(_INNER_BROWS, -1.4, 2), (_MIDDLE_BROWS, -0.9, 2), (_OUTER_BROWS, -0.1, 2)]
    moves += [(_UPPER_LIDS, 0, 3), (_LOWER_LIDS, 0, 3), (_MOUTH_CORNERS, 0.7, 3)]
    return nearest_codes(*_targets([*moves, (_STILL_LIPS, 0, 4)]))[0]


def encode_anger() -> np.ndarray:
    """(D,) code of brows drawn down and together over eyes that stay open, mouth corners down.

    Said in points: the blendshape of lowered brows, as fitted on the clips, closes the eyes too.
    """
    moves: _Moves = [(_INNER_BROWS, 0.9, 3), (_MIDDLE_BROWS, 0.7, 2), (_OUTER_BROWS, 0, 1)]
    moves += [(_UPPER_LIDS, 0.05, 4), (_LOWER_LIDS, -0.08, 4), (_MOUTH_CORNERS, 0.6, 3)]
    targets, weights = _targets([*moves, (_STILL_LIPS, 0, 3)])
    for points, apart in ((_INNER_BROWS, -0.25), (_MOUTH_CORNERS, 0.1)):
        side = np.sign(dynamics_code().mean_shape[points, 0])
        targets[0, points, 0] = side * apart
    return nearest_codes(targets, weights)[0]


def _targets(moves: _Moves) -> tuple[np.ndarray, np.ndarray]:
    """(1, 478, 3) shape change and (478,) weights for `nearest_codes`; the rest had better stay."""
    targets = np.zeros((1, POINTS, 3), np.float32)
    weights = np.full(POINTS, 0.3, np.float32)
    for points, down, weight in moves:
        targets[0, points, 1] = down
        weights[points] = weight
    return targets, weights
