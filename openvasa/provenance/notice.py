"""An audible notice at the start of the sound: the letters AI in Morse code.

GB 45438-2025 takes this rhythm, short long, short short, for an audible label of generated sound.
"""

from __future__ import annotations

import numpy as np

_RHYTHM = ".-  .."
_DOT_SECONDS = 0.12
_HERTZ = 800.0
_LEVEL = 0.2
_EDGE_SECONDS = 0.008


def morse_notice(rate: int) -> np.ndarray:
    """The notice as (n,) float32 samples at `rate` Hz, about 1.4 s long; lay it over the sound."""
    pieces = [np.zeros(round(_DOT_SECONDS * rate))]
    for sign in _RHYTHM:
        # A dash is three dots long; letters are three dots apart.
        seconds = _DOT_SECONDS * (3 if sign == "-" else 1)
        time = np.arange(round(seconds * rate)) / rate
        fade = np.minimum(np.minimum(time, seconds - time) / _EDGE_SECONDS, 1)
        tone = np.sin(2 * np.pi * _HERTZ * time) * fade * _LEVEL
        pieces += [tone * (sign != " "), np.zeros(round(_DOT_SECONDS * rate) * (sign != " "))]
    return np.concatenate(pieces).astype(np.float32)
