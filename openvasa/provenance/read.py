"""Find the watermark in frames, at any scale, crop, mirroring or quarter turn, and read it.

The frames' mean is flattened (slow shades removed, busy parts muted), and its Fourier coefficients
at a tile's harmonics are taken for every tile size that may be. Where they correlate best with the
coded bits that all our marks share, the other bits are decoded, and the whole word is judged by its
correlation with the picture.

False positives. In a picture without the mark the pattern's phases, drawn at random once, are
independent of the picture's coefficients R. So for any one pose and any one word, the correlation
z = Σ Re(R·phase*·bit) / sqrt(Σ|R|²/2) exceeds t with probability at most exp(-t²/2) (each term is
sub-Gaussian with variance |R|²/2). At most (262 sizes × 8 orientations × 64² shifts + 6 poses × 5
refinements × 256² shifts) × 2³² words are looked at: 5·10¹⁶. With t = 10.9 the sum of all these
probabilities is below 10⁻⁹ for one excerpt, whatever the picture.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
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
class _Words:
    """Decoded words: (n,) content ids, correlations in σ, and shares of harmonics that agree."""

    content_id: np.ndarray
    correlation: np.ndarray
    agreement: np.ndarray


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
        self._sum = np.zeros((0, 0), np.float32)
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
        total = self._sum if self._count else np.zeros(grey.shape, np.float32)
        self._sum = cv2.add(total, grey, dtype=cv2.CV_32F)
        self._count += 1

    def read(self) -> Watermark | None:
        """The watermark, if there is one."""
        if not self._count:
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
    if not likely:
        return None
    fits = _words(flat, likely, _GRID).correlation
    for index in np.argsort(-fits)[:_SECOND_LOOK]:
        pose = likely[index]
        refined = [replace(pose, tile=pose.tile * (1 + change)) for change in _REFINEMENTS]
        words = _words(flat, refined, _FINE_GRID)
        best = int(words.correlation.argmax())
        if words.correlation[best] >= THRESHOLD:
            return Watermark(
                content_id=int(words.content_id[best]),
                version=VERSION,
                correlation=float(words.correlation[best]),
                agreement=float(words.agreement[best]),
                tile_px=refined[best].tile / scale,
                mirrored=pose.orientation >= 4,
                quarter_turns=-pose.orientation % 4,
            )
    return None


def _flatten(grey: np.ndarray) -> np.ndarray:
    """Remove what is slower than the pattern, and divide by how busy the neighbourhood is."""
    high = grey - cv2.GaussianBlur(grey, (0, 0), 3.0)
    power = cv2.GaussianBlur(high * high, (0, 0), 3.0) + 0.5
    return np.clip(high / np.sqrt(power), -3, 3) / np.sqrt(power)


def _poses(flat: np.ndarray, tiles: np.ndarray) -> Iterator[_Pose]:
    """Each tile size and orientation with how well it synchronises at its best shift."""
    for tile in tiles:
        # Finer waves than the picture's pixels hold nothing.
        if tile < 2 * RING[1]:
            continue
        series = _series(flat, tile)
        surfaces = [_shifts(series, orientation, _GRID) for orientation in range(8)]
        for orientation, surface in enumerate(surfaces):
            yield _Pose(float(surface.max()), float(tile), orientation)


def _words(flat: np.ndarray, poses: list[_Pose], grid: int) -> _Words:
    """The word that fits best at each pose."""
    bit = harmonics().bit
    aligned, sigma = np.empty((len(poses), len(bit))), np.empty(len(poses))
    soft = np.empty((len(poses), CODED_BITS), np.float32)
    for index, pose in enumerate(poses):
        series = _series(flat, pose.tile)
        surface = _shifts(series, pose.orientation, grid)
        row, column = np.unravel_index(surface.argmax(), surface.shape)
        where = _orientations()[pose.orientation]
        turn = np.exp(2j * np.pi / grid * (where.kx * column + where.ky * row))
        arrived = series[where.ky, where.kx + _LIMIT]
        aligned[index] = np.real(arrived * np.conj(where.phase) * turn)
        sigma[index] = _sigma(arrived)
        soft[index] = np.bincount(bit, aligned[index], CODED_BITS)
    content_id = decode(soft)
    matched = aligned * np.stack([encode(int(word))[bit] for word in content_id])
    return _Words(content_id, matched.sum(axis=1) / sigma, np.mean(matched > 0, axis=1))


def _shifts(series: np.ndarray, orientation: int, grid: int) -> np.ndarray:
    """Correlation with the known bits at each of grid × grid shifts, in σ of chance."""
    known = harmonics().bit < KNOWN_CODED_BITS
    where = _orientations()[orientation]
    kx, ky = where.kx[known], where.ky[known]
    arrived = series[ky, kx + _LIMIT]
    # Of the harmonics with a known bit, the sign is that of any of our words.
    product = arrived * np.conj(where.phase[known]) * _any_word()[known]
    spectrum = np.zeros((grid, grid // 2 + 1), np.complex64)
    # irfft2 takes the half plane of positive kx; the other half is its conjugate.
    left = kx < 0
    spectrum[np.where(left, -ky, ky), np.abs(kx)] = np.where(left, np.conj(product), product)
    spectrum[-ky[kx == 0], 0] = np.conj(product[kx == 0])
    surface = np.fft.irfft2(spectrum, (grid, grid))
    return surface * np.float32(grid * grid / 2 / _sigma(arrived))


def _sigma(arrived: np.ndarray) -> float:
    return max(float(np.sqrt(np.sum(np.abs(arrived) ** 2) / 2)), 1e-12)


def _series(flat: np.ndarray, tile: float) -> np.ndarray:
    """Fourier coefficients at a tile's harmonics, whitened ring by ring.

    Returns:
        (LIMIT + 1, 2 LIMIT + 1) complex64: ky from 0, kx from -LIMIT.
    """
    height, width = flat.shape
    across, down = _waves(width, tile), _waves(height, tile).T
    # Two real products are half the work of a complex one.
    columns = np.real(down) @ flat + 1j * (np.imag(down) @ flat)
    right, left = columns @ across, columns @ np.conj(across[:, :0:-1])
    series = np.concatenate([left, right], axis=1)
    rings, ring = _rings()
    power = np.bincount(ring.ravel(), np.abs(series).ravel() ** 2, rings)
    number = np.bincount(ring.ravel(), minlength=rings)
    return series / np.sqrt(power / number + 1e-20)[ring].astype(np.float32)


def _waves(length: int, tile: float) -> np.ndarray:
    """(length, LIMIT + 1) complex64: e^(-2πi k x / tile) for k = 0 … LIMIT."""
    angle = np.outer(np.arange(length), np.arange(_LIMIT + 1)) * (-2 * np.pi / tile)
    # Wrapped first, for float32 does not know large angles.
    angle = np.remainder(angle, 2 * np.pi).astype(np.float32)
    return np.cos(angle) + np.complex64(1j) * np.sin(angle)


@lru_cache(maxsize=1)
def _rings() -> tuple[int, np.ndarray]:
    ky, kx = np.mgrid[0 : _LIMIT + 1, -_LIMIT : _LIMIT + 1]
    ring = (np.hypot(kx, ky) / 3).astype(np.int64)
    return int(ring.max()) + 1, ring


@lru_cache(maxsize=1)
def _any_word() -> np.ndarray:
    """(n,) float32: the harmonics' signs in one of our words."""
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
