"""Bring speech to one standard level before any model hears it."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from openvasa.rates import SAMPLE_RATE

TARGET_DBFS = -20.0
SILENCE_DBFS = -60.0
LARGEST_CUT_DB = -12.0
LARGEST_BOOST_DB = 30.0

_WINDOW = SAMPLE_RATE * 40 // 1000
_BINS_PER_DB = 10
_EDGES_DB = np.arange(SILENCE_DBFS * _BINS_PER_DB, _BINS_PER_DB * 6 + 1) / _BINS_PER_DB


def speech_gain(blocks: Iterable[np.ndarray]) -> float:
    """Linear gain that puts the loud part of speech at -20 dBFS.

    `blocks`: mono float32 16 kHz arrays of any lengths, as from `read_blocks`. The level is the
    95th percentile of the RMS over 40 ms windows (0 dBFS = RMS 1), among windows above -60 dBFS so
    that long pauses do not change it. It is read from a histogram of 0.1 dB bins: memory stays
    constant for any length. The gain is limited to [-12 dB, +30 dB]; all-silent sound gets 1.0.
    """
    counts = np.zeros(len(_EDGES_DB) - 1, np.int64)
    rest = np.zeros(0, np.float32)
    for block in blocks:
        sound = np.concatenate([rest, block])
        whole = len(sound) - len(sound) % _WINDOW
        rest = sound[whole:]
        counts += _histogram(sound[:whole].reshape(-1, _WINDOW))
    if not counts.any() and len(rest):
        counts = _histogram(rest[None])
    if not counts.any():
        return 1.0
    bin_index = np.searchsorted(np.cumsum(counts), 0.95 * counts.sum())
    level = (_EDGES_DB[bin_index] + _EDGES_DB[bin_index + 1]) / 2
    gain_db = np.clip(TARGET_DBFS - level, LARGEST_CUT_DB, LARGEST_BOOST_DB)
    return float(10.0 ** (gain_db / 20.0))


def level_speech(samples: np.ndarray) -> np.ndarray:
    """(n,) float32 mono samples at 16 kHz, all of a sound, at the standard level."""
    return samples * np.float32(speech_gain([samples]))


def _histogram(windows: np.ndarray) -> np.ndarray:
    power = np.square(windows, dtype=np.float64).mean(axis=1)
    level = 10.0 * np.log10(np.maximum(power, 1e-12))
    return np.histogram(level, _EDGES_DB)[0]
