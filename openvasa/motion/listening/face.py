"""What listening does to a face: nods, blinks, brows, a smile back, a shut mouth."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from functools import lru_cache

import numpy as np

from openvasa.face.canonical import PITCH
from openvasa.face.dynamics import dynamics_code, lid_gap
from openvasa.face.gaze import nearest_codes
from openvasa.face.topology import (
    LEFT_BROW,
    LEFT_IRIS,
    LEFT_LID_PAIRS,
    LIPS,
    POINTS,
    RIGHT_BROW,
    RIGHT_IRIS,
    RIGHT_LID_PAIRS,
)
from openvasa.maths import smoothstep
from openvasa.motion.correction import lip_opening
from openvasa.motion.emotion_directions import encode_actions, leave_gaze_and_lips
from openvasa.motion.row import Row

UPPER_SHARE = 0.85
"""Share of a blink that the upper lid takes; the lower hardly moves."""
CLOSING_SHARE = 0.35
"""Share of a blink in which the lid falls; it rises more slowly (Caffier et al., European Journal
of Applied Physiology 89, 2003)."""


class Act(Enum):
    """What a listener does once, from its beginning to rest."""

    NOD = "nod"
    BLINK = "blink"
    RAISE = "raise"
    STARTLE = "startle"


@dataclass(frozen=True)
class Gesture:
    """One act.

    Attributes:
        act: which.
        start: row it begins at.
        length: rows it lasts.
        size: rad of a nod, `browInnerUp` of raised brows, share closed of a blink.
    """

    act: Act
    start: float
    length: float
    size: float

    def amount(self, row: int) -> float:
        """How much of it is shown at a row."""
        share = (row + 0.5 - self.start) / self.length
        if not 0 < share < 1:
            return 0.0
        if self.act is Act.NOD:
            return self.size * _nod(share)
        if self.act is Act.BLINK:
            return self.size * float(
                smoothstep(0, CLOSING_SHARE, share) * smoothstep(1, CLOSING_SHARE, share)
            )
        return self.size * float(smoothstep(0, 0.25, share) * smoothstep(1, 0.5, share))


@dataclass(frozen=True)
class Reaction:
    """What listening adds to one row, already weighted.

    Attributes:
        nod: rad, downward turn of the head.
        blink: share closed of the lids.
        brows, wide, smile: change of the raised brows, of wide eyes and of the smile.
        quiet: how far the mouth is kept shut, 0–1.
    """

    nod: float = 0.0
    blink: float = 0.0
    brows: float = 0.0
    wide: float = 0.0
    smile: float = 0.0
    quiet: float = 0.0


def lay_reactions(rows: np.ndarray, reactions: list[Reaction]) -> np.ndarray:
    """(n, 6 + D + 2) rows of motion and their n reactions → rows that listen."""
    row, looks = Row.split(rows), _looks()
    pose, codes = row.pose.copy(), row.codes.copy()
    pose[:, PITCH] += [reaction.nod for reaction in reactions]
    for name, direction in looks.added.items():
        codes += np.array([[getattr(reaction, name)] for reaction in reactions]) * direction
    missing = codes @ looks.lids - looks.shut
    closing = np.maximum(missing, 0) * [reaction.blink for reaction in reactions]
    codes -= closing[:, None] * looks.lids_opening
    gap, quiet = codes @ looks.lips, np.array([reaction.quiet for reaction in reactions])
    codes -= (np.maximum(gap, 0) * quiet)[:, None] * looks.lips_opening
    return replace(row, pose=pose, codes=codes).join()


@dataclass(frozen=True)
class _Looks:
    """Readings and directions of the code.

    Attributes:
        added: (D,) of one unit of brows, wide eyes and smile, by the name in `Reaction`.
        lips, lids: (D,) read the opening of lips and lids, canonical units.
        lips_opening, lids_opening: (D,) open them by one unit.
        shut: the reading of lids that are shut.
    """

    added: dict[str, np.ndarray]
    lips: np.ndarray
    lips_opening: np.ndarray
    lids: np.ndarray
    lids_opening: np.ndarray
    shut: float


@lru_cache(maxsize=1)
def _looks() -> _Looks:
    code = dynamics_code()
    actions = {
        "brows": {"browInnerUp": 1.0, "browOuterUp": 1.0},
        "wide": {"eyeWide": 1.0},
        "smile": {"mouthSmile": 1.0, "eyeSquint": 0.3},
    }
    drawn = leave_gaze_and_lips(np.stack([encode_actions(action) for action in actions.values()]))
    lids = lid_gap(code.basis)
    lips, lips_opening = lip_opening()
    return _Looks(
        added=dict(zip(actions, drawn, strict=True)),
        lips=lips,
        lips_opening=lips_opening,
        lids=lids,
        lids_opening=_lid_opening(lids),
        shut=-float(lid_gap(code.mean_shape)),
    )


def _lid_opening(lids: np.ndarray) -> np.ndarray:
    """(D,) code that opens the lids by one unit and leaves gaze, lips and brows.

    Said in points, not as a blendshape: that of a blink, as fitted on the clips, pulls the brows
    down.
    """
    targets, weights = np.zeros((1, POINTS, 3), np.float32), np.full(POINTS, 0.3, np.float32)
    upper, lower = np.concatenate([RIGHT_LID_PAIRS, LEFT_LID_PAIRS]).T
    targets[0, upper, 1], targets[0, lower, 1] = -UPPER_SHARE, 1 - UPPER_SHARE
    weights[np.concatenate([RIGHT_BROW, LEFT_BROW, RIGHT_IRIS, LEFT_IRIS, LIPS])] = 1
    weights[np.concatenate([upper, lower])] = 4
    code = nearest_codes(targets, weights)[0]
    return code / (code @ lids)


def _nod(share: float) -> float:
    """Down by 1, back up past rest by a little, and to rest; depth 1 from top to bottom."""
    return 1.19 * float(np.sin(np.pi * share) ** 2 * np.cos(0.6 * np.pi * share))
