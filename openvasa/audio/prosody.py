"""Energy and pitch of speech, at 25 frames a second."""

from __future__ import annotations

import numpy as np

from openvasa.rates import FRAME_SAMPLES, SAMPLE_RATE

PITCH_WINDOW = 1024
"""Samples around a frame's middle in which its pitch is searched."""
PITCH_MARGIN = (PITCH_WINDOW - FRAME_SAMPLES) // 2
"""Samples of that window before and after the frame."""
_PITCH_LAGS = (40, 230)
"""Lags searched for the pitch period: 400 down to 70 Hz."""
_BAND_EDGES = np.array([0, 200, 400, 700, 1000, 1400, 1900, 2500, 3300, 4300, 5600, 8001])
"""Hz, about equally wide to the ear."""
BANDS = len(_BAND_EDGES) - 1


def log_energy(frames: np.ndarray) -> np.ndarray:
    """(n, 640) samples → (n, 2) log energy of both halves, about −1 (silence) to 1 (loud)."""
    rms = np.sqrt((frames.reshape(len(frames), 2, -1) ** 2).mean(axis=2))
    return np.log10(rms + 1e-3) * (2 / 3) + 1


def log_level(frames: np.ndarray) -> np.ndarray:
    """(n, 640) samples → (n,) natural log of their RMS."""
    return np.log(np.sqrt((frames**2).mean(axis=1)) + 1e-4)


def band_levels(frames: np.ndarray) -> np.ndarray:
    """(n, 640) samples → (n, BANDS) log power of bands, against the mean over the bands."""
    power = np.abs(np.fft.rfft(frames * np.hanning(frames.shape[1]), axis=1)) ** 2
    at = np.fft.rfftfreq(frames.shape[1], 1 / SAMPLE_RATE)
    starts = np.searchsorted(at, _BAND_EDGES[:-1])
    levels = np.log(np.add.reduceat(power, starts, axis=1) + 1e-6)
    return levels - levels.mean(axis=1, keepdims=True)


def voicing_and_pitch(padded: np.ndarray, count: int) -> np.ndarray:
    """Voicing and pitch of `count` frames, by normalised autocorrelation.

    Args:
        padded: samples at 16 kHz from `PITCH_MARGIN` before the first frame on.
        count: frames.

    Returns:
        (count, 2): voicing in 0–1 and, where voiced, log pitch against 150 Hz (octaves).
    """
    starts = np.arange(count) * FRAME_SAMPLES
    windows = padded[starts[:, None] + np.arange(PITCH_WINDOW)]
    windows = windows - windows.mean(axis=1, keepdims=True)
    spectrum = np.abs(np.fft.rfft(windows * np.hanning(PITCH_WINDOW), 2 * PITCH_WINDOW)) ** 2
    correlation = np.fft.irfft(spectrum)[:, : _PITCH_LAGS[1]]
    taper = np.fft.irfft(np.abs(np.fft.rfft(np.hanning(PITCH_WINDOW), 2 * PITCH_WINDOW)) ** 2)
    normal = correlation / (correlation[:, :1] + 1e-3) / (taper[: _PITCH_LAGS[1]] / taper[0])
    searched = normal[:, _PITCH_LAGS[0] :]
    peak = (searched[:, 1:-1] >= searched[:, :-2]) & (searched[:, 1:-1] >= searched[:, 2:])
    # Twice the period correlates as well: the shortest of the near-best peaks is the period.
    near_best = peak & (searched[:, 1:-1] >= 0.85 * searched.max(axis=1, keepdims=True))
    lag = near_best.argmax(axis=1) + 1 + _PITCH_LAGS[0]
    voicing = np.clip(normal[np.arange(count), lag], 0, 1)
    octaves = np.log2(SAMPLE_RATE / lag / 150)
    return np.stack([voicing, octaves * (voicing > 0.4)], axis=1)
