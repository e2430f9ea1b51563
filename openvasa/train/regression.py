"""The plain baseline of the motion generator: convolutional regression from speech to motion.

    openvasa evaluate motion CACHE

trains it (some minutes) and compares. It has no noise input, so it can only say the average of what
a face might do.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from openvasa.data.held_back import held_back_people
from openvasa.data.windows import Augmentation, Batch, Normaliser, TalkingClip, WindowSampler
from openvasa.train.trainer import LOSS, Task, TrainerConfig, train

WINDOW = 64
WIDTH = 192
BATCH = 32
STEPS = 2000
HELD_BACK = 20
"""One of so many training people is held back; the weights best on them are judged."""
VALIDATION_WINDOWS = 128


def network(feature_dim: int, motion_dim: int) -> nn.Module:
    """Four layers of convolution: (B, feature_dim, T) → (B, motion_dim, T)."""
    return nn.Sequential(
        nn.Conv1d(feature_dim, WIDTH, 5, padding=2),
        nn.ReLU(),
        nn.Dropout(0.1),
        nn.Conv1d(WIDTH, WIDTH, 5, padding=2),
        nn.ReLU(),
        nn.Conv1d(WIDTH, WIDTH, 5, padding=2),
        nn.ReLU(),
        nn.Conv1d(WIDTH, motion_dim, 5, padding=2),
    )


def learn_regression(
    clips: list[TalkingClip], normaliser: Normaliser, steps: int = STEPS, seed: int = 0
) -> Callable[[np.ndarray], np.ndarray]:
    """The trained baseline: (T, feature_dim) speech features → (T, 6 + D) motion."""
    model = train_regression(clips, normaliser, steps, seed)
    return lambda speech: predict(model, normaliser, speech)


def train_regression(
    clips: list[TalkingClip], normaliser: Normaliser, steps: int = STEPS, seed: int = 0
) -> nn.Module:
    """L1 on the normalised motion and its velocity; returns the averaged network."""
    talking = [c for c in clips if c.clip.sound]
    people = held_back_people((c.clip.group for c in talking), HELD_BACK)
    plain = Augmentation(silence=0, gaze=0, distance=0, emotion=0)

    def sampler(held_back: bool) -> WindowSampler:
        chosen = [c for c in talking if (c.clip.group in people) == held_back]
        return WindowSampler(chosen, normaliser, 0, WINDOW, plain)

    learnt = sampler(False)
    judged = sampler(True).whole(VALIDATION_WINDOWS, np.random.default_rng(0))
    torch.manual_seed(seed)
    model = network(talking[0].speech.shape[1], len(normaliser.mean))

    def loss_of(model: nn.Module, batch: Batch) -> Tensor:
        motion, speech = torch.tensor(batch.motion), torch.tensor(batch.speech)
        error = model(speech.transpose(1, 2)).transpose(1, 2) - motion
        return error.abs().mean() + 2 * error.diff(dim=1).abs().mean()

    task = Task(
        model,
        draw=lambda rng: learnt.whole(BATCH, rng),
        step_loss=lambda batch, _: (loss_of(model, batch), {}),
        validate=lambda average: {LOSS: loss_of(average, judged).item()},
    )
    return train(task, TrainerConfig(steps, learning_rate=1e-3, warmup=50, seed=seed))


def predict(model: nn.Module, normaliser: Normaliser, speech: np.ndarray) -> np.ndarray:
    """(T, feature_dim) → (T, 6 + D) motion."""
    with torch.no_grad():
        out = model(torch.tensor(speech.T[None].astype(np.float32)))[0].T.numpy()
    return out * normaliser.deviation + normaliser.mean
