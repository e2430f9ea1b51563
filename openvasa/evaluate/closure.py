"""Do the lips close on p, b and m, and let the tongue through on th?

Judged on synthetic speech, whose sounds have exact times. That bilabials must close the lips is the
first rule of JALI (Edwards et al., TOG 35(4), 2016). Needs `flite` (Debian package of the same
name), which prints when each phone of a sentence ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from openvasa.data.spoken import BILABIALS, VOICES, speak
from openvasa.evaluate.motion_metrics import aperture
from openvasa.face.dynamics import dynamics_code
from openvasa.motion.correction import LET_THROUGH
from openvasa.rates import MOTION_RATE

SENTENCES = (
    "Papa bought a bubble pump from my mama.",
    "Bob maybe mopped up the apple jam in the lobby.",
    "People remember simple problems about big maps.",
    "My baby may bump a lamp by the pebble path.",
    "Somebody put the empty cup beside a warm lamp.",
    "Please bring me a bottle of pepper and some plums.",
)
DENTAL_SENTENCES = (
    "They think both thin teeth hurt.",
    "The other thing is worth nothing.",
    "Heather had three things of leather there.",
)
DENTALS = {"th", "dh"}
"""Phones for which the tongue's tip comes out."""
OPEN_VOWELS = {"aa", "ae", "ah", "ao", "aw", "ay"}
CHANCES = 3
CLOSED = 0.12
"""Lip gap that passes for closed, canonical units (about a millimetre)."""
PARTED = 0.9 * LET_THROUGH
"""Lip gap that passes for open enough for the tongue, canonical units."""

Make = Callable[[np.ndarray, int], np.ndarray]
"""Levelled samples and a seed → (T, 6 + D) motion."""


@dataclass(frozen=True)
class Closure:
    """What lips do for sounds that leave them no choice.

    Attributes:
        bilabials: share of p, b and m with closed lips, 0–1.
        vowels: share of open vowels with closed lips, which should be few.
        dentals: share of th, voiced or not, that let the tongue through.
        count, dental_count: bilabials and dentals judged.
    """

    bilabials: float
    vowels: float
    dentals: float
    count: int
    dental_count: int


@dataclass(frozen=True)
class _Spoken:
    """One phone: the lip gap in its middle, and those from a frame before to one after it."""

    phone: str
    middle: float
    around: np.ndarray


def closure(make: Make, chances: int = CHANCES) -> Closure:
    """Closure of the motion that `make` generates from levelled samples.

    Args:
        make: generates it.
        chances: times that each sentence is said, every time to another seed.
    """
    said = list(_say(make, SENTENCES, chances))
    lips = [s.around.min() <= CLOSED for s in said if s.phone in BILABIALS]
    vowels = [s.middle <= CLOSED for s in said if s.phone in OPEN_VOWELS]
    dentals = [
        s.around.max() >= PARTED
        for s in _say(make, DENTAL_SENTENCES, chances)
        if s.phone in DENTALS
    ]
    return Closure(
        bilabials=float(np.mean(lips)),
        vowels=float(np.mean(vowels)),
        dentals=float(np.mean(dentals)),
        count=len(lips),
        dental_count=len(dentals),
    )


def _say(make: Make, sentences: Sequence[str], chances: int) -> Iterator[_Spoken]:
    code = dynamics_code()
    for seed, (voice, sentence) in enumerate(list(product(VOICES, sentences)) * chances):
        sound, phones = speak(sentence, voice)
        gap = aperture(code, make(sound, seed))
        for name, start, end in phones:
            first = max(int(np.floor(start * MOTION_RATE)) - 1, 0)
            last = int(np.ceil(end * MOTION_RATE)) + 1
            middle = min(int((start + end) / 2 * MOTION_RATE), len(gap) - 1)
            yield _Spoken(name, float(gap[middle]), gap[first:last])
