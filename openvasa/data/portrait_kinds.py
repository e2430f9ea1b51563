"""Frames of one clip that make easy and awkward portraits of one person, chosen from its track."""

from __future__ import annotations

import numpy as np

from openvasa.data.prepare import Track
from openvasa.data.redraw import neutral_frame
from openvasa.face.canonical import TURN
from openvasa.face.dynamics import lid_gap, lip_gap
from openvasa.face.gaze import eye_gaze
from openvasa.face.landmarker import BLENDSHAPE_NAMES
from openvasa.motion.rest import smooth_shape
from openvasa.motion.row import Row

NEUTRAL = "neutral"
SMILING, OPEN, AVERTED, NARROWED = "smiling", "mouth open", "looking away", "eyes narrowed"
KINDS = (NEUTRAL, SMILING, OPEN, AVERTED, NARROWED)

LEAST_SMILE = 0.2
"""By which a smile is above the neutral frame's, of the blendshape's 0–1."""
LEAST_OPENING = 0.5
"""By which a mouth is farther open than in the neutral frame, canonical units."""
LEAST_GAZE = np.radians(12.0)
"""By which eyes are turned from where they usually look."""
NARROWED_LIDS = 0.45, 0.75
"""Lid opening over the usual one: below it eyes are shut, which no portrait is."""
AWAKE = 0.8
"""Lid opening over the usual one from which a gaze is looked at."""
MOST_TURN = np.radians(15.0)
"""Of the head from its rest: what is asked is about the face, not the head."""

_SMILE = [BLENDSHAPE_NAMES.index(f"mouthSmile{side}") for side in ("Left", "Right")]


def find_portraits(track: Track, rows: np.ndarray) -> dict[str, int]:
    """Number of the frame that is most of each kind; kinds that the clip does not show are absent.

    Args:
        track: what the tracker saw, T frames.
        rows: (T, 6 + D) the same as motion against the person's rest.
    """
    neutral = neutral_frame(rows)
    shape = smooth_shape(track.canonical)
    lids = lid_gap(shape)
    lids = lids / np.median(lids)
    gap, smile = lip_gap(shape), track.blendshapes[:, _SMILE].mean(axis=1)
    gaze = np.linalg.norm(eye_gaze(shape - np.median(shape, axis=0)), axis=1)
    turned = np.linalg.norm(Row.split(rows).pose[:, TURN], axis=1)
    seen = track.valid & (turned <= MOST_TURN)
    awake = seen & (lids >= AWAKE)
    found = {
        SMILING: _most(smile, awake & (smile >= smile[neutral] + LEAST_SMILE)),
        OPEN: _most(gap, awake & (gap >= gap[neutral] + LEAST_OPENING)),
        AVERTED: _most(gaze, awake & (gaze >= gaze[neutral] + LEAST_GAZE)),
        NARROWED: _most(-lids, seen & (lids > NARROWED_LIDS[0]) & (lids < NARROWED_LIDS[1])),
    }
    return {NEUTRAL: neutral} | {kind: at for kind, at in found.items() if at is not None}


def _most(values: np.ndarray, among: np.ndarray) -> int | None:
    """Where values are largest among those asked for; None where none is asked for."""
    return int(np.argmax(np.where(among, values, -np.inf))) if among.any() else None
