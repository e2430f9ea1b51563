"""What lies outside a picture, continued calmly from what its edge shows."""

from __future__ import annotations

import cv2
import numpy as np

WORKING_SIDE = 512
"""The continuation is so smooth that it is made at this size and enlarged."""

SMALL_WEIGHT = 0.05
"""Share of known px below which a mean hangs on too few of them."""


def fill_outside(image: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Replace every pixel outside the picture by the mean of the picture near it.

    The mean is taken over a Gaussian that grows with the distance to the picture, so that colours
    run on at the edge and nothing streaks farther out (normalised convolution, Knutsson and
    Westin, CVPR 1993, on the levels of a Gaussian pyramid).

    Args:
        image: (H, W, 3) uint8 RGB.
        inside: (H, W) bool, where `image` shows the picture; True somewhere.

    Returns:
        (H, W, 3) uint8; `image` itself where all of it is inside.
    """
    if inside.all():
        return image
    height, width = inside.shape
    scale = min(1.0, WORKING_SIDE / max(height, width))
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    known = cv2.resize(inside.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    masked = np.where(inside[..., None], image, 0).astype(np.float32)
    colour = cv2.resize(masked, size, interpolation=cv2.INTER_AREA)
    smooth = cv2.resize(_spread(colour, known), (width, height), interpolation=cv2.INTER_LINEAR)
    return np.where(inside[..., None], image, np.clip(smooth + 0.5, 0, 255).astype(np.uint8))


def _spread(colour: np.ndarray, known: np.ndarray) -> np.ndarray:
    """(h, w, 3) float32 from `colour`, weighted by `known` (h, w) in 0–1: the growing means."""
    away = cv2.distanceTransform((known < 0.5).astype(np.uint8), cv2.DIST_L2, 5)
    # Level n of the pyramid averages over about 2**n px; one level more reaches into the picture.
    wanted = np.where(away > 0, np.log2(1 + away) + 1, 0)
    levels = [np.dstack([colour, known])]
    while len(levels) <= wanted.max() + 1:
        levels.append(cv2.pyrDown(levels[-1]))
    stack = np.empty((len(levels), *colour.shape), np.float32)
    coarser = np.broadcast_to(levels[-1].sum((0, 1)) / levels[-1][..., 3].sum(), levels[-1].shape)
    for number in range(len(levels) - 1, -1, -1):
        coarser = _blend_into(levels[number], coarser)
        stack[number] = cv2.resize(coarser, known.shape[::-1], interpolation=cv2.INTER_LINEAR)[
            ..., :3
        ]
    low = np.minimum(wanted.astype(int), len(levels) - 2)
    share = (wanted - low)[..., None]
    rows, columns = np.indices(known.shape)
    return (1 - share) * stack[low, rows, columns] + share * stack[low + 1, rows, columns]


def _blend_into(sums: np.ndarray, coarser: np.ndarray) -> np.ndarray:
    """(h, w, 4): a level's weighted means, or the coarser level's where weight is small."""
    below = cv2.resize(coarser, sums.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    return (sums + SMALL_WEIGHT * below) / (sums[..., 3:] + SMALL_WEIGHT)


def inside_picture(crop: np.ndarray, height: int, width: int, size: tuple[int, int]) -> np.ndarray:
    """(H, W) bool: which pixels of a crop show the picture.

    Args:
        crop: (3,) left, top and width of the crop, px of the picture.
        height, width: of the picture.
        size: width and height of the crop once it is cut, px.
    """
    left, top, extent = (float(v) for v in crop)
    # The same centres of pixels as the resampling that cuts the crop.
    step = extent / size[0]
    across, down = (np.arange(count) * step for count in size)
    columns = (across + left >= -0.5) & (across + left <= width - 0.5)
    rows = (down + top >= -0.5) & (down + top <= height - 0.5)
    return rows[:, None] & columns[None]
