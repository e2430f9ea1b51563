"""Where one shot of a driving video ends and the next begins.

A cut changes the whole picture at once, and far more than the frames before it change. How much is
too much was learned from real clips, joined at random and zoomed into, against frames that follow
each other (`scripts/fit_cuts.py`; the rates are in docs/lab/capture.md).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import cv2
import numpy as np

from openvasa.face.canonical import fit_head

SIDE = 64
"""Side to which a picture is brought, px."""
LEVELS = 8
"""Steps of each colour channel that the histogram tells apart."""
MEMORY = 5
"""Changes of the frames before that a change is held against."""
USUAL_CHANGE = 0.006
"""Median change of a frame of the clips; stands for the frames before the first."""

SMALLEST = np.array([0.003, 0.01, 0.003, 0.01, 0.003])
"""Added to each measure before its logarithm is taken; smaller values are noise."""
WEIGHTS = np.array([2.001, 2.157, 1.240, 0.892, -1.602])
BIAS = 6.343
"""Logistic regression on the logarithms of the five measures; a cut where it is above 0."""


@dataclass(frozen=True)
class Look:
    """What a frame looks like from far away.

    Attributes:
        picture: (64, 64, 3) float32 RGB, 0–1.
        colours: (512,) share of the pixels in each cell of the RGB cube.
    """

    picture: np.ndarray
    colours: np.ndarray


def look_at(image: np.ndarray) -> Look:
    """The look of a (h, w, 3) uint8 RGB frame."""
    small = cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    cells = (small.astype(int) * LEVELS // 256) @ (LEVELS**2, LEVELS, 1)
    counts = np.bincount(cells.ravel(), minlength=LEVELS**3)
    return Look(small.astype(np.float32) / 255, counts / SIDE**2)


def measure_change(before: Look, now: Look) -> tuple[float, float, float]:
    """How far two frames differ, 0 for equal ones.

    Returns:
        Mean difference of pixels; share of pixels whose colour is gone; one less the correlation
        of the brightness over the picture.
    """
    pixels = float(np.abs(before.picture - now.picture).mean())
    colours = float(np.abs(before.colours - now.colours).sum()) / 2
    first, second = (look.picture.mean(axis=2).ravel() for look in (before, now))
    first, second = first - first.mean(), second - second.mean()
    spread = float(np.sqrt((first**2).sum() * (second**2).sum()))
    return pixels, colours, 1 - float(first @ second) / spread if spread else 0.0


def size_change(before: np.ndarray | None, now: np.ndarray | None) -> float:
    """By how much the head grew or shrank, as a logarithm; 0 where either frame shows none.

    Args:
        before, now: (478, 3) landmarks, px.
    """
    if before is None or now is None:
        return 0.0
    return abs(float(np.log(fit_head(now).scale / fit_head(before).scale)))


def cut_score(measures: np.ndarray) -> np.ndarray:
    """(…) above 0 where there is a cut.

    Args:
        measures: (…, 5) those of `measure_change`, `size_change`, and the largest difference of
            pixels among the last `MEMORY` pairs of frames.
    """
    return np.log(measures + SMALLEST) @ WEIGHTS + BIAS


class ShotWatcher:
    """Tells the first frame of a shot, frame by frame."""

    def __init__(self) -> None:
        self._look: Look | None = None
        self._landmarks: np.ndarray | None = None
        self._changes = deque([USUAL_CHANGE], maxlen=MEMORY)

    def begins(self, image: np.ndarray, landmarks: np.ndarray | None) -> bool:
        """Whether a shot begins with this frame; the video's first frame begins none.

        Args:
            image: (h, w, 3) uint8 RGB.
            landmarks: (478, 3) px of the face, followed on from the frame before; None where
                there is none.
        """
        look, before = look_at(image), self._look
        size = size_change(self._landmarks, landmarks)
        self._look, self._landmarks = look, landmarks
        if before is None:
            return False
        change = measure_change(before, look)
        cut = bool(cut_score(np.array([*change, size, max(self._changes)])) > 0)
        if not cut:
            self._changes.append(change[0])
        return cut

    def correct(self, landmarks: np.ndarray | None) -> None:
        """Replace this frame's landmarks, where the face was looked for anew."""
        self._landmarks = landmarks
