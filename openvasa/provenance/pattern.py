"""The watermark's pattern: a square tile, repeated over the frame, defined by its Fourier series.

A tile is half the frame's short side, so scaling a video scales its tile along. Each of its
harmonics in a ring of middle frequencies carries one coded bit of the payload as its sign. Which
carries which, and all phases, come from a fixed key, so the pattern looks like noise.

Spread spectrum: Cox et al., "Secure spread spectrum watermarking for multimedia", IEEE TIP 1997.
Periodic tiles against cropping: Kutter, "Watermarking resisting to translation, rotation and
scaling", SPIE 3528, 1998.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from openvasa.provenance.payload import CODED_BITS, encode

RING = (6.0, 24.0)
"""Frequencies used, cycles a tile: lower ones are seen, higher ones are compressed away."""
PEAK = 2.2
"""The pattern is clipped here, in its standard deviations: peaks are seen before they are read."""

_KEY = b"OpenVASA watermark pattern 1"


@dataclass(frozen=True)
class Harmonics:
    """The tile's Fourier series, one entry for each harmonic of the upper half plane.

    Attributes:
        kx, ky: (n,) int, cycles a tile to the right and down; ky > 0, or ky = 0 and kx > 0.
        bit: (n,) int, the coded bit that it carries.
        phase: (n,) complex64 of modulus 1.
    """

    kx: np.ndarray
    ky: np.ndarray
    bit: np.ndarray
    phase: np.ndarray


@lru_cache(maxsize=1)
def harmonics() -> Harmonics:
    """The same harmonics for every video."""
    limit = int(RING[1])
    ky, kx = np.mgrid[0 : limit + 1, -limit : limit + 1]
    radius = np.hypot(kx, ky)
    used = (radius >= RING[0]) & (radius <= RING[1]) & ((ky > 0) | (kx > 0))
    kx, ky = kx[used], ky[used]
    count = len(kx)
    # From a hash, not from a generator whose stream may change with the library's version.
    noise = np.frombuffer(hashlib.shake_256(_KEY).digest(8 * count), ">u4").reshape(2, count)
    phase = np.exp(2j * np.pi * noise[0] / 2**32).astype(np.complex64)
    bit = np.empty(count, np.int64)
    bit[np.argsort(noise[1], kind="stable")] = np.arange(count) % CODED_BITS
    return Harmonics(kx, ky, bit, phase)


def tile_side(width: int, height: int) -> int:
    """Side of the tile in a frame of this size, px."""
    return max(min(width, height) // 2, 96)


def tile(side: int, content_id: int) -> np.ndarray:
    """One period of the pattern, (side, side) float32 of unit standard deviation."""
    series = harmonics()
    spectrum = np.zeros((side, side), np.complex128)
    spectrum[series.ky, series.kx % side] = series.phase * encode(content_id)[series.bit]
    pattern = np.fft.ifft2(spectrum).real
    pattern = np.clip(pattern / pattern.std(), -PEAK, PEAK)
    return (pattern / pattern.std()).astype(np.float32)
