"""Drawings: pictures made into lines and washes on paper."""

from __future__ import annotations

import cv2
import numpy as np


def draw_in_ink(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A (H, W, 3) uint8 picture as a draughtsman's: lines where it changes, pale tones between.

    Lines are what a picture is darker than its surroundings by (colour dodge); tones are its own,
    drawn towards the paper's.
    """
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    around = cv2.GaussianBlur(grey, (0, 0), rng.uniform(1, 6))
    lines = np.clip(grey / np.maximum(around, 1), 0, 1) ** rng.uniform(1, 4)
    wash = rng.uniform(0.1, 0.9)
    bright, dark = np.quantile(grey, (0.97, 0.03))
    tone = np.clip((grey - dark) / max(float(bright - dark), 1), 0, 1) ** rng.uniform(0.3, 1)
    # Few tones, as of one brush, or a crayon's many.
    if rng.random() < 0.4:
        steps = rng.integers(2, 5)
        tone = np.rint(tone * steps) / steps
    tone = 1 - wash * (1 - tone)
    paper = np.array([255, 252, 244]) - rng.uniform(0, 60) * rng.uniform(0.3, 1, 3)
    ink = rng.uniform(5, 70) * rng.uniform(0.5, 1, 3)
    drawn = ink + (lines * tone)[..., None] * (paper - ink)
    if rng.random() < 0.4:  # Coloured by hand.
        colours = picture / np.maximum(grey[..., None], 1)
        drawn = drawn * colours ** rng.uniform(0.2, 1)
    return np.clip(np.rint(drawn), 0, 255).astype(np.uint8)
