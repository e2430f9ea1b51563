"""Styles for training pairs: photos turned into something like paintings, prints and old pictures.

A style changes what is rendered, what is real and the portrait's own crop alike, so that the
network learns to add to a picture in the picture's own manner.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

Style = Callable[[np.ndarray], np.ndarray]
"""(N, S, S, 3) uint8 → the same shape and dtype, each crop treated alike."""

STYLISED_SHARE = 0.4
"""Part of the training pairs that get a style beyond a change of colours."""


def draw_style(rng: np.random.Generator, side: int) -> Style:
    """A random style for crops of one side, px."""
    steps: list[Style] = [_recolour(rng)]
    if rng.random() < STYLISED_SHARE:
        makers = (_posterise, _smooth_edges, _canvas, _grey, _median)
        steps.append(makers[rng.integers(len(makers))](rng, side))
    if rng.random() < 0.1:
        steps.append(_soften(rng))

    def style(crops: np.ndarray) -> np.ndarray:
        for step in steps:
            crops = step(crops)
        return crops

    return style


def _table(values: np.ndarray) -> np.ndarray:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def _recolour(rng: np.random.Generator) -> Style:
    """Gain and gamma per channel, and more or less saturation."""
    gain = rng.uniform(0.75, 1.2) * rng.uniform(0.93, 1.07, 3)
    gamma = rng.uniform(0.8, 1.3)
    saturation = np.float32(rng.uniform(0.6, 1.35))
    ramp = np.arange(256) / 255
    tables = [_table(255 * g * ramp**gamma) for g in gain]

    def step(crops: np.ndarray) -> np.ndarray:
        toned = np.stack([tables[k][crops[..., k]] for k in range(3)], axis=-1).astype(np.float32)
        grey = toned.mean(axis=-1, keepdims=True)
        return _table(grey + saturation * (toned - grey))

    return step


def _posterise(rng: np.random.Generator, _: int) -> Style:
    levels = int(rng.integers(6, 20))
    step_size = 255 / (levels - 1)
    table = _table(np.rint(np.arange(256) / step_size) * step_size)
    return lambda crops: table[crops]


def _each(crops: np.ndarray, change: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    return np.stack([change(np.ascontiguousarray(crop)) for crop in crops])


def _smooth_edges(rng: np.random.Generator, _: int) -> Style:
    colour, space = float(rng.uniform(20, 60)), float(rng.uniform(2, 4))
    return lambda crops: _each(crops, lambda c: cv2.bilateralFilter(c, 7, colour, space))


def _median(rng: np.random.Generator, _: int) -> Style:
    size = int(rng.choice([3, 5]))
    return lambda crops: _each(crops, lambda c: cv2.medianBlur(c, size))


def _soften(rng: np.random.Generator) -> Style:
    sigma = float(rng.uniform(0.4, 1.2))
    return lambda crops: _each(crops, lambda c: cv2.GaussianBlur(c, (0, 0), sigma))


def _grey(rng: np.random.Generator, _: int) -> Style:
    tint = 1 + rng.uniform(-0.12, 0.12, 3)

    def step(crops: np.ndarray) -> np.ndarray:
        return _table(crops.astype(np.float32).mean(axis=-1, keepdims=True) * tint)

    return step


def _canvas(rng: np.random.Generator, side: int) -> Style:
    """Streaks of brightness, like bristles or the weave of a canvas."""
    streaks = rng.standard_normal((side, side)).astype(np.float32)
    size = float(rng.uniform(0.5, 1.2)), float(rng.uniform(1.2, 4.0))
    if rng.random() < 0.5:
        size = size[::-1]
    streaks = cv2.GaussianBlur(streaks, (0, 0), size[0], sigmaY=size[1])
    streaks *= rng.uniform(0.03, 0.08) / streaks.std()
    return lambda crops: _table(crops * (1 + streaks[..., None]))
