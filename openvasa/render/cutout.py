"""The person cut out of the portrait, ready to be sampled at any sub-pixel position."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from openvasa.face.latent import FaceLatent

MARGIN = 48
"""Px added on every side, so that a head that moves inwards brings no cut edge into the frame."""

SUBSAMPLES = 2
"""Samples of the cutout per px of the portrait."""

HALF_SAMPLE = np.array([1, -5, 20, 20, -5, 1]) / 32
"""Interpolates midway between two px without the softness of their mean (H.264's filter)."""

REACH = 12
"""Px around the person in which the plate may differ from the portrait."""

CLEAR, SOLID = 0.02, 0.98
"""Opacities beyond these are taken as none and full."""


@dataclass(frozen=True)
class Cutout:
    """RGBA samples of a person.

    Attributes:
        samples: (2·592, 2·592, 4) uint8 RGB, not premultiplied, and opacity.
        coverage: (592, 592) bool, px within reach of any opacity.
    """

    samples: np.ndarray
    coverage: np.ndarray

    @staticmethod
    def place(points: np.ndarray) -> np.ndarray:
        """(N, 2) px of the portrait → (N, 2) float32 sample positions."""
        return ((points + MARGIN) * SUBSAMPLES).astype(np.float32)


def estimate_foreground(image: np.ndarray, matte: np.ndarray, plate: np.ndarray) -> np.ndarray:
    """(H, W, 3) float32 colours of the person without the background mixed in at the edge.

    Blur-fusion (Forte, arXiv:2106.14970) with the background known: each px starts from the mean
    colour of the person around it and is corrected by how far the mix misses the picture.

    Args:
        image: (H, W, 3) uint8 RGB.
        matte: (H, W) float32 opacity in 0–1.
        plate: (H, W, 3) uint8 RGB background.
    """
    picture = image.astype(np.float32)
    background = (1 - matte[..., None]) * plate
    alpha = matte[..., None]
    foreground = picture
    for size in (91, 13):
        weight = cv2.blur(matte, (size, size))[..., None]
        mean = cv2.blur(foreground * alpha, (size, size)) / np.maximum(weight, 1e-4)
        mean = np.where(weight > 1e-4, mean, foreground)
        foreground = np.clip(mean + alpha * (picture - alpha * mean - background), 0, 255)
    return foreground


def _between(samples: np.ndarray, axis: int) -> np.ndarray:
    """Samples doubled along one axis: the old ones, and the interpolated ones after each."""
    kernel = HALF_SAMPLE[:, None] if axis == 0 else HALF_SAMPLE[None]
    anchor = (0, 2) if axis == 0 else (2, 0)
    halves = cv2.filter2D(samples, -1, kernel, anchor=anchor, borderType=cv2.BORDER_REPLICATE)
    doubled = np.stack([samples, halves], axis=axis + 1)
    shape = list(samples.shape)
    shape[axis] *= 2
    return doubled.reshape(shape)


def cut_out(face: FaceLatent) -> Cutout:
    """Cut the person out of the portrait.

    Beyond the picture the person is continued by reflection.
    """
    matte = np.clip((face.matte - CLEAR) / (SOLID - CLEAR), 0, 1)
    colours = estimate_foreground(face.image, matte, face.background)
    rgba = np.uint8(np.rint(np.dstack([colours, matte * 255])))
    padded = cv2.copyMakeBorder(rgba, *[MARGIN] * 4, cv2.BORDER_REFLECT_101)
    near = cv2.dilate(np.uint8(padded[..., 3] > 0), np.ones((2 * REACH + 1,) * 2, np.uint8)) > 0
    return Cutout(np.ascontiguousarray(_between(_between(padded, 0), 1)), near)
