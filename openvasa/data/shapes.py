"""Shapes of tracked faces: their mirror images, and which points belong to the mouth."""

from __future__ import annotations

import numpy as np

from openvasa.face.topology import POINTS, canonical_mesh, mirror_pairs
from openvasa.maths import smoothstep


def mouth_share() -> np.ndarray:
    """(478,) float32: 0 above the nose's tip, 1 from the upper lip down, smooth between."""
    height = np.append(canonical_mesh()[0][:, 1], np.full(POINTS - 468, -3.0))
    return smoothstep(0.5, 3.0, height).astype(np.float32)


def mirror_points(points: np.ndarray) -> np.ndarray:
    """Mirror image of (..., 478, 3) canonical shapes or shape changes."""
    return points[..., mirror_pairs(), :] * np.array([-1, 1, 1], np.float32)
