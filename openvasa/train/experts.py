"""Train the experts that judge motion against sound.

    openvasa train sync CACHE
    openvasa train capp CACHE

Both learn by contrast (InfoNCE, van den Oord et al., arXiv:1807.03748) which stretch of sound
belongs to which stretch of motion: sync among the shifts of one clip, CAPP among shifts and
clips. What is held out here is held out from the generator as well.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from openvasa.audio.level import speech_gain
from openvasa.evaluate.experts import (
    CAPP_FRAMES,
    LIP_POINTS,
    SOUND_DIM,
    SYNC_FRAMES,
    expert,
    head_motion,
    lip_shapes,
    sound_bands,
)
from openvasa.motion.motion import POSE_DIM
from openvasa.train.motion_data import POSE_MIRROR, TalkingClip, load_clips, mirror_matrix
from openvasa.train.prepare import load_sound

EMBEDDING = 64


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


RECIPES = {
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
    clips: list[tuple[np.ndarray, np.ndarray]],
    recipe: Recipe,
    mirror: np.ndarray,
    rng: np.random.Generator,
) -> tuple[Tensor, Tensor]:
    """(B, SOUND_DIM, T) and (B, m, T) of random places, disturbed a little."""
    lengths = np.array([len(bands) for bands, _ in clips], float)
    sounds, motions = [], []
    for index in rng.choice(len(clips), recipe.clips, p=lengths / lengths.sum()):
        bands, motion = clips[index]
        start = int(rng.integers(0, len(bands) - recipe.excerpt + 1))
        bands = bands[start : start + recipe.excerpt]
        motion = motion[start : start + recipe.excerpt]
        if rng.random() < 0.5:
            motion = np.hstack([motion[:, :POSE_DIM] * POSE_MIRROR, motion[:, POSE_DIM:] @ mirror])
        bands = bands + rng.normal(0, 0.15) + 0.05 * rng.standard_normal(bands.shape)
        features = recipe.features(motion)
        features = features * rng.uniform(0.8, 1.25)
        sounds.append(bands.T)
        motions.append(features.T + 0.02 * rng.standard_normal(features.T.shape))
    return (
        torch.tensor(np.stack(sounds), dtype=torch.float32),
        torch.tensor(np.stack(motions), dtype=torch.float32),
    )


def _contrast(sound: Tensor, motion: Tensor, recipe: Recipe, name: str) -> Tensor:
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


def paired(cache: Path, clips: list[TalkingClip], shortest: int) -> list[tuple]:
    """(bands, motion) of the clips with sound that are long enough."""
    pairs = []
    for clip in clips:
        if clip.clip.sound and len(clip.motion) >= shortest:
            samples = load_sound(cache, clip.clip)
            samples = samples * np.float32(speech_gain([samples]))
            pairs.append((sound_bands(samples, len(clip.motion)), clip.motion))
    return pairs


def train_expert(name: str, cache: Path, minutes: float, seed: int = 0) -> str:
    """Train one expert, write it into the package's assets; returns the held-out report."""
    from openvasa.evaluate.expert_report import report
    from openvasa.face.dynamics import dynamics_code

    recipe = RECIPES[name]
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    clips = paired(cache, load_clips(cache, "train"), recipe.excerpt)
    mirror = mirror_matrix(dynamics_code())
    towers = nn.ModuleList([Tower(SOUND_DIM, recipe), Tower(recipe.size, recipe)])
    optimiser = torch.optim.AdamW(towers.parameters(), lr=1e-3, weight_decay=0.05)
    started, spent = time.monotonic(), 0.0
    with tqdm(total=round(minutes * 60), desc=f"training {name}", unit="s") as bar:
        while spent < minutes * 60:
            for group in optimiser.param_groups:
                group["lr"] = 1e-3 * (1 - spent / (minutes * 60)) + 1e-5
            sound, motion = _excerpts(clips, recipe, mirror, rng)
            loss = _contrast(towers[0](sound), towers[1](motion), recipe, name)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            now = time.monotonic() - started
            bar.update(int(now) - int(spent))
            bar.set_postfix(loss=f"{loss.item():.3f}", refresh=False)
            spent = now
    towers.eval()
    shipped = expert(name)
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
    return report(name, paired(cache, load_clips(cache, "test"), recipe.excerpt))
