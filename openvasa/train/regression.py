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
from openvasa.data.talking_clips import (
    POSE_MIRROR,
    Normaliser,
    TalkingClip,
    mirror_matrix,
    mouth_rest_matrix,
)
from openvasa.face.dynamics import dynamics_code
from openvasa.motion.row import Row
from openvasa.train.trainer import LOSS, Task, TrainerConfig, train

WINDOW = 64
WIDTH = 192
BATCH = 32
STEPS = 2000
HELD_BACK = 20
"""One of so many training people is held back; the weights best on them are judged."""
VALIDATION_WINDOWS = 128
PAUSED = 0.4
"""Share of windows with stretches silenced, mouth at rest there."""
Batch = tuple[np.ndarray, np.ndarray]
"""(B, WINDOW, 6 + D) normalised motion and (B, WINDOW, feature_dim) speech features."""


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


class Windows:
    """Draws windows of clips with sound, mirrored half of the time."""

    def __init__(self, clips: list[TalkingClip], normaliser: Normaliser) -> None:
        self._clips, self._normaliser = clips, normaliser
        lengths = np.array([len(clip.motion) for clip in clips], float)
        self._chances = lengths / lengths.sum()
        code = dynamics_code()
        self._mirror, self._mouth_rest = mirror_matrix(code), mouth_rest_matrix(code)

    def draw(self, size: int, rng: np.random.Generator) -> Batch:
        """Windows of as many clips, long clips oftener."""
        motion, speech = zip(*(self._draw_one(rng) for _ in range(size)), strict=True)
        return np.asarray(motion, np.float32), np.asarray(speech, np.float32)

    def _draw_one(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        clip = self._clips[rng.choice(len(self._clips), p=self._chances)]
        take = clip.renditions[rng.integers(len(clip.renditions))]
        assert take.voice is not None
        start = int(rng.integers(max(len(take.motion) - WINDOW, 0) + 1))
        # A shorter clip stands still at its end.
        rows = np.minimum(np.arange(start, start + WINDOW), len(take.motion) - 1)
        row = Row.split(take.motion[rows])
        pose, codes = row.pose, row.codes
        speech = take.voice.speech[rows]
        if rng.random() < PAUSED:
            rest, speech = take.mouth_rest[rows, None], take.voice.paused[rows]
            codes = codes + rest * (codes @ self._mouth_rest - codes)
        if rng.random() < 0.5:
            pose, codes = pose * POSE_MIRROR, codes @ self._mirror
        normaliser = self._normaliser
        return (Row(pose, codes).join() - normaliser.mean) / normaliser.deviation, speech


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
    learnt = Windows([c for c in talking if c.clip.group not in people], normaliser)
    held_back = Windows([c for c in talking if c.clip.group in people], normaliser)
    judged = held_back.draw(VALIDATION_WINDOWS, np.random.default_rng(0))
    torch.manual_seed(seed)
    model = network(talking[0].speech.shape[1], len(normaliser.mean))

    def loss_of(model: nn.Module, batch: Batch) -> Tensor:
        motion, speech = map(torch.tensor, batch)
        error = model(speech.transpose(1, 2)).transpose(1, 2) - motion
        return error.abs().mean() + 2 * error.diff(dim=1).abs().mean()

    task = Task(
        model,
        draw=lambda rng: learnt.draw(BATCH, rng),
        step_loss=lambda batch, _: (loss_of(model, batch), {}),
        validate=lambda average, _: {LOSS: loss_of(average, judged).item()},
    )
    return train(task, TrainerConfig(steps, learning_rate=1e-3, warmup=50, seed=seed))


def predict(model: nn.Module, normaliser: Normaliser, speech: np.ndarray) -> np.ndarray:
    """(T, feature_dim) → (T, 6 + D) motion."""
    with torch.no_grad():
        out = model(torch.tensor(speech.T[None].astype(np.float32)))[0].T.numpy()
    return out * normaliser.deviation + normaliser.mean
