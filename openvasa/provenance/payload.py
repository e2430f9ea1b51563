"""What the watermark says, and the code that carries it through damage.

44 bits (product, version, content id) go through a convolutional code of rate 1/4 and constraint
length 9, and are read back by soft-decision Viterbi decoding. The first 12 bits are the same in
every mark of ours: the coded bits that follow from them alone are what a reader synchronises on.
"""

from __future__ import annotations

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


def encode(content_id: int) -> np.ndarray:
    """The coded bits of our mark with this 32-bit content id, (CODED_BITS,) float32 of ±1."""
    if not 0 <= content_id < 1 << CONTENT_BITS:
        raise ValueError(f"content id {content_id}: not a {CONTENT_BITS}-bit number")
    message = (PRODUCT << 4 | VERSION) << CONTENT_BITS | content_id
    length = _PREFIX_BITS + CONTENT_BITS
    bits = [message >> shift & 1 for shift in reversed(range(length))]
    return _run(bits + [0] * _MEMORY)


def decode(soft: np.ndarray) -> np.ndarray:
    """The content ids that fit best; there is always one, so judge the fit.

    Args:
        soft: (n, CODED_BITS) float32, n words; positive where a bit is likely +1, any scale.

    Returns:
        (n,) int64.
    """
    signs, sources = _trellis()
    words = soft[:, KNOWN_CODED_BITS:].reshape(len(soft), -1, len(_GENERATORS)).astype(np.float32)
    steps = words.shape[1]
    states = np.arange(1 << _MEMORY)
    # A state's newest bit is its top bit, so it says by itself which bit led into it.
    newest = states >> (_MEMORY - 1)
    into = signs[sources, newest[:, None]]
    score = np.full((len(soft), len(states)), -np.inf, np.float32)
    score[:, _state_after_prefix()] = 0.0
    second = np.empty((steps, len(soft), len(states)), np.bool_)
    for step in range(steps):
        branches = into.reshape(-1, len(_GENERATORS)) @ words[:, step].T
        paths = score[:, sources] + branches.T.reshape(len(soft), len(states), 2)
        second[step] = paths[..., 1] > paths[..., 0]
        score = paths.max(axis=2)
    state = np.zeros(len(soft), np.int64)
    content_ids = np.zeros(len(soft), np.int64)
    for step in reversed(range(steps)):
        if step < CONTENT_BITS:
            content_ids |= newest[state] << (CONTENT_BITS - 1 - step)
        taken = second[step, np.arange(len(soft)), state].astype(np.int64)
        state = sources[state, taken]
    return content_ids


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
