"""Train the experts that judge motion against sound.

    openvasa train sync CACHE RUN
    openvasa train capp CACHE RUN

Both learn by contrast (InfoNCE, van den Oord et al., arXiv:1807.03748) which stretch of sound
belongs to which stretch of motion: sync among the shifts of one clip, CAPP among shifts and
clips. What is held out here is held out from the generator as well.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from openvasa.audio.level import level_speech
from openvasa.data.clip_list import Split
from openvasa.data.experts import (
    CAPP_FRAMES,
    LIP_POINTS,
    SOUND_DIM,
    SYNC_FRAMES,
    ExpertName,
    expert,
    head_motion,
    lip_shapes,
    sound_bands,
)
from openvasa.data.held_back import held_back_people
from openvasa.data.prepare import load_sound
from openvasa.data.talking_clips import POSE_MIRROR, TalkingClip, load_clips, mirror_matrix
from openvasa.face.canonical import POSE_DIM
from openvasa.face.dynamics import dynamics_code
from openvasa.motion.row import Row
from openvasa.train.trainer import LOSS, Task, TrainerConfig, train

EMBEDDING = 64
DEFAULTS = TrainerConfig(
    steps=4000, learning_rate=1e-3, warmup=50, weight_decay=0.05, validate_every=200
)
HELD_BACK = 10
"""One of so many training people is held back."""
VALIDATION_BATCHES = 4
"""Batches of the people held back that every validation looks at."""

Pair = tuple[np.ndarray, np.ndarray]
"""Sound bands (T, SOUND_DIM) and motion (T, 6 + D) of one clip."""
Excerpts = tuple[Tensor, Tensor]
"""(B, SOUND_DIM, T) sound and (B, m, T) features of motion."""


@dataclass(frozen=True)
class Recipe:
    """What one expert looks at.

    Attributes:
        features: (T, 6 + D) motion → (T, m).
        size: m.
        frames: length of a stretch.
        excerpt: frames of a clip in one training step.
        stride: frames between the stretches compared within an excerpt.
        clips: excerpts a step; all their stretches are contrasted.
        width: channels of the networks.
    """

    features: Callable[[np.ndarray], np.ndarray]
    size: int
    frames: int
    excerpt: int
    stride: int
    clips: int
    width: int


RECIPES: dict[ExpertName, Recipe] = {
    "sync": Recipe(lip_shapes, 2 * len(LIP_POINTS), SYNC_FRAMES, 45, 1, 12, 192),
    "capp": Recipe(head_motion, 2 * POSE_DIM, CAPP_FRAMES, 105, 10, 24, 96),
}


class Tower(nn.Module):
    """(B, channels, T) → (B, EMBEDDING, T - frames + 1) unit vectors times ten."""

    def __init__(self, channels: int, recipe: Recipe) -> None:
        super().__init__()
        width = recipe.width
        layers: list[nn.Module] = [nn.Dropout(0.1)]
        left = recipe.frames
        while left > 5:
            layers += [nn.Conv1d(channels, width, 5, dilation=(left - 1) // 8 + 1), nn.GELU()]
            left -= 4 * ((left - 1) // 8 + 1)
            channels = width
        layers += [nn.Conv1d(channels, width, left), nn.GELU(), nn.Dropout(0.2)]
        layers += [nn.Conv1d(width, width, 1), nn.GELU(), nn.Conv1d(width, EMBEDDING, 1)]
        self.layers = nn.Sequential(*layers)

    def forward(self, rows: Tensor) -> Tensor:
        return 10 * functional.normalize(self.layers(rows), dim=1)


def _excerpts(
    clips: list[Pair],
    recipe: Recipe,
    mirror: np.ndarray,
    rng: np.random.Generator,
) -> Excerpts:
    """Excerpts of random places, disturbed a little."""
    lengths = np.array([len(bands) for bands, _ in clips], float)
    sounds, motions = [], []
    for index in rng.choice(len(clips), recipe.clips, p=lengths / lengths.sum()):
        bands, motion = clips[index]
        start = int(rng.integers(0, len(bands) - recipe.excerpt + 1))
        bands = bands[start : start + recipe.excerpt]
        motion = motion[start : start + recipe.excerpt]
        if rng.random() < 0.5:
            row = Row.split(motion)
            motion = Row(row.pose * POSE_MIRROR, row.codes @ mirror).join()
        bands = bands + rng.normal(0, 0.15) + 0.05 * rng.standard_normal(bands.shape)
        features = recipe.features(motion)
        features = features * rng.uniform(0.8, 1.25)
        sounds.append(bands.T)
        motions.append(features.T + 0.02 * rng.standard_normal(features.T.shape))
    return (
        torch.tensor(np.stack(sounds), dtype=torch.float32),
        torch.tensor(np.stack(motions), dtype=torch.float32),
    )


def _contrast(sound: Tensor, motion: Tensor, recipe: Recipe, name: ExpertName) -> Tensor:
    """InfoNCE both ways over the stretches of (B, EMBEDDING, n) embeddings."""
    sound, motion = sound[..., :: recipe.stride], motion[..., :: recipe.stride]
    if name == "sync":
        similar = torch.einsum("bet,bes->bts", motion, sound) / 10
        rows, columns = similar.flatten(0, 1), similar.transpose(1, 2).flatten(0, 1)
        target = torch.arange(similar.shape[1]).repeat(len(similar))
    else:
        flat_motion = motion.transpose(1, 2).flatten(0, 1)
        flat_sound = sound.transpose(1, 2).flatten(0, 1)
        similar = flat_motion @ flat_sound.T / 10
        rows, columns = similar, similar.T
        target = torch.arange(len(similar))
    return functional.cross_entropy(rows, target) + functional.cross_entropy(columns, target)


def pair_clips(cache: Path, clips: list[TalkingClip], shortest: int) -> list[Pair]:
    """(bands, motion) of the clips with sound that are long enough."""
    pairs = []
    for clip in clips:
        if clip.clip.sound and len(clip.motion) >= shortest:
            samples = load_sound(cache, clip.clip)
            samples = level_speech(samples)
            pairs.append((sound_bands(samples, len(clip.motion)), clip.motion))
    return pairs


def train_expert(name: ExpertName, cache: Path, run: Path, config: TrainerConfig) -> list[Pair]:
    """Train one expert and write it into the package's assets.

    Args:
        name: of the expert.
        cache: of `openvasa data prepare`.
        run: folder of the run, which goes on from its checkpoint.
        config: steps, learning rate, seed.

    Returns:
        The pairs of people never trained on, to judge it by.
    """
    recipe = RECIPES[name]
    clips = load_clips(cache, Split.TRAIN)
    people = held_back_people((clip.clip.group for clip in clips if clip.clip.sound), HELD_BACK)
    learnt, judged = (
        pair_clips(cache, [c for c in clips if (c.clip.group in people) == kept], recipe.excerpt)
        for kept in (False, True)
    )
    task = expert_task(name, learnt, judged, config.seed)
    towers = train(replace(task, settings={"expert": name}), config, run)
    assert isinstance(towers, nn.ModuleList)
    _export(name, towers)
    return pair_clips(cache, load_clips(cache, Split.TEST), recipe.excerpt)


def expert_task(
    name: ExpertName, learnt: list[Pair], judged: list[Pair], seed: int
) -> Task[Excerpts]:
    """The task of telling which sound goes with which motion; judged on people held back."""
    recipe, mirror = RECIPES[name], mirror_matrix(dynamics_code())
    torch.manual_seed(seed)
    towers = nn.ModuleList([Tower(SOUND_DIM, recipe), Tower(recipe.size, recipe)])
    rng = np.random.default_rng(0)
    looked_at = [_excerpts(judged, recipe, mirror, rng) for _ in range(VALIDATION_BATCHES)]

    def loss_of(towers: nn.Module, excerpts: Excerpts) -> Tensor:
        sound, motion = excerpts
        hear, see = towers.children()
        return _contrast(hear(sound), see(motion), recipe, name)

    def validate(average: nn.Module, _: int) -> dict[str, float]:
        return {LOSS: float(np.mean([loss_of(average, seen).item() for seen in looked_at]))}

    return Task(
        towers.train(),
        draw=lambda rng: _excerpts(learnt, recipe, mirror, rng),
        step_loss=lambda excerpts, _: (loss_of(towers, excerpts), {}),
        validate=validate,
    )


def _export(name: ExpertName, towers: nn.ModuleList) -> None:
    recipe, shipped = RECIPES[name], expert(name)
    for tower, path, channels in (
        (towers[0], shipped.sound_network, SOUND_DIM),
        (towers[1], shipped.motion_network, recipe.size),
    ):
        torch.onnx.export(
            tower,
            (torch.zeros(1, channels, recipe.excerpt),),
            str(path),
            input_names=["rows"],
            output_names=["embedded"],
            opset_version=18,
            dynamic_axes={"rows": {2: "frames"}, "embedded": {2: "stretches"}},
            dynamo=False,
        )
