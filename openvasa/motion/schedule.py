"""Noise schedule and sampler of the motion diffusion: plain numpy, network passed in.

Variance-preserving diffusion with the cosine schedule (Nichol & Dhariwal, arXiv:2102.09672),
networks that predict the clean motion, deterministic DDIM steps (Song et al., arXiv:2010.02502) and
classifier-free guidance (Ho & Salimans, arXiv:2207.12598).
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np

MAX_TIME = 0.999


def signal_and_noise(time: np.ndarray | float) -> tuple[np.ndarray, np.ndarray]:
    """Amplitudes (alpha, sigma) of clean motion and noise at diffusion time in 0 (clean) to 1."""
    angle = np.asarray(time) * (np.pi / 2)
    return np.cos(angle), np.sin(angle)


def ddim_sample(
    predict_clean: Callable[[np.ndarray, float], np.ndarray], noise: np.ndarray, steps: int
) -> np.ndarray:
    """Turn noise into motion in `steps` evaluations of the network.

    Args:
        predict_clean: (noisy motion, diffusion time) → clean motion of the same shape, guidance
            included.
        noise: standard normal noise of the motion's shape.
        steps: number of network evaluations.
    """
    times = np.linspace(MAX_TIME, 0, steps + 1)
    state = noise
    clean = noise
    for now, then in pairwise(times):
        clean = predict_clean(state, float(now))
        alpha, sigma = signal_and_noise(now)
        direction = (state - alpha * clean) / sigma
        alpha, sigma = signal_and_noise(then)
        state = (alpha * clean + sigma * direction).astype(np.float32)
    return clean
