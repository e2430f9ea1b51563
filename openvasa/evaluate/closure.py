"""Do the lips close on p, b and m? Judged on synthetic speech, whose sounds have exact times.

That bilabials must close the lips is the first rule of JALI (Edwards et al., TOG 35(4), 2016).
Needs `flite` (Debian package of the same name), which prints when each phone of a sentence ends.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import numpy as np

from openvasa.data.spoken import BILABIALS, VOICES, speak
from openvasa.evaluate.motion_metrics import aperture
from openvasa.face.dynamics import dynamics_code
from openvasa.rates import MOTION_RATE

SENTENCES = (
    "Papa bought a bubble pump from my mama.",
    "Bob maybe mopped up the apple jam in the lobby.",
    "People remember simple problems about big maps.",
    "My baby may bump a lamp by the pebble path.",
    "Somebody put the empty cup beside a warm lamp.",
    "Please bring me a bottle of pepper and some plums.",
)
OPEN_VOWELS = {"aa", "ae", "ah", "ao", "aw", "ay"}
CHANCES = 3
"""Times that each is said, every time to another seed."""
CLOSED = 0.12
"""Lip gap that passes for closed, canonical units (about a millimetre)."""

Make = Callable[[np.ndarray, int], np.ndarray]
"""Levelled samples and a seed → (T, 6 + D) motion."""


@dataclass(frozen=True)
class Closure:
    """Shares in 0–1: bilabials with closed lips, open vowels with closed lips (should be few)."""

    bilabials: float
    vowels: float
    count: int


def closure(make: Make) -> Closure:
    """Closure of the motion that `make` generates from levelled samples."""
    code = dynamics_code()
    lips: list[float] = []
    vowels: list[float] = []
    for seed, (voice, sentence) in enumerate(list(product(VOICES, SENTENCES)) * CHANCES):
        sound, phones = speak(sentence, voice)
        gap = aperture(code, make(sound, seed))
        for name, start, end in phones:
            if name in BILABIALS:
                # Closing may come a frame before or after the sound.
                first = int(np.floor(start * MOTION_RATE)) - 1
                last = int(np.ceil(end * MOTION_RATE)) + 1
                lips.append(gap[max(first, 0) : last].min() <= CLOSED)
            elif name in OPEN_VOWELS:
                middle = int((start + end) / 2 * MOTION_RATE)
                vowels.append(gap[min(middle, len(gap) - 1)] <= CLOSED)
    return Closure(float(np.mean(lips)), float(np.mean(vowels)), len(lips))
