"""What the watermark says, and the code that carries it through damage.

44 bits (product, version, content id) go through a convolutional code of rate 1/4 and constraint
length 9, and are read back by soft-decision Viterbi decoding. The first 12 bits are the same in
every mark of ours: the coded bits that follow from them alone are what a reader synchronises on.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

PRODUCT = 0xA5
"""OpenVASA, as the watermark names it."""
VERSION = 1
"""Layout of the payload and pattern; another layout gets another number."""

_PREFIX_BITS = 8 + 4
CONTENT_BITS = 32
_MEMORY = 8
# Generators of the rate 1/4 code with constraint length 9 and free distance 24 (Larsen, "Short
# convolutional codes with maximal free distance for rates 1/2, 1/3 and 1/4", IEEE Trans. IT 1973).
_GENERATORS = (0o463, 0o535, 0o733, 0o745)
CODED_BITS = (_PREFIX_BITS + CONTENT_BITS + _MEMORY) * len(_GENERATORS)
KNOWN_CODED_BITS = _PREFIX_BITS * len(_GENERATORS)
"""So many coded bits, the first ones, do not depend on the content id."""


@dataclass(frozen=True)
class Decoded:
    """The message that fits best.

    Attributes:
        content_id: 32 bits.
        coded: (CODED_BITS,) float32 of ±1, the coded bits it stands for.
    """

    content_id: int
    coded: np.ndarray


def encode(content_id: int) -> np.ndarray:
    """The coded bits of our mark with this 32-bit content id, (CODED_BITS,) float32 of ±1."""
    if not 0 <= content_id < 1 << CONTENT_BITS:
        raise ValueError(f"content id {content_id}: not a {CONTENT_BITS}-bit number")
    message = (PRODUCT << 4 | VERSION) << CONTENT_BITS | content_id
    length = _PREFIX_BITS + CONTENT_BITS
    bits = [message >> shift & 1 for shift in reversed(range(length))]
    return _run(bits + [0] * _MEMORY)


def decode(soft: np.ndarray) -> Decoded:
    """The content id that fits best; there is always one, so judge the fit.

    Args:
        soft: (CODED_BITS,) float32, positive where a bit is likely +1; any common scale.
    """
    signs, sources = _trellis()
    steps = soft[KNOWN_CODED_BITS:].reshape(-1, len(_GENERATORS)).astype(np.float32)
    states = np.arange(1 << _MEMORY)
    # A state's newest bit is its top bit, so it says by itself which bit led into it.
    newest = states >> (_MEMORY - 1)
    score = np.full(len(states), -np.inf, np.float32)
    score[_state_after_prefix()] = 0.0
    came_from = np.empty((len(steps), len(states)), np.int64)
    for step, received in enumerate(steps):
        branches = signs @ received
        paths = score[sources] + branches[sources, newest[:, None]]
        better = paths.argmax(axis=1)
        came_from[step] = sources[states, better]
        score = paths[states, better]
    state, content_id = 0, 0
    for step in reversed(range(len(steps))):
        if step < CONTENT_BITS:
            content_id |= int(newest[state]) << (CONTENT_BITS - 1 - step)
        state = came_from[step, state]
    return Decoded(content_id, encode(content_id))


def _run(bits: list[int]) -> np.ndarray:
    signs, _ = _trellis()
    coded, state = [], 0
    for bit in bits:
        coded.append(signs[state, bit])
        state = _next_state(state, bit)
    return np.concatenate(coded)


def _state_after_prefix() -> int:
    state, prefix = 0, PRODUCT << 4 | VERSION
    for shift in reversed(range(_PREFIX_BITS)):
        state = _next_state(state, prefix >> shift & 1)
    return state


def _next_state(state: int, bit: int) -> int:
    return (bit << _MEMORY | state) >> 1


@lru_cache(maxsize=1)
def _trellis() -> tuple[np.ndarray, np.ndarray]:
    """Outputs (states, 2 input bits, 4) of ±1, and each state's two predecessors (states, 2)."""
    count = 1 << _MEMORY
    signs = np.empty((count, 2, len(_GENERATORS)), np.float32)
    sources: list[list[int]] = [[] for _ in range(count)]
    for state in range(count):
        for bit in (0, 1):
            register = bit << _MEMORY | state
            parity = [(register & generator).bit_count() & 1 for generator in _GENERATORS]
            signs[state, bit] = [2 * value - 1 for value in parity]
            sources[_next_state(state, bit)].append(state)
    return signs, np.array(sources)
