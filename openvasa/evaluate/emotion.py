"""An emotion classifier that never saw our output: `EMOTION_CLASSIFIER`."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from openvasa.backend import compile_network
from openvasa.evaluation_models import EMOTION_CLASSIFIER

LABELS = ("angry", "disgusted", "afraid", "happy", "sad", "surprised", "neutral")
_SIDE = 64
_MARGIN = 1.1


@lru_cache(maxsize=1)
def _classifier():
    return compile_network(EMOTION_CLASSIFIER.path(), threads=1)


def emotion_scores(image: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """(7,) probabilities in the order of `LABELS` of a face.

    Args:
        image: (H, W, 3) uint8 RGB.
        landmarks: (478, 3) px of the face in it.
    """
    low, high = landmarks[:, :2].min(axis=0), landmarks[:, :2].max(axis=0)
    centre, side = (low + high) / 2, float((high - low).max()) * _MARGIN
    scale = _SIDE / side
    shift = _SIDE / 2 - scale * centre
    matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]], np.float32)
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    # Blurred first, as averaging would do: the face shrinks several times over.
    grey = cv2.GaussianBlur(grey, (0, 0), max(0.3, 0.4 / scale))
    face = cv2.warpAffine(grey, matrix, (_SIDE, _SIDE), borderMode=cv2.BORDER_REPLICATE)
    scaled = (face.astype(np.float32) / 255 - 0.5) * 2
    (scores,) = _classifier()(scaled[None, :, :, None])
    return scores[0]
