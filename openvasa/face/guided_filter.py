"""Guided filter (He et al., TPAMI 2013): a soft mask takes its edges from a colour picture."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np


@dataclass(frozen=True)
class LocalEdges:
    """A mask as a function of the picture's colour that is linear around every px.

    Attributes:
        slope: (H, W, 3) float32 change of the mask with red, green and blue.
        offset: (H, W) float32.
    """

    slope: np.ndarray
    offset: np.ndarray

    def apply(self, picture: np.ndarray) -> np.ndarray:
        """(H', W') float32 mask of a (H', W', 3) float32 picture in [0, 1], of any size."""
        size = picture.shape[1::-1]
        slope = cv2.resize(self.slope, size, interpolation=cv2.INTER_LINEAR)
        offset = cv2.resize(self.offset, size, interpolation=cv2.INTER_LINEAR)
        return np.einsum("ijk,ijk->ij", slope, picture) + offset


def fit_edges(guide: np.ndarray, mask: np.ndarray, radius: int, epsilon: float) -> LocalEdges:
    """Fit a mask to a picture's colours around every px.

    Args:
        guide: (H, W, 3) float32 picture in [0, 1].
        mask: (H, W) float32.
        radius: px around each px that are looked at.
        epsilon: squared contrast below which an edge of the picture counts as none.
    """

    def mean(plane: np.ndarray) -> np.ndarray:
        size = (2 * radius + 1, 2 * radius + 1)
        return cv2.boxFilter(plane, -1, size, borderType=cv2.BORDER_REFLECT)

    mean_guide, mean_mask = mean(guide), mean(mask)
    covariance = mean(guide * mask[..., None]) - mean_guide * mean_mask[..., None]
    rr, rg, rb, gg, gb, bb = (
        mean(guide[..., i] * guide[..., j]) - mean_guide[..., i] * mean_guide[..., j]
        for i, j in ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))
    )
    rr, gg, bb = rr + epsilon, gg + epsilon, bb + epsilon
    # Inverse of the symmetric 3×3 colour covariance at every pixel, by its adjugate.
    adjugate = (gg * bb - gb * gb, gb * rb - rg * bb, rg * gb - gg * rb)
    determinant = rr * adjugate[0] + rg * adjugate[1] + rb * adjugate[2]
    inverse = (
        (adjugate[0], adjugate[1], adjugate[2]),
        (adjugate[1], rr * bb - rb * rb, rb * rg - rr * gb),
        (adjugate[2], rb * rg - rr * gb, rr * gg - rg * rg),
    )
    slope = np.stack(
        [sum(row[j] * covariance[..., j] for j in range(3)) / determinant for row in inverse], -1
    )
    offset = mean_mask - (slope * mean_guide).sum(axis=-1)
    return LocalEdges(mean(slope), mean(offset))
