"""What is done to generated motion beside the network, and why, in files and streams alike.

To measure one, generate without it: `openvasa evaluate motion --without NAME`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from openvasa.errors import InputError
from openvasa.face.dynamics import dynamics_code, lip_gap
from openvasa.maths import smoothstep
from openvasa.motion.articulation import PRESS, REACH
from openvasa.motion.row import Row
from openvasa.motion.window_network import MotionSpace

PRESS_FROM, PRESS_FULL = 0.15, 0.45
"""Reading at which lips begin to close for p, b and m, and from which on they are closed."""
REACH_FROM, REACH_FULL, LET_THROUGH = 0.3, 0.7, 0.4
"""Reading at which lips begin to part for the tongue's tip (th), from which on they let it through,
and the lip gap that takes, canonical units (4 mm): three quarters of the real mouths of the
training clips are open as far or farther there."""
CODE_LIMIT = 6.0
"""Standard deviations; real motion lies within."""


@dataclass(frozen=True)
class Moment:
    """What a correction may look at besides the motion of n frames that it corrects.

    Attributes:
        space: the network's normalised motion.
        head: spread of the speaker's head, of the average speaker's.
        reading: (n, ARTICULATION_DIM) what the articulation reader hears.
    """

    space: MotionSpace
    head: float
    reading: np.ndarray


@dataclass(frozen=True)
class Correction:
    """One thing that is done to generated motion.

    Attributes:
        name: by which it is left out.
        reason: what the network does without it.
        apply: (n, 6 + D) motion and its moment → the same shape.
    """

    name: str
    reason: str
    apply: Callable[[np.ndarray, Moment], np.ndarray]


def apply_corrections(
    corrections: Iterable[Correction], motion: np.ndarray, moment: Moment
) -> np.ndarray:
    """(n, 6 + D) motion after the corrections, in their order."""
    for correction in corrections:
        motion = correction.apply(motion, moment)
    return motion


def leave_out(corrections: tuple[Correction, ...], names: Iterable[str]) -> tuple[Correction, ...]:
    """The corrections without some.

    Raises:
        InputError: there is none of such a name.
    """
    known = [correction.name for correction in corrections]
    for name in names:
        if name not in known:
            raise InputError(f"correction {name}: unknown; choose of {', '.join(known)}")
    return tuple(correction for correction in corrections if correction.name not in set(names))


def limit_codes(motion: np.ndarray, moment: Moment) -> np.ndarray:
    """Motion within `CODE_LIMIT` deviations."""
    reach = CODE_LIMIT * moment.space.deviation
    low, high = moment.space.mean - reach, moment.space.mean + reach
    for limit in (low, high):
        Row.split(limit).pose[:] *= moment.head
    return np.clip(motion, low, high)


def articulate_lips(motion: np.ndarray, moment: Moment) -> np.ndarray:
    """Motion whose lips close for p, b and m and part where the tongue comes out."""
    row, reading = Row.split(motion), moment.reading
    let_through = LET_THROUGH * smoothstep(REACH_FROM, REACH_FULL, reading[:, REACH])
    pressed = smoothstep(PRESS_FROM, PRESS_FULL, reading[:, PRESS])
    gap_reading, opening = lip_opening()
    gap = row.codes @ gap_reading
    parted = np.maximum(gap, let_through)
    wanted = parted - np.maximum(parted, 0) * pressed
    return replace(row, codes=row.codes + (wanted - gap)[:, None] * opening).join()


@lru_cache(maxsize=1)
def lip_opening() -> tuple[np.ndarray, np.ndarray]:
    """(D,) float32 each: reads the lip gap off a code, and the code that opens it by one unit and
    moves mouth and jaw only."""
    code = dynamics_code()
    reading = lip_gap(code.basis)
    step = code.mouth_projection() @ reading
    return reading, step / (reading @ step)


CORRECTIONS = (
    Correction(
        "limit_codes", "strange audio throws the face further than any face goes", limit_codes
    ),
    Correction(
        "articulate_lips",
        "lips close by halves for p, b and m, and stay shut where the tongue comes out",
        articulate_lips,
    ),
)
