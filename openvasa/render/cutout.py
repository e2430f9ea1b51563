"""The person cut out of the portrait, ready to be sampled at any sub-pixel position."""

from __future__ import annotations

import cv2
import numpy as np

from openvasa.face.latent import FaceLatent

MARGIN = 48
"""Stated px added on every side, so that a head that moves inwards brings no cut edge into the
frame."""

FOREGROUND_REACHES = 91, 13
"""Stated px around which the person's mean colour is looked for, widely first."""

SUBSAMPLES = 2
"""Samples of the cutout per px of the portrait."""

HALF_SAMPLE = np.array([1, -5, 20, 20, -5, 1]) / 32
"""Interpolates midway between two px without the softness of their mean (H.264's filter)."""

CLEAR, SOLID = 0.02, 0.98
"""Opacities beyond these are taken as none and full."""


def margin_px(stated: float) -> int:
    """Px of `MARGIN` where a stated px is `stated` px long."""
    return round(MARGIN * stated)


def place(points: np.ndarray, margin: int) -> np.ndarray:
    """(N, 2) px of the portrait → (N, 2) float32 sample positions in its `upsample`d cutout."""
    return ((points + margin) * SUBSAMPLES).astype(np.float32)


def estimate_foreground(
    image: np.ndarray, matte: np.ndarray, plate: np.ndarray, stated: float = 1.0
) -> np.ndarray:
    """(H, W, 3) float32 colours of the person without the background mixed in at the edge.

    Blur-fusion (Forte, arXiv:2106.14970) with the background known: each px starts from the mean
    colour of the person around it and is corrected by how far the mix misses the picture.

    Args:
        image: (H, W, 3) uint8 RGB.
        matte: (H, W) float32 opacity in 0–1.
        plate: (H, W, 3) uint8 RGB background.
        stated: px that one stated px is long.
    """
    picture = image.astype(np.float32)
    alpha = matte[..., None]
    background = (1 - alpha) * plate
    foreground = picture
    for reach in FOREGROUND_REACHES:
        size = 2 * round(reach * stated / 2 - 0.5) + 1
        weight = cv2.blur(matte, (size, size))[..., None]
        mean = cv2.blur(foreground * alpha, (size, size)) / np.maximum(weight, 1e-4)
        mean = np.where(weight > 1e-4, mean, foreground)
        foreground = np.clip(mean + alpha * (picture - alpha * mean - background), 0, 255)
    return foreground


def _surroundings(face: FaceLatent) -> tuple[np.ndarray, np.ndarray]:
    """The portrait with its margin from the picture, the square reflected beyond the picture.

    Returns:
        (H + 2 M, W + 2 M, 3) uint8 RGB with the margin M, and (H + 2 M, W + 2 M) bool: where it is
        the picture's own.
    """
    margin, scale = margin_px(face.stated), face.zoom
    left, top = (float(v) for v in face.crop[:2])
    shift = margin - np.array([left, top]) * scale
    matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]], np.float32)
    picture = face.picture
    if scale < 0.5:
        picture = cv2.resize(
            picture, None, fx=2 * scale, fy=2 * scale, interpolation=cv2.INTER_AREA
        )
        matrix[:, :2] /= 2 * scale
    width, height = (extent + 2 * margin for extent in face.size)
    size = width, height
    whole = np.ones(picture.shape[:2], np.uint8)
    known = cv2.warpAffine(whole, matrix, size, flags=cv2.INTER_NEAREST) > 0
    # The square is filled where it reaches outside the picture: reflecting the picture itself would
    # bring a second chin in above a tight crop.
    frame = (margin,) * 4
    reflected = cv2.copyMakeBorder(face.image, *frame, borderType=cv2.BORDER_REFLECT_101)
    return np.where(known[..., None], cv2.warpAffine(picture, matrix, size), reflected), known


def cut_out(face: FaceLatent) -> np.ndarray:
    """(H + 2 M, W + 2 M, 4) uint8 RGB, not premultiplied, and opacity of the person with margin."""
    margin, (width, height) = margin_px(face.stated), face.size
    matte = np.clip((face.matte - CLEAR) / (SOLID - CLEAR), 0, 1)
    colours, known = _surroundings(face)
    inner = slice(margin, margin + height), slice(margin, margin + width)
    foreground = estimate_foreground(face.image, matte, face.background, face.stated)
    colours[inner] = np.rint(foreground)
    opacity = np.rint(matte * 255).astype(np.uint8)
    beyond = np.pad(opacity, margin, mode="edge")
    # Reflected background would come in as if it were hair, and reflected strands as a second head.
    reflected = np.minimum(beyond, np.pad(opacity, margin, mode="reflect"))
    return np.dstack([colours, np.where(known, beyond, reflected)])


def _between(samples: np.ndarray, axis: int) -> np.ndarray:
    """Samples doubled along one axis: the old ones, and the interpolated ones after each."""
    kernel = HALF_SAMPLE[:, None] if axis == 0 else HALF_SAMPLE[None]
    anchor = (0, 2) if axis == 0 else (2, 0)
    halves = cv2.filter2D(samples, -1, kernel, anchor=anchor, borderType=cv2.BORDER_REPLICATE)
    doubled = np.stack([samples, halves], axis=axis + 1)
    shape = list(samples.shape)
    shape[axis] *= 2
    return doubled.reshape(shape)


def upsample(cutout: np.ndarray) -> np.ndarray:
    """Double a uint8 picture's samples each way, keeping the old ones as they are.

    Linear interpolation between these samples stays about as sharp as a cubic one.
    """
    return np.ascontiguousarray(_between(_between(cutout, 0), 1))
