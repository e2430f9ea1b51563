"""Rings and domes around a mean skull, from which headwear is built, canonical units."""

from __future__ import annotations

import numpy as np

from openvasa.data.occluders.scene import Scene

CENTRE = np.array([0.0, -3.0, 3.5])
AXES = np.array([8.3, 10.8, 10.0])
"""A mean skull with skin; see `openvasa.render.mesh`."""
AROUND = np.linspace(0, 2 * np.pi, 48, endpoint=False)


def ring(level: float, lean: float, grow: float) -> np.ndarray:
    """(48, 3) points around the skull at a level; it rises by `lean` from back to front."""
    z = CENTRE[2] - AXES[2] * grow * np.cos(AROUND)
    x = AXES[0] * grow * np.sin(AROUND)
    y = level + lean * (z - CENTRE[2])
    return np.column_stack([x, y, z])


def dome(scene: Scene, level: float, lean: float, grow: float, high: float) -> np.ndarray:
    """Points over the skull above a ring; `high` stretches it upwards."""
    rings = []
    for up in np.linspace(0, 1, 7)[1:]:
        narrow = grow * np.sqrt(max(1 - up ** scene.between(2.0, 3.5), 0.02))
        upper = ring(level, lean, narrow)
        upper[:, 1] = level + lean * (upper[:, 2] - CENTRE[2]) * (1 - up) - up * high
        rings.append(upper)
    return np.vstack(rings)


def front(around: np.ndarray) -> np.ndarray:
    """The half of a ring that faces the camera, from the left to the right of the picture."""
    return np.roll(around, 12, axis=0)[:25]


def tilt(points: np.ndarray, level: float, roll: float) -> np.ndarray:
    """Points turned in the picture by `roll` rad about the middle of a ring."""
    c, s = np.cos(roll), np.sin(roll)
    x, y = points[:, 0], points[:, 1] - level
    return np.column_stack([c * x - s * y, level + s * x + c * y, points[:, 2]])


def draw_level(scene: Scene) -> float:
    """Canonical height of a band on the forehead: between hairline and brows."""
    brow, top = scene.canonical[105][1], scene.canonical[10][1]
    return float(top + (brow - top) * scene.between(-0.6, 0.95))
