"""How much of a generated movement is shown, for head, brows, mouth and eyes each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from openvasa.errors import InputError
from openvasa.face.dynamics import dynamics_code, lid_gap
from openvasa.face.gaze import eye_directions, eye_reading
from openvasa.motion.row import Row

LARGEST = 3.0
"""Beyond it faces tear."""


@dataclass(frozen=True)
class Amount:
    """Factors of generated movement: 0 still, 1 as people move, 2 twice as far.

    Attributes:
        head, brows, mouth, eyes: what is scaled. Lids blink at any amount; `eyes` is their gaze.
    """

    head: float = 1.0
    brows: float = 1.0
    mouth: float = 1.0
    eyes: float = 1.0

    def __post_init__(self) -> None:
        """Check the ranges."""
        for name, value in vars(self).items():
            if not 0 <= value <= LARGEST:
                raise InputError(f"amount of {name} {value:g}: choose 0 to {LARGEST:g}")

    @property
    def factors(self) -> np.ndarray:
        """(4,) float32: head, brows, mouth, eyes."""
        return np.array([self.head, self.brows, self.mouth, self.eyes], np.float32)

    def times(self, other: Amount) -> Amount:
        """Both, one on top of the other, within `LARGEST`."""
        return Amount(*np.minimum(self.factors * other.factors, LARGEST).tolist())


PRESETS = {
    "calm": Amount(head=0.5, brows=0.6, mouth=0.9, eyes=0.7),
    "natural": Amount(),
    "lively": Amount(head=1.5, brows=1.5, mouth=1.1, eyes=1.2),
}


@dataclass(frozen=True)
class CodeParts:
    """Facial dynamics taken apart: the parts of a code add up to it.

    Attributes:
        mouth, gaze, lids: (D, D) float32, `codes @ matrix` is the part.
    """

    mouth: np.ndarray
    gaze: np.ndarray
    lids: np.ndarray


@lru_cache(maxsize=1)
def code_parts() -> CodeParts:
    """The parts of the shipped code; what is left beside them moves brows and cheeks."""
    code = dynamics_code()
    mouth = code.mouth_projection().T
    gaze = eye_reading() @ eye_directions()
    reading = lid_gap(code.basis)
    upper = reading - reading @ mouth.T
    lids = np.outer(reading, upper) / (reading @ upper)
    rest = np.eye(code.size) - mouth
    return CodeParts(*(m.astype(np.float32) for m in (mouth, gaze @ rest, lids @ rest)))


def scale_motion(motion: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """(n, 6 + D) motion with every movement as large as asked for, around rest.

    Args:
        motion: as generated.
        factors: (4,) or (n, 4) of head, brows, mouth and eyes, as `Amount.factors`.
    """
    if (factors == 1).all():
        return motion
    head, around, lips, look = np.moveaxis(np.atleast_2d(factors)[..., None], 1, 0)
    row, parts = Row.split(motion), code_parts()
    codes = row.codes
    mouth, lids = codes @ parts.mouth, codes @ parts.lids
    gaze = (codes - lids) @ parts.gaze
    brows = codes - mouth - lids - gaze
    scaled = lips * mouth + lids + look * gaze + around * brows
    return Row(head * row.pose, scaled).join()
