"""Are the lips right in any language? What phonetics says, without an expert that has to know it.

Bilabials close the lips, and rounded vowels make the mouth narrower than spread ones, whoever
speaks. eSpeak NG tells when it says which sound.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from openvasa.data.phonetics import ROUNDED, SPREAD, Sound, kind_of_sound
from openvasa.data.spoken import Phones
from openvasa.evaluate.closure import CLOSED
from openvasa.face.dynamics import dynamics_code, lip_gap
from openvasa.face.topology import INNER_LIPS
from openvasa.motion.row import Row
from openvasa.rates import MOTION_RATE

_CORNERS = INNER_LIPS[0], INNER_LIPS[len(INNER_LIPS) // 2]


@dataclass(frozen=True)
class LipFigures:
    """What generated lips do for the sounds of a language.

    Attributes:
        bilabials: share of p, b and m with closed lips, 0–1.
        open_vowels: share of open vowels with closed lips, which should be few.
        rounding: how much narrower the mouth is in rounded vowels than in spread ones, mm.
        told_apart: share of pairs of a rounded and a spread vowel of which the rounded one's mouth
            is narrower; 0.5 is chance.
        count: bilabials judged.
    """

    bilabials: float
    open_vowels: float
    rounding: float
    told_apart: float
    count: int


def judge_lips(made: Iterable[tuple[np.ndarray, Phones]]) -> LipFigures:
    """Figures of motions (T, 6 + D), each with the sounds that it was made from."""
    closed: dict[Sound, list[bool]] = {Sound.BILABIAL: [], Sound.OPEN: []}
    widths: dict[Sound, list[float]] = {sound: [] for sound in (*ROUNDED, *SPREAD)}
    for motion, phones in made:
        shapes = dynamics_code().decode(Row.split(motion).codes)
        gap, width = lip_gap(shapes), 10 * mouth_width(shapes)
        for name, start, end in phones:
            kind = kind_of_sound(name)
            middle = min(int((start + end) / 2 * MOTION_RATE), len(gap) - 1)
            if kind == Sound.BILABIAL:
                first = max(int(np.floor(start * MOTION_RATE)) - 1, 0)
                around = gap[first : int(np.ceil(end * MOTION_RATE)) + 1]
                closed[kind].append(bool(len(around)) and around.min() <= CLOSED)
            elif kind == Sound.OPEN:
                closed[kind].append(gap[middle] <= CLOSED)
            elif kind in widths:
                widths[kind].append(float(width[middle]))
    rounded = np.array([value for kind in ROUNDED for value in widths[kind]])
    spread = np.array([value for kind in SPREAD for value in widths[kind]])
    return LipFigures(
        bilabials=_mean(closed[Sound.BILABIAL]),
        open_vowels=_mean(closed[Sound.OPEN]),
        rounding=_mean(spread) - _mean(rounded),
        told_apart=_mean(rounded[:, None] < spread),
        count=len(closed[Sound.BILABIAL]),
    )


def mouth_width(shapes: np.ndarray) -> np.ndarray:
    """(T, 478, 3) → (T,) distance of the mouth's inner corners in x, canonical units."""
    one, other = _CORNERS
    return np.abs(shapes[:, one, 0] - shapes[:, other, 0] + _resting_width())


def _resting_width() -> float:
    """Signed like the distance that it is added to."""
    mean, (one, other) = dynamics_code().mean_shape, _CORNERS
    return float(mean[one, 0] - mean[other, 0])


def _mean(values) -> float:
    return float(np.mean(values)) if np.size(values) else float("nan")
