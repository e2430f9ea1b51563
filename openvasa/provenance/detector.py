"""Whether a talking face was rendered by OpenVASA, judged by the picture alone.

A logistic regression on a few dozen statistics of two seconds of video: how still the still parts
are, how motion is spread over space and scale, and how smooth it is in time. It knows this renderer
and no other; see assets/detector.md for how often it errs.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import lru_cache
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from openvasa.errors import InputError

SIDE = 256
"""Frames are cut to their middle square and reduced or enlarged to this side."""
EXCERPT_FRAMES = 50
FEWEST_FRAMES = 25
WEIGHTS = Path(__file__).parents[1] / "assets" / "detector.json"

_LEVELS = 4
_PERCENTILES = (5, 25, 50, 75, 95)
_RIM = 8


@dataclass(frozen=True)
class Classifier:
    """A logistic regression on standardised features.

    Attributes:
        mean, scale, weight: (n,) float64.
        bias: float.
    """

    mean: np.ndarray
    scale: np.ndarray
    weight: np.ndarray
    bias: float

    def score(self, features: np.ndarray) -> np.ndarray:
        """(m, n) features → (m,) chance, 0 to 1, of a render, where half of all are renders."""
        logits = (features - self.mean) / self.scale @ self.weight + self.bias
        return 1 / (1 + np.exp(-np.clip(logits, -50, 50)))

    def save(self, path: Path) -> None:
        """Write as JSON."""
        values = {key: np.round(value, 6).tolist() for key, value in asdict(self).items()}
        path.write_text(json.dumps(values) + "\n", "utf-8")

    @classmethod
    def load(cls, path: Path) -> Classifier:
        """Read what `save` wrote."""
        values = json.loads(path.read_text("utf-8"))
        arrays = {key: np.array(values[key]) for key in ("mean", "scale", "weight")}
        return cls(**arrays, bias=float(values["bias"]))


@lru_cache(maxsize=1)
def classifier() -> Classifier:
    """The shipped one."""
    return Classifier.load(WEIGHTS)


def detect(frames: Iterable[np.ndarray], name: str) -> list[float]:
    """Score a video.

    Args:
        frames: (h, w, 3) uint8 RGB, at about 25 fps.
        name: for the error.

    Returns:
        For each excerpt of `EXCERPT_FRAMES`, at most 30 of them, the chance of a render.

    Raises:
        InputError: too few frames to judge.
    """
    scores, frames = [], iter(frames)
    while len(scores) < 30:
        excerpt = [square(frame) for frame in islice(frames, EXCERPT_FRAMES)]
        if len(excerpt) < FEWEST_FRAMES:
            break
        found = excerpt_features(np.stack(excerpt))
        scores.append(float(classifier().score(found[None])[0]))
    if not scores:
        raise InputError(f"{name}: too short to judge; give at least {FEWEST_FRAMES} frames")
    return scores


def square(frame: np.ndarray) -> np.ndarray:
    """(h, w, 3) uint8 RGB → its middle square, (SIDE, SIDE) float32 grey."""
    grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
    height, width = grey.shape
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    how = cv2.INTER_AREA if side > SIDE else cv2.INTER_LINEAR
    middle = grey[top : top + side, left : left + side]
    return cv2.resize(middle, (SIDE, SIDE), interpolation=how).astype(np.float32)


def excerpt_features(frames: np.ndarray) -> np.ndarray:
    """(t, SIDE, SIDE) float32 grey → (n,) float64 features."""
    change = np.diff(frames, axis=0)
    spread = frames.std(axis=0)
    speed = np.abs(change).mean(axis=0)
    peak = np.abs(frames - frames.mean(axis=0)).max(axis=0)
    moving = spread > np.median(spread)
    features = [
        *np.log(np.percentile(spread, _PERCENTILES) + 0.1),
        *np.log(np.percentile(speed, _PERCENTILES) + 0.1),
        *np.log(np.percentile(peak, _PERCENTILES) + 0.1),
        np.mean(np.abs(change) < 0.5),
        np.mean(peak < 2),
        _log_ratio(np.diff(change, axis=0), change),
        *(_correlation(change[:-lag], change[lag:]) for lag in (1, 2, 4)),
        np.log(_rim(spread).mean() + 0.1) - np.log(spread.mean() + 0.1),
    ]
    middle = frames[len(frames) // 2]
    for mask in (moving, ~moving):
        features += _bands(middle, mask)
    step = max(1, len(change) // 8)
    features += np.mean([_bands(one, moving) for one in change[::step]], axis=0).tolist()
    slope = np.hypot(cv2.Sobel(middle, cv2.CV_32F, 1, 0), cv2.Sobel(middle, cv2.CV_32F, 0, 1))
    features.append(_correlation(slope, spread))
    return np.array(features, np.float64)


def _bands(picture: np.ndarray, mask: np.ndarray) -> list[float]:
    """Log energy of the levels of a Laplacian pyramid under a mask, finest first."""
    energies, level, weight = [], picture, mask.astype(np.float32)
    for _ in range(_LEVELS):
        smaller = cv2.pyrDown(level)
        detail = level - cv2.pyrUp(smaller, dstsize=level.shape[::-1])
        energies.append(float(np.log((detail**2 * weight).sum() / (weight.sum() + 1) + 0.01)))
        level, weight = smaller, cv2.pyrDown(weight)
    return energies


def _log_ratio(above: np.ndarray, below: np.ndarray) -> float:
    return float(np.log((above**2).mean() + 0.01) - np.log((below**2).mean() + 0.01))


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    a, b = a - a.mean(), b - b.mean()
    return float((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum() + 1e-6))


def _rim(picture: np.ndarray) -> np.ndarray:
    inside = np.ones(picture.shape, bool)
    inside[_RIM:-_RIM, _RIM:-_RIM] = False
    return picture[inside]
