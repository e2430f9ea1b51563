"""Find the watermark in frames, at any scale, crop, mirroring or quarter turn, and read it.

The frames' mean is flattened (slow shades removed, busy parts muted), and its Fourier coefficients
at a tile's harmonics are taken for every tile size that may be. Where they correlate best with the
coded bits that all our marks share, the other bits are decoded, and the whole word is judged by its
correlation with the picture.

False positives. In a picture without the mark the pattern's phases, drawn at random once, are
independent of the picture's coefficients R. So for any one pose and any one word, the correlation
z = Σ Re(R·phase*·bit) / sqrt(Σ|R|²/2) exceeds t with probability at most exp(-t²/2) (each term is
sub-Gaussian with variance |R|²/2). At most 263 sizes × 8 orientations × 64² shifts × 5 refinements
× 2³² words are looked at: 4·10¹⁷. With t = 10.9 the sum of all these probabilities is below 10⁻⁸
for one excerpt, whatever the picture.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from heapq import nlargest

import cv2
import numpy as np

from openvasa.provenance.pattern import RING, harmonics
from openvasa.provenance.payload import CODED_BITS, KNOWN_CODED_BITS, VERSION, decode, encode

THRESHOLD = 10.9
"""Least correlation of a mark, in standard deviations of chance; see the module's arithmetic."""
WORK_SIDE = 256
"""Frames are reduced to this short side; the pattern's finest wave is then 5.3 px long."""
TILES = (0.23, 1.1)
"""Smallest and largest tile looked for, in short sides: 0.5 uncropped, 0.71 cropped to 70 %."""
TILE_STEP = 0.006
_FIRST_LOOK, _SECOND_LOOK = 96, 6
_GRID, _FINE_GRID = 64, 256
_REFINEMENTS = (0.0, -0.002, 0.002, -0.004, 0.004)
_LIMIT = int(RING[1])


@dataclass(frozen=True)
class Watermark:
    """A watermark that was found.

    Attributes:
        content_id: the 32-bit name that its maker gave the video.
        version: layout of the mark.
        correlation: in standard deviations of chance; `THRESHOLD` or more.
        agreement: share of the pattern's harmonics whose sign arrived; 0.5 is chance.
        tile_px: side of the pattern's tile in the picture, px.
        mirrored: the picture was mirrored left to right.
        quarter_turns: how often it was then turned by 90°, counterclockwise.
    """

    content_id: int
    version: int
    correlation: float
    agreement: float
    tile_px: float
    mirrored: bool
    quarter_turns: int


@dataclass(frozen=True)
class _Pose:
    """One way in which the pattern may lie in the picture.

    Attributes:
        synchronised: correlation with the known bits, in standard deviations of chance.
        tile: side of the tile, px of the reduced picture.
        orientation: 0 to 7, see `_Orientation`.
    """

    synchronised: float
    tile: float
    orientation: int


@dataclass(frozen=True)
class _Orientation:
    """Where the harmonics are found in a mirrored or turned picture.

    Attributes:
        kx, ky: (n,) int, the harmonics' frequencies in the picture, upper half plane again.
        phase: (n,) complex64, their phases there.
    """

    kx: np.ndarray
    ky: np.ndarray
    phase: np.ndarray


class FrameMean:
    """The mean of frames, reduced: all that the reader looks at."""

    def __init__(self) -> None:
        self._sum: np.ndarray | None = None
        self._scale = 1.0
        self._count = 0

    def add(self, frame: np.ndarray) -> None:
        """Add an (h, w, 3) uint8 RGB frame; all must have the same size."""
        grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
        height, width = grey.shape
        self._scale = min(1.0, WORK_SIDE / min(height, width))
        if self._scale < 1:
            size = (round(width * self._scale), round(height * self._scale))
            grey = cv2.resize(grey, size, interpolation=cv2.INTER_AREA)
        if self._sum is None:
            self._sum = np.zeros(grey.shape, np.float32)
        self._sum += grey
        self._count += 1

    def read(self) -> Watermark | None:
        """The watermark, if there is one."""
        if self._sum is None:
            return None
        return _read(_flatten(self._sum / self._count), self._scale)


def read_watermark(frames: Iterable[np.ndarray]) -> Watermark | None:
    """Find and read the watermark of an excerpt.

    Args:
        frames: (h, w, 3) uint8 RGB, all of one size; two seconds of a video are plenty, one picture
            often does.
    """
    mean = FrameMean()
    for frame in frames:
        mean.add(frame)
    return mean.read()


def _read(flat: np.ndarray, scale: float) -> Watermark | None:
    side = min(flat.shape)
    count = int(np.log(TILES[1] / TILES[0]) / TILE_STEP) + 1
    everywhere = side * TILES[0] * np.exp(TILE_STEP * np.arange(count))
    # Most pictures are whole, which is known much sooner.
    return _best(flat, scale, np.array([side / 2])) or _best(flat, scale, everywhere)


def _best(flat: np.ndarray, scale: float, tiles: np.ndarray) -> Watermark | None:
    likely = nlargest(_FIRST_LOOK, _poses(flat, tiles), key=lambda pose: pose.synchronised)
    likelier = nlargest(_SECOND_LOOK, likely, key=lambda pose: _word(flat, pose, _GRID)[0])
    best: Watermark | None = None
    for pose in likelier:
        for change in _REFINEMENTS:
            refined = _Pose(pose.synchronised, pose.tile * (1 + change), pose.orientation)
            correlation, agreement, content_id = _word(flat, refined, _FINE_GRID)
            if correlation >= max(THRESHOLD, best.correlation if best else 0):
                best = Watermark(
                    content_id=content_id,
                    version=VERSION,
                    correlation=correlation,
                    agreement=agreement,
                    tile_px=refined.tile / scale,
                    mirrored=pose.orientation >= 4,
                    quarter_turns=-pose.orientation % 4,
                )
        if best is not None:
            return best
    return None


def _flatten(grey: np.ndarray) -> np.ndarray:
    """Remove what is slower than the pattern, and divide by how busy the neighbourhood is."""
    high = grey - cv2.GaussianBlur(grey, (0, 0), 3.0)
    power = cv2.GaussianBlur(high * high, (0, 0), 3.0) + 0.5
    return np.clip(high / np.sqrt(power), -3, 3) / np.sqrt(power)


def _poses(flat: np.ndarray, tiles: np.ndarray) -> Iterator[_Pose]:
    """Each tile size and orientation with how well it synchronises at its best shift."""
    known = harmonics().bit < KNOWN_CODED_BITS
    for tile in tiles:
        # Finer waves than the picture's pixels hold nothing.
        if tile < 2 * RING[1]:
            continue
        series = _series(flat, tile)
        for index in range(8):
            surface, sigma = _shifts(series, index, known, _GRID)
            yield _Pose(float(surface.max()) / sigma, float(tile), index)


def _word(flat: np.ndarray, pose: _Pose, grid: int) -> tuple[float, float, int]:
    """The best word at a pose: its correlation in σ, the share of right signs, its content id."""
    series = _series(flat, pose.tile)
    known = harmonics().bit < KNOWN_CODED_BITS
    surface, _ = _shifts(series, pose.orientation, known, grid)
    row, column = np.unravel_index(surface.argmax(), surface.shape)
    where = _orientations()[pose.orientation]
    turn = np.exp(2j * np.pi / grid * (where.kx * column + where.ky * row))
    arrived = series[where.ky, where.kx + _LIMIT]
    aligned = (arrived * np.conj(where.phase) * turn).real
    soft = np.bincount(harmonics().bit, aligned, CODED_BITS)
    decoded = decode(soft.astype(np.float32))
    matched = aligned * decoded.coded[harmonics().bit]
    sigma = float(np.sqrt(np.sum(np.abs(arrived) ** 2) / 2))
    return float(matched.sum()) / max(sigma, 1e-12), float(np.mean(matched > 0)), decoded.content_id


def _shifts(
    series: np.ndarray, orientation: int, chosen: np.ndarray, grid: int
) -> tuple[np.ndarray, float]:
    """Correlation with the chosen harmonics at each of grid × grid shifts, and its σ by chance."""
    where = _orientations()[orientation]
    kx, ky = where.kx[chosen], where.ky[chosen]
    arrived = series[ky, kx + _LIMIT]
    spectrum = np.zeros((grid, grid // 2 + 1), np.complex64)
    product = arrived * np.conj(where.phase[chosen] * _signs()[chosen])
    # irfft2 takes the half plane of positive kx; the other half is its conjugate.
    left = kx < 0
    spectrum[np.where(left, -ky, ky), np.abs(kx)] = np.where(left, np.conj(product), product)
    spectrum[-ky[kx == 0], 0] = np.conj(product[kx == 0])
    surface = np.fft.irfft2(spectrum, (grid, grid)) * (grid * grid / 2)
    return surface, max(float(np.sqrt(np.sum(np.abs(arrived) ** 2) / 2)), 1e-12)


def _series(flat: np.ndarray, tile: float) -> np.ndarray:
    """Fourier coefficients at a tile's harmonics, whitened ring by ring.

    Returns:
        (LIMIT + 1, 2 LIMIT + 1) complex64: ky from 0, kx from -LIMIT.
    """
    height, width = flat.shape
    step = -2j * np.pi / tile
    frequencies = np.arange(-_LIMIT, _LIMIT + 1)
    across = np.exp(step * np.outer(np.arange(width), frequencies)).astype(np.complex64)
    down = np.exp(step * np.outer(frequencies[_LIMIT:], np.arange(height))).astype(np.complex64)
    series = (down @ flat) @ across
    rings, ring = _rings()
    power = np.bincount(ring.ravel(), np.abs(series).ravel() ** 2, rings)
    number = np.bincount(ring.ravel(), minlength=rings)
    return series / np.sqrt(power / number + 1e-20)[ring].astype(np.float32)


@lru_cache(maxsize=1)
def _rings() -> tuple[int, np.ndarray]:
    ky, kx = np.mgrid[0 : _LIMIT + 1, -_LIMIT : _LIMIT + 1]
    ring = (np.hypot(kx, ky) / 3).astype(np.int64)
    return int(ring.max()) + 1, ring


@lru_cache(maxsize=1)
def _signs() -> np.ndarray:
    """(n,) float32: the signs of the harmonics that carry known bits; of the others, anything."""
    return encode(0)[harmonics().bit]


@lru_cache(maxsize=1)
def _orientations() -> tuple[_Orientation, ...]:
    series, result = harmonics(), []
    for mirrored in (False, True):
        kx, ky = (-series.kx if mirrored else series.kx), series.ky
        for _ in range(4):
            lower = (ky < 0) | ((ky == 0) & (kx < 0))
            sign = np.where(lower, -1, 1)
            phase = np.where(lower, np.conj(series.phase), series.phase)
            result.append(_Orientation(kx * sign, ky * sign, phase))
            kx, ky = -ky, kx
    return tuple(result)
