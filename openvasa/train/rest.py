"""The resting face of a clip: what its facial dynamics are measured against."""

from __future__ import annotations

import numpy as np
from scipy.signal import savgol_filter

from openvasa.face.canonical import HeadTransform, pose_between
from openvasa.face.dynamics import close_lips, lid_gap, lip_gap
from openvasa.motion.window import POSE_FILTER_FRAMES
from openvasa.train.prepare import Track


def smooth_shape(canonical: np.ndarray) -> np.ndarray:
    """Take the tracker's jitter out of (T, 478, 3) shapes, keeping lip closures of three frames."""
    if len(canonical) < 5:
        return canonical
    return np.asarray(savgol_filter(canonical, 5, 2, axis=0), np.float32)


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


def head_poses(track: Track) -> np.ndarray:
    """(T, 6) float32 head pose of a clip as an offset from its median head transform."""
    window = min(POSE_FILTER_FRAMES, len(track.scale) - (len(track.scale) + 1) % 2)
    order = min(2, window - 1)

    def smooth(values: np.ndarray) -> np.ndarray:
        return np.asarray(savgol_filter(values, window, order, axis=0))

    rotation = smooth(track.rotation)
    u, _, vt = np.linalg.svd(rotation)
    rotation = u @ vt
    u, _, vt = np.linalg.svd(np.median(rotation, axis=0))
    translation, scale = smooth(track.translation), smooth(track.scale)
    rest = HeadTransform(u @ vt, float(np.median(scale)), np.median(translation, axis=0))
    heads = map(HeadTransform, rotation, scale.tolist(), translation)
    return np.stack([pose_between(rest, head) for head in heads])
