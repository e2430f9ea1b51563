"""How much of a movement is drawn, so that it is seen as it is meant.

Skin that really moves changes its light and its folds; a warped picture does not, so less of a
movement is seen in it. `openvasa train drawing` measures how much on redrawn clips, code by code
(the model card `drawing.md` says what it found), and what is drawn undoes it.
How far lips and eyes are open is drawn as it is: a closed mouth has to meet.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from openvasa.assets import ASSETS
from openvasa.face.dynamics import DynamicsCode, lid_gap, lip_gap
from openvasa.face.landmarker import BLENDSHAPE_NAMES

DRAWING_FILE = ASSETS / "drawing.npz"

_OPENINGS = (("jawOpen",), ("eyeBlinkLeft", "eyeBlinkRight"))
"""Blendshapes along which the openings of lips and eyes are kept."""


def undo_response(seen: np.ndarray, code: DynamicsCode) -> np.ndarray:
    """The drawing that makes up for what is not seen, openings kept.

    Args:
        seen: (D,) how much of each drawn code is seen.
        code: the dynamics code.

    Returns:
        (D, D) float32; `codes @ drawing` is what to draw.
    """
    openings = np.stack([lip_gap(code.basis), lid_gap(code.basis)], axis=1)
    along = np.stack(
        [
            sum(code.arkit_directions[BLENDSHAPE_NAMES.index(name)] for name in names)
            for names in _OPENINGS
        ]
    )
    along = np.linalg.solve(along @ openings, along)
    drawing = np.diag(1 / seen)
    return (drawing + (openings - drawing @ openings) @ along).astype(np.float32)


@lru_cache(maxsize=1)
def shipped_drawing() -> np.ndarray:
    """(D, D) float32: `codes @ drawing` is what to draw."""
    with np.load(DRAWING_FILE) as data:
        return data["drawing"].astype(np.float32)


def draw_codes(codes: np.ndarray) -> np.ndarray:
    """(..., D) codes that are to be seen → (..., D) codes to draw."""
    return codes @ shipped_drawing()


def meant_codes(drawn: np.ndarray) -> np.ndarray:
    """Undo `draw_codes`, for a renderer in whose pictures all of a movement is seen."""
    return np.linalg.solve(shipped_drawing().T, drawn.T).T
