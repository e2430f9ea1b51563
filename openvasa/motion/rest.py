"""A clip's motion is measured against its face at rest and its usual head transform."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from openvasa.face.canonical import HeadTransform, pose_between
from openvasa.face.dynamics import close_lips, lid_gap, lip_gap
from openvasa.motion.smoothing import smooth_frames

TRACKED_FILTER_FRAMES = 9
"""Window of the quadratic filter on tracked head poses."""


def smooth_shape(canonical: np.ndarray) -> np.ndarray:
    """Take the tracker's jitter out of (T, 478, 3) shapes, keeping lip closures of three frames."""
    if len(canonical) < 5:
        return canonical
    return smooth_frames(canonical, 5, 2).astype(np.float32)


def resting_shape(canonical: np.ndarray, mouth_share: np.ndarray) -> np.ndarray:
    """(478, 3) resting shape of a clip's (T, 478, 3) shapes.

    Brows, lids and gaze rest at their median; the mouth rests where it is closed without being
    pressed together, between the 5th and the 25th percentile of the lip gap.
    """
    gap = lip_gap(canonical)
    low, high = np.percentile(gap, [5, 25])
    closed = np.median(canonical[(gap >= low) & (gap <= high)], axis=0)
    lids = lid_gap(canonical)
    usual = np.median(canonical[lids >= np.median(lids)], axis=0)
    share = mouth_share[:, None]
    return close_lips(closed * share + usual * (1 - share)).astype(np.float32)


def head_poses(rotation: np.ndarray, translation: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Head pose of a clip as an offset from its median head transform.

    Args:
        rotation: (T, 3, 3), head to camera.
        translation: (T, 3) px.
        scale: (T,) px per canonical unit.

    Returns:
        (T, 6) float32.
    """
    heads = smooth_heads(rotation, translation, scale)
    rest = resting_head(heads)
    return np.stack([pose_between(rest, head) for head in heads])


def smooth_heads(
    rotation: np.ndarray, translation: np.ndarray, scale: np.ndarray
) -> list[HeadTransform]:
    """Take the tracker's jitter out of T head transforms, shaped as those of `head_poses`."""
    window = min(TRACKED_FILTER_FRAMES, len(scale) - (len(scale) + 1) % 2)
    order = min(2, window - 1)

    def smooth(values: np.ndarray) -> np.ndarray:
        return smooth_frames(values, window, order)

    u, _, vt = np.linalg.svd(smooth(rotation))
    return list(map(HeadTransform, u @ vt, smooth(scale).tolist(), smooth(translation)))


def resting_head(heads: Sequence[HeadTransform]) -> HeadTransform:
    """The median head transform of a clip."""
    u, _, vt = np.linalg.svd(np.median([head.rotation for head in heads], axis=0))
    scale = float(np.median([head.scale for head in heads]))
    return HeadTransform(u @ vt, scale, np.median([head.translation for head in heads], axis=0))
