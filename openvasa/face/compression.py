"""How much a picture shows of the blocks in which JPEG coded it.

Any file may hold it now. Where it was resized or turned since, its blocks are no longer found.
"""

from __future__ import annotations

import cv2
import numpy as np

BLOCK = 8
"""px; JPEG codes squares of this side."""


def measure_blocks(picture: np.ndarray, points: np.ndarray) -> float:
    """Steps at the edges of blocks over steps elsewhere, of the face; 1 where there are no blocks.

    Coarse coding leaves little but the mean of each block: steps pile up at every eighth px. Where
    the blocks begin is looked for, because the picture may have been cut since.

    Args:
        picture: (H, W, 3) uint8 RGB, at the size in which it was coded.
        points: (N, 2) px of the face.

    Returns:
        The geometric mean of the two directions.
    """
    size = picture.shape[1::-1]
    low = np.clip(np.floor(points.min(axis=0)).astype(int), 0, size)
    high = np.clip(np.ceil(points.max(axis=0)).astype(int) + 1, 0, size)
    if min(high - low) <= 2 * BLOCK:
        return 1.0
    box = picture[low[1] : high[1], low[0] : high[0]]
    grey = cv2.cvtColor(box, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return float(np.sqrt(_pile_up(grey) * _pile_up(grey.T)))


def _pile_up(grey: np.ndarray) -> float:
    """Mean step between columns at the most stepped one of each eight, over that at the others."""
    steps = np.abs(np.diff(grey, axis=1)).mean(axis=0)
    by_place = np.array([steps[place::BLOCK].mean() for place in range(BLOCK)])
    most = by_place.max()
    others = (by_place.sum() - most) / (BLOCK - 1)
    return float(most / max(others, 1e-3))
