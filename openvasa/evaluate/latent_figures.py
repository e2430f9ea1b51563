"""What `openvasa evaluate latent` measures, as numbers by band, method and swap."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np
from torch import Tensor

BANDS = ((0, 15), (15, 30), (30, 180))
"""Degrees of yaw between source and driver."""
METHODS = ("copied source", "mean of the clip", "geometric", "hybrid", "learned")
REAL = "real frames"
"""A source and its driver as they are, in the place of what is drawn: what the instrument reads of
perfect pictures."""
SWAPS = ("nothing", "pose", "dynamics", "pose and dynamics", "identity", REAL)


@dataclass
class LatentFigures:
    """Everything measured.

    Attributes:
        config: of the network.
        reenacted: (band, method, metric) → values, one a pair.
        swapped: (swap, what) → values, one a pair of people whose faces could be tracked.
        tried: pictures by swap that were to be tracked.
        left_out: pairs that the geometric renderer could not draw.
        sheet: rows of (S, 7 S, 3) uint8 pictures: source, driver, the methods after copying.
    """

    config: str
    reenacted: dict[tuple[int, str, str], list[float]] = field(
        default_factory=lambda: defaultdict(list)
    )
    swapped: dict[tuple[str, str], list[float]] = field(default_factory=lambda: defaultdict(list))
    tried: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    left_out: int = 0
    sheet: list[np.ndarray] = field(default_factory=list)


def as_bytes(picture: Tensor) -> np.ndarray:
    """(3, S, S) in 0–1 → (S, S, 3) uint8."""
    return (picture.permute(1, 2, 0).clamp(0, 1) * 255).round().byte().numpy()
