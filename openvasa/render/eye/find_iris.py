"""Find the circle of the iris in the portrait.

With the integro-differential operator of Daugman (PAMI 15(11), 1993), on the sides alone.
"""

from __future__ import annotations

import cv2
import numpy as np

from openvasa.render.eye.view import EyeView, sample

MIN_CONTRAST = 8.0
"""Grey levels between iris and white, below which no iris is taken to be there."""

LID_CLEARANCE = 1.5
"""Stated px inside the lid margin from which on a sample counts wholly."""

FIRST_SIZES = np.linspace(0.8, 1.5, 15)
COMMON_SIZES = np.linspace(0.94, 1.06, 5)
"""Radii that are tried: in tracked radii, and in the radius that both irises share."""


def find_irises(views: list[EyeView]) -> list[np.ndarray] | None:
    """(3,) iris circle of each view, in texels; None where no iris stands out.

    Both irises of a face are the same size, so the one that shows better decides for both.
    """
    found = [_find_iris(view, FIRST_SIZES) for view in views]
    circle, contrast = max(found, key=lambda f: f[1])
    if contrast < MIN_CONTRAST:
        return None
    best = next(v for v, f in zip(views, found, strict=True) if f[0] is circle)
    size = circle[2] / best.tracked[2]
    return [_find_iris(view, size * COMMON_SIZES)[0] for view in views]


def _find_iris(view: EyeView, sizes: np.ndarray) -> tuple[np.ndarray, float]:
    """Iris circle near the tracked one, where dark gives way to bright outwards on both sides.

    Args:
        view: the eye in the portrait.
        sizes: radii to try, in tracked radii.

    Returns:
        (3,) float32 centre and radius in texels, and the contrast of the weaker side (grey levels).
    """
    # The upper and lower limbus mostly lies under lids and lashes: trust the sides.
    angle = np.concatenate([np.linspace(-1.0, 1.0, 15), np.pi + np.linspace(-1.0, 1.0, 15)])
    guess = view.tracked
    steps = np.linspace(-0.4, 0.4, 9)
    shift_x, shift_y, size = (a.ravel() for a in np.meshgrid(steps, steps, sizes))
    centre_x = guess[0] + shift_x * guess[2]
    centre_y = guess[1] + shift_y * guess[2]
    smooth = cv2.GaussianBlur(view.luma, (0, 0), max(0.08 * guess[2], 0.5))

    def ring(image: np.ndarray, factor: float) -> np.ndarray:
        radius = (size * guess[2] * factor)[:, None]
        x = centre_x[:, None] + radius * np.cos(angle)
        return sample(image, x, centre_y[:, None] + radius * np.sin(angle)).reshape(-1, 2, 15)

    weight = np.clip(ring(view.depth, 1.08) / (LID_CLEARANCE * view.stated), 0, 1)
    step = np.clip(ring(smooth, 1.12) - ring(smooth, 0.88), -20, 60)
    sides = (step * weight).sum(axis=2) / (weight.sum(axis=2) + 2.0)
    contrast = sides.min(axis=1)
    score = 0.7 * contrast + 0.3 * sides.mean(axis=1)
    score -= 50 * (shift_x**2 + shift_y**2) + 10 * (size - 1.1) ** 2
    best = int(np.argmax(score))
    found = np.array([centre_x[best], centre_y[best], size[best] * guess[2]], np.float32)
    return found, float(contrast[best])
