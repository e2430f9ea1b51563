"""Rounded lips: their sides rest on each other, and a small round hole is left between them.

The tracker's inner edge of the lips goes on being a hexagon as wide as the mouth when lips are
pushed forward. What filmed mouths show inside it is a hole that is the narrower the narrower the
mouth is; beside the hole lies lip (docs/lab/rendering.md, "Rounded lips").
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from openvasa.face.latent import FrameGeometry
from openvasa.face.topology import INNER_LIPS
from openvasa.maths import smoothstep
from openvasa.render.mouth.corners import measure_width

ROUND = 0.0, 0.25
"""Share by which the mouth is narrower than at rest, over which its opening comes to be round."""

ROUND_WIDTH, HEIGHT_SHARE = 0.4, 0.5
"""Half width of the ellipse that holds a round opening, over that of the mouth, and what the
opening's height over the mouth's width adds."""

RISE = 0.2
"""Share of its height by which the lower lip stands farther up in a round opening."""


UPPER_LIP = np.array(
    [
        [191, 80, 81, 82, 13, 312, 311, 310, 415],
        [183, 42, 41, 38, 12, 268, 271, 272, 407],
        [184, 74, 73, 72, 11, 302, 303, 304, 408],
    ]
)
LOWER_LIP = np.array(
    [
        [95, 88, 178, 87, 14, 317, 402, 318, 324],
        [96, 89, 179, 86, 15, 316, 403, 319, 325],
        [77, 90, 180, 85, 16, 315, 404, 320, 307],
    ]
)
"""Points of each lip from the right to the left corner: its inner edge, and two rows outwards."""

FOLLOWS = np.array([1.0, 2 / 3, 1 / 3])[:, None, None]
"""How far each row goes along with the inner edge, so that no part of a lip is drawn out alone."""


def measure_roundness(shape: np.ndarray, width: float) -> float:
    """0–1, how round a (478, 3) shape makes its opening, from the mouth's width at rest."""
    return float(smoothstep(*ROUND, 1 - measure_width(shape) / max(width, 1e-6)))


def close_sides(geometry: FrameGeometry, width: float) -> FrameGeometry:
    """Geometry whose lips touch beside the hole that rounded lips leave.

    Args:
        geometry: one moment.
        width: distance of the mouth's inner corners at rest, canonical units.
    """
    share = measure_roundness(geometry.canonical, width)
    if share <= 0:
        return geometry
    canonical = geometry.canonical.copy()
    right, left = canonical[INNER_LIPS[[0, 10]], :2]
    half = float(np.hypot(*(left - right))) / 2
    along = (left - right) / max(2 * half, 1e-6)
    upper, lower = canonical[UPPER_LIP[0]], canonical[LOWER_LIP[0]]
    gap = lower - upper
    place = ((upper + lower)[:, :2] / 2 - (right + left) / 2) @ along / max(half, 1e-6)
    height = np.linalg.norm(gap[:, :2], axis=1)
    tallest = float(height.max())
    reach = ROUND_WIDTH + HEIGHT_SHARE * tallest / max(2 * half, 1e-6)
    held = tallest * np.sqrt(np.maximum(1 - (place / reach) ** 2, 0))
    kept = 1 - share * (1 - np.minimum(held / np.maximum(height, 1e-6), 1))[:, None]
    down = (1 - kept) / 2 * gap
    canonical[UPPER_LIP] += FOLLOWS * down
    canonical[LOWER_LIP] -= FOLLOWS * (down + RISE * share * kept * gap)
    landmarks = geometry.landmarks.copy()
    moved = np.concatenate([UPPER_LIP, LOWER_LIP]).ravel()
    landmarks[moved] = geometry.head.apply(canonical[moved])
    return replace(geometry, canonical=canonical, landmarks=landmarks)
