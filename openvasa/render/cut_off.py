"""A head that the picture's upper border cuts off.

Beyond the border there is nothing to show. Hair that the border crosses therefore stays at it: what
lies between face and border stretches as the head goes down, and the farther out the more.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from openvasa.face.latent import FaceLatent
from openvasa.render.cutout import margin_px


class Ceiling(NamedTuple):
    """Where a picture ends above its person.

    Attributes:
        row: px of the crop.
        opacity: (W,) float32 in 0–1, the person along the crop's uppermost row.
    """

    row: float
    opacity: np.ndarray


class Cut(NamedTuple):
    """How the picture's upper border cuts a head off, spoke by spoke.

    Attributes:
        inside: (36,) int, the last ring point before the border.
        share: (36,) float32, where between that and the next one the border lies.
        hold: (P,) float32, how much of what the border comes down each ring point is kept back.
    """

    inside: np.ndarray
    share: np.ndarray
    hold: np.ndarray


def find_ceiling(face: FaceLatent) -> Ceiling | None:
    """The upper border of the portrait's picture; None where it stays out of every frame."""
    row = min(-float(face.crop[1]) * face.zoom, 0.0)
    if -row >= margin_px(face.stated):
        return None
    return Ceiling(row, face.matte[0])


def find_cut(
    centre: np.ndarray, spokes: np.ndarray, scales: np.ndarray, ceiling: Ceiling
) -> Cut | None:
    """How a picture's upper border cuts a head off; None where all of the head is below it.

    Args:
        centre: (2,) px, the middle of the face's oval.
        spokes: (36, 2) px from there to the oval.
        scales: distance of each ring from the middle, in units of the oval's own.
        ceiling: the border.
    """
    up = np.minimum(spokes[:, 1], -1e-3)
    length = (ceiling.row - centre[1]) / up
    column = centre[0] + length * spokes[:, 0]
    width = len(ceiling.opacity)
    reached = (length > scales[0]) & (length < scales[-1])
    reached &= (column >= 0) & (column < width)
    at = np.clip(column, 0, width - 1).astype(int)
    head = (ceiling.opacity[at] * reached).astype(np.float32)
    if head.max() < 0.5:
        return None
    # The outline lies between a spoke that ends in the person and the next one, which does not.
    held = np.max([np.roll(head, step) for step in (-1, 0, 1)], axis=0)
    length = np.where(reached, length, np.inf)
    ring = np.clip(np.searchsorted(scales, length) - 1, 0, len(scales) - 2)
    share = (length - scales[ring]) / (scales[ring + 1] - scales[ring])
    hold = held * (scales[:, None] - 1) / (length - 1)
    return Cut(
        inside=ring * len(spokes) + np.arange(len(spokes)),
        share=np.where(reached, share, 0).astype(np.float32),
        hold=hold.reshape(-1).astype(np.float32),
    )


def hold_border(rings: np.ndarray, cut: Cut) -> None:
    """Keep the picture's upper border out of the frame, in place.

    Args:
        rings: (P, 3) float32 px of a frame, ring after ring; hair that is cut off stretches.
        cut: where the border lies.
    """
    inside, sides = rings[cut.inside, 1], len(cut.inside)
    border = inside + cut.share * (rings[cut.inside + sides, 1] - inside)
    down = np.maximum(border, 0)
    rings[:, 1] -= cut.hold * np.tile(down, len(rings) // sides)
