"""Bring a voice to its standard level while it is still speaking.

Whole files are levelled by one gain (`audio.level.speech_gain`). Live sound has no end to look at:
the same percentile is taken over a fading memory of what was heard, and the gain glides.
"""

from __future__ import annotations

import numpy as np

from openvasa.audio.level import (
    LARGEST_BOOST_DB,
    LARGEST_CUT_DB,
    SILENCE_DBFS,
    TARGET_DBFS,
)
from openvasa.rates import SAMPLE_RATE

WINDOW = SAMPLE_RATE * 40 // 1000
MEMORY_S = 8.0
"""Time constant, in seconds of speech, after which a level is forgotten."""
RISE_DB_S, FALL_DB_S = 10.0, 20.0
"""How fast the gain may go up and down."""
FIRST_WINDOWS = 5
"""Speech windows heard before the gain moves at all."""

_ABOVE_NOISE_DB = 9.0
_NOISE_RISE_DB_S = 1.5
_LOUDEST_NOISE_DBFS = -30.0
_FIRST_NOISE_DBFS = -45.0
"""What is taken for noise before anything was heard: the hiss of a microphone is no speech."""
_BINS_PER_DB = 4
_EDGES_DB = np.arange(int(SILENCE_DBFS) * _BINS_PER_DB, 6 * _BINS_PER_DB + 1) / _BINS_PER_DB


class RunningGain:
    """A causal gain that brings the loud part of speech to -20 dBFS; it never jumps.

    Levels are RMS over windows of 40 ms from the start of the stream. Windows count as speech when
    they stand 9 dB above the noise between words, so a pause, however long, leaves the gain alone.
    The gain of a window follows from the windows before it: no delay, and the same for any
    chunking.
    """

    def __init__(self) -> None:
        self.gain_db = 0.0
        self._counts = np.zeros(len(_EDGES_DB) - 1)
        self._heard = 0
        self._noise = _FIRST_NOISE_DBFS
        self._power = 0.0
        self._position = 0
        self._step = 0.0

    def apply(self, samples: np.ndarray) -> np.ndarray:
        """(n,) float32 at 16 kHz → the same samples at the level of speech."""
        levelled = np.empty(len(samples), np.float32)
        done = 0
        while done < len(samples):
            count = min(WINDOW - self._position, len(samples) - done)
            piece = samples[done : done + count]
            at = np.arange(self._position + 1, self._position + count + 1) / WINDOW
            levelled[done : done + count] = piece * 10 ** ((self.gain_db + self._step * at) / 20)
            self._power += float(np.square(piece, dtype=np.float64).sum())
            self._position += count
            done += count
            if self._position == WINDOW:
                self._end_window()
        return levelled

    def foresee(self, samples: np.ndarray) -> np.ndarray:
        """The samples that are applied next, by the present gain; nothing of them is remembered."""
        return samples * np.float32(10 ** (self.gain_db / 20))

    def _end_window(self) -> None:
        level = 10 * np.log10(max(self._power / WINDOW, 1e-12))
        self._power, self._position = 0.0, 0
        self.gain_db += self._step
        self._notice(level)
        most, least = RISE_DB_S * WINDOW / SAMPLE_RATE, -FALL_DB_S * WINDOW / SAMPLE_RATE
        self._step = float(np.clip(self._wanted() - self.gain_db, least, most))

    def _notice(self, level: float) -> None:
        rising = self._noise + _NOISE_RISE_DB_S * WINDOW / SAMPLE_RATE
        self._noise = float(np.clip(min(rising, level), SILENCE_DBFS, _LOUDEST_NOISE_DBFS))
        if level < max(SILENCE_DBFS, self._noise + _ABOVE_NOISE_DB):
            return
        self._heard += 1
        self._counts *= np.exp(-WINDOW / SAMPLE_RATE / MEMORY_S)
        self._counts[np.clip(np.searchsorted(_EDGES_DB, level) - 1, 0, len(self._counts) - 1)] += 1

    def _wanted(self) -> float:
        if self._heard < FIRST_WINDOWS:
            return self.gain_db
        index = int(np.searchsorted(np.cumsum(self._counts), 0.95 * self._counts.sum()))
        index = min(index, len(self._counts) - 1)
        level = (_EDGES_DB[index] + _EDGES_DB[index + 1]) / 2
        return float(np.clip(TARGET_DBFS - level, LARGEST_CUT_DB, LARGEST_BOOST_DB))
