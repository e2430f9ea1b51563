"""Sampler of the motion diffusion: from noise to motion along the velocity that a network predicts.

Variance-preserving diffusion on a quarter circle: at angle a, state = cos(a) motion + sin(a) noise
and velocity = cos(a) noise − sin(a) motion (v-prediction: Salimans & Ho, arXiv:2202.00512), so that
the state turns by d state / d a = velocity. A network that knows nothing predicts no velocity and
leaves the noise as it is, which here is a sample of the prior: what is not known keeps its spread
at any number of steps. DDIM would shrink it by cos(step) a step.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np


def sample_velocity(
    predict: Callable[[np.ndarray, float], np.ndarray], noise: np.ndarray, steps: int
) -> np.ndarray:
    """Turn noise into motion by the second-order Adams–Bashforth method.

    Args:
        predict: (state, angle as a share of a quarter circle, 1 is noise) → velocity of the
            state's shape, guidance included.
        noise: of unit deviation.
        steps: evaluations of `predict`.

    Returns:
        Motion of the noise's shape and scale, float32.
    """
    angles = np.linspace(math.pi / 2, 0, steps + 1)
    state, before = noise, None
    velocity = np.zeros_like(noise)
    for now, then in pairwise(angles):
        velocity = predict(state, float(now / (math.pi / 2)))
        if then == angles[-1]:
            break
        slope = velocity if before is None else 1.5 * velocity - 0.5 * before
        state = (state - (now - then) * slope).astype(np.float32)
        before = velocity
    last = angles[-2]
    return (math.cos(last) * state - math.sin(last) * velocity).astype(np.float32)
