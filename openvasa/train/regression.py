"""The plain baseline of the motion generator: convolutional regression from speech to motion.

    openvasa evaluate motion CACHE

trains it (some minutes) and compares. It has no noise input, so it can only say the average of what
a face might do.
"""

from __future__ import annotations

import time

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from openvasa.audio.features import FEATURE_DIM
from openvasa.train.motion_data import Augmentation, Normaliser, TalkingClip, WindowSampler

WINDOW = 64
WIDTH = 192


def network(motion_dim: int) -> nn.Module:
    """Four layers of convolution: (B, FEATURE_DIM, T) → (B, motion_dim, T)."""
    return nn.Sequential(
        nn.Conv1d(FEATURE_DIM, WIDTH, 5, padding=2),
        nn.ReLU(),
        nn.Dropout(0.1),
        nn.Conv1d(WIDTH, WIDTH, 5, padding=2),
        nn.ReLU(),
        nn.Conv1d(WIDTH, WIDTH, 5, padding=2),
        nn.ReLU(),
        nn.Conv1d(WIDTH, motion_dim, 5, padding=2),
    )


def train_regression(
    clips: list[TalkingClip], normaliser: Normaliser, minutes: float, seed: int = 0
) -> nn.Module:
    """L1 on the normalised motion and its velocity, for so many minutes of wall-clock time."""
    torch.manual_seed(seed)
    talking = [c for c in clips if c.clip.sound]
    plain = Augmentation(silence=0, gaze=0, distance=0, emotion=0)
    sampler = WindowSampler(talking, normaliser, 0, WINDOW, plain, seed=seed)
    model = network(len(normaliser.mean))
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.02)
    started, last = time.monotonic(), 0.0
    with tqdm(total=round(minutes * 60), desc="training the baseline", unit="s") as bar:
        while (spent := time.monotonic() - started) < minutes * 60:
            batch = sampler.whole(32)
            motion, speech = torch.tensor(batch.motion), torch.tensor(batch.speech)
            predicted = model(speech.transpose(1, 2)).transpose(1, 2)
            error = predicted - motion
            loss = error.abs().mean() + 2 * error.diff(dim=1).abs().mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            bar.update(int(spent) - int(last))
            last = spent
    return model.eval()


def predict(model: nn.Module, normaliser: Normaliser, speech: np.ndarray) -> np.ndarray:
    """(T, FEATURE_DIM) → (T, 6 + D) motion."""
    with torch.no_grad():
        out = model(torch.tensor(speech.T[None].astype(np.float32)))[0].T.numpy()
    return out * normaliser.deviation + normaliser.mean
