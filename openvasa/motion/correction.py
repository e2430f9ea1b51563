"""What is done to generated motion beside the network, and why, in files and streams alike.

What each is worth stands in the table `corrections` of `openvasa/assets/figures.json`, which
`openvasa evaluate corrections CACHE` measures. To judge all motion without one: `openvasa evaluate
motion --without NAME`.
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

PRESS_FROM, PRESS_FULL = 0.15, 0.45
"""Reading at which lips begin to close for p, b and m, and from which on they are closed."""
REACH_FROM, REACH_FULL, LET_THROUGH = 0.3, 0.7, 0.4
"""Reading at which lips begin to part for the tongue's tip (th), from which on they let it through,
and the lip gap that takes, canonical units (4 mm): three quarters of the real mouths of the
training clips are open as far or farther there."""


@dataclass(frozen=True)
class Correction:
    """One thing that is done to generated motion.

    Attributes:
        name: by which it is left out.
        reason: what the network does without it.
        apply: (n, 6 + D) motion and the (n, ARTICULATION_DIM) that the articulation reader hears
            in its speech → the same shape.
    """

    name: str
    reason: str
    apply: Callable[[np.ndarray, np.ndarray], np.ndarray]


def apply_corrections(
    corrections: Iterable[Correction], motion: np.ndarray, reading: np.ndarray
) -> np.ndarray:
    """(n, 6 + D) motion after the corrections, in their order."""
    for correction in corrections:
        motion = correction.apply(motion, reading)
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


def part_lips(motion: np.ndarray, reading: np.ndarray) -> np.ndarray:
    """Motion whose lips part where the tongue comes out."""
    row = Row.split(motion)
    gap = read_gap(row.codes)
    let_through = LET_THROUGH * smoothstep(REACH_FROM, REACH_FULL, reading[:, REACH])
    return open_lips(row, np.maximum(let_through - gap, 0))


def press_lips(motion: np.ndarray, reading: np.ndarray) -> np.ndarray:
    """Motion whose lips close for p, b and m."""
    row = Row.split(motion)
    pressed = smoothstep(PRESS_FROM, PRESS_FULL, reading[:, PRESS])
    return open_lips(row, -np.maximum(read_gap(row.codes), 0) * pressed)


def read_gap(codes: np.ndarray) -> np.ndarray:
    """(n,) lip gaps of (n, D) codes, canonical units."""
    return codes @ lip_opening()[0]


def open_lips(row: Row, change: np.ndarray) -> np.ndarray:
    """(n, 6 + D) motion whose lips are open by (n,) canonical units more."""
    return replace(row, codes=row.codes + change[:, None] * lip_opening()[1]).join()


@lru_cache(maxsize=1)
def lip_opening() -> tuple[np.ndarray, np.ndarray]:
    """(D,) float32 each: reads the lip gap off a code, and the code that opens it by one unit and
    moves mouth and jaw only."""
    code = dynamics_code()
    reading = lip_gap(code.basis)
    step = code.mouth_projection() @ reading
    return reading, step / (reading @ step)


CORRECTIONS = (
    Correction("part_lips", "lips stay shut where the tongue comes out (th)", part_lips),
    Correction("press_lips", "lips close by halves for p, b and m", press_lips),
)
