"""Train the motion generator.

    openvasa train motion CACHE RUN [--steps 10000]

Reads the cache of `openvasa data prepare`. RUN is a folder as `trainer` makes it, with the
normalisation beside. Runs on the CPU or, where there is one, on a GPU. `--export` writes the
averaged weights as ONNX, with the normalisation, into the package's assets.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from openvasa.audio.moonshine import MoonshineEncoder
from openvasa.data.held_back import held_back_people
from openvasa.data.windows import (
    STYLE_NAMES,
    Augmentation,
    Batch,
    Normaliser,
    TalkingClip,
    WindowSampler,
    fit_normaliser,
    load_clips,
)
from openvasa.motion.controls import GROUPS
from openvasa.train.export import load_shipped, shipped_normaliser
from openvasa.train.motion_loss import GeometryLoss, LossWeights, noise_weight
from openvasa.train.motion_network import MotionNetwork, NetworkConfig
from openvasa.train.precision import half_precision, training_device
from openvasa.train.trainer import LOSS, Task, TrainerConfig
from openvasa.train.trainer import train as run_training

CleanPredictor = Callable[..., Tensor]
"""Called as `MotionNetwork.forward` is."""

DEFAULTS = TrainerConfig(steps=10_000)
HELD_BACK = 20
"""One of so many training people is held back."""
VALIDATION_WINDOWS = 96
"""Windows of the people held back that every validation looks at, as many again live."""
NORMALISER = "normaliser.npz"


@dataclass(frozen=True)
class MotionTraining:
    """What the motion generator sees of each window, and what its errors cost."""

    batch: int = 32
    """Windows a step as in whole files."""
    live_batch: int = 64
    """Windows a step as in live streams."""
    live_share: float = 0.5
    """Share of steps on live windows."""
    audio_noise: float = 0.2
    """Deviation of the noise on the encoder's features."""
    context_noise: float = 0.2
    """Largest deviation of the noise on the frames before a whole-file window."""
    live_context_noise: float = 0.6
    """The same of a live window, whose frames before are mostly the generator's own."""
    drop_audio: float = 0.1
    """Share of windows that do not hear the speech."""
    drop_context: float = 0.15
    """Share of windows that do not see the frames before."""
    drop_style: float = 0.2
    """Share of windows that do not know the speaking style."""
    drop_controls: float = 0.4
    """Share of windows that do not know a control, for each control."""
    weights: LossWeights = field(default_factory=LossWeights)
    """What each error costs."""


def train(
    cache: Path,
    run: Path,
    config: TrainerConfig,
    training: MotionTraining | None = None,
    *,
    from_shipped: bool = False,
) -> nn.Module:
    """Train on the clips of a cache; returns the averaged network.

    Args:
        cache: of `openvasa data prepare`.
        run: folder of the run, which goes on from its checkpoint.
        config: steps, learning rate, seed.
        training: what windows show and errors cost.
        from_shipped: a new run starts from the weights of the package.

    Raises:
        InputError: CACHE holds fewer than two people with sound, or RUN was made otherwise.
    """
    training, device = training or MotionTraining(), training_device()
    clips = load_clips(cache, "train", ("real", "generated"))
    normaliser = _run_normaliser(run, clips, from_shipped)
    sizes = NetworkConfig(len(normaliser.mean), len(STYLE_NAMES))
    torch.manual_seed(config.seed)
    network = MotionNetwork(sizes)
    if from_shipped:
        load_shipped(network)
    settings = {
        "network": asdict(sizes),
        "training": asdict(training),
        "from_shipped": from_shipped,
    }
    task = motion_task(network.to(device).train(), sizes, clips, normaliser, training, device)
    return run_training(replace(task, settings=settings), config, run)


def motion_task(
    network: nn.Module,
    sizes: NetworkConfig,
    clips: list[TalkingClip],
    normaliser: Normaliser,
    training: MotionTraining,
    device: str,
    augmentation: Augmentation | None = None,
) -> Task[Batch]:
    """The task of predicting clean motion, judged by the loss on people held back.

    Args:
        network: called as `MotionNetwork` is, on `device`.
        sizes: context and window are those of the windows.
        clips: to learn from and to hold back from.
        normaliser: of the clips.
        training: what windows show and errors cost.
        device: where the network is.
        augmentation: of the windows; the usual one where None.
    """
    augmentation = augmentation or Augmentation()
    geometry = GeometryLoss.build(normaliser, training.weights, device)
    heard = (clip.clip.group for clip in clips if clip.clip.sound)
    people = held_back_people(heard, HELD_BACK)

    def sampler(held_back: bool) -> WindowSampler:
        chosen = [clip for clip in clips if (clip.clip.group in people) == held_back]
        return WindowSampler(chosen, normaliser, sizes.context, sizes.window, augmentation)

    learnt = sampler(False)
    judged = _validation_batches(sampler(True), training)

    def draw(rng: np.random.Generator) -> Batch:
        if rng.random() < training.live_share:
            return learnt.live(training.live_batch, rng)
        return learnt.whole(training.batch, rng)

    def loss_of(predict: CleanPredictor, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        return step_loss(predict, sizes, batch, geometry, training, device)

    def learn(batch: Batch, _step: int) -> tuple[Tensor, dict[str, Tensor]]:
        loss, parts = loss_of(network, batch)
        kind = "live " if _is_live(batch, sizes) else "whole "
        return loss, {kind + name: part for name, part in (parts | {LOSS: loss.detach()}).items()}

    def validate(average: nn.Module) -> dict[str, float]:
        found = {}
        for kind, batches in judged.items():
            losses = [loss_of(average, batch)[0].item() for batch in batches]
            found[f"{kind} {LOSS}"] = float(np.mean(losses))
        return {LOSS: float(np.mean(list(found.values()))), **found}

    return Task(network, draw, learn, validate)


def _validation_batches(sampler: WindowSampler, training: MotionTraining) -> dict[str, list[Batch]]:
    """Windows of the people held back, the same in every run, of each kind that is learnt."""
    rng = np.random.default_rng(0)
    found: dict[str, list[Batch]] = {}
    if training.live_share < 1:
        count = math.ceil(VALIDATION_WINDOWS / training.batch)
        found["whole"] = [sampler.whole(training.batch, rng) for _ in range(count)]
    if training.live_share > 0:
        count = math.ceil(VALIDATION_WINDOWS / training.live_batch)
        found["live"] = [sampler.live(training.live_batch, rng) for _ in range(count)]
    return found


def _is_live(batch: Batch, sizes: NetworkConfig) -> bool:
    return batch.inside.shape[1] < sizes.window


def step_loss(
    network: CleanPredictor,
    sizes: NetworkConfig,
    batch: Batch,
    geometry: GeometryLoss,
    training: MotionTraining,
    device: str,
) -> tuple[Tensor, dict[str, Tensor]]:
    """Loss of one batch with noise, times and left-out conditions drawn anew, and its parts."""
    tensors = {key: torch.tensor(value, device=device) for key, value in vars(batch).items()}
    motion, speech = tensors["motion"], tensors["speech"]
    size, before = len(motion), sizes.context
    context, clean = motion[:, :before], motion[:, before:]

    def keep(chance: float, *shape: int) -> Tensor:
        return (torch.rand(size, *shape, device=device) >= chance).float()

    has_context = tensors["has_context"] * keep(training.drop_context)
    diffusion_time = torch.rand(size, device=device)
    angle = diffusion_time[:, None, None] * (math.pi / 2)
    noisy = angle.cos() * clean + angle.sin() * torch.randn_like(clean)
    # Noise on the encoder's features, not on energy and pitch, keeps the network from learning
    # the training voices by heart.
    features = slice(0, MoonshineEncoder.content_dim)
    speech[..., features] += training.audio_noise * torch.randn_like(speech[..., features])
    # Generated context is never quite like real motion; noise makes up for that.
    live = _is_live(batch, sizes)
    context_noise = training.live_context_noise if live else training.context_noise
    amount = context_noise * torch.rand(size, 1, 1, device=device)
    heard_context = context + amount * torch.randn_like(context)
    with half_precision(device):
        predicted = network(
            noisy,
            diffusion_time,
            heard_context,
            speech,
            tensors["style"],
            tensors["controls"],
            has_context,
            tensors["has_audio"] * keep(training.drop_audio),
            keep(training.drop_style),
            keep(training.drop_controls, len(GROUPS)),
        )
    last = context[:, -1:]
    weight = noise_weight(angle.sin()[:, :, 0], training.weights.low_noise)
    # The frame before the window is known: it only counts in the velocity, where it is given.
    blinks = training.weights.blink * geometry.closed_eyes(clean)
    frames = torch.cat([has_context[:, None], tensors["inside"] * (1 + blinks)], dim=1) * weight
    return geometry(
        torch.cat([last, predicted.float()], dim=1), torch.cat([last, clean], dim=1), frames
    )


def _run_normaliser(run: Path, clips: list[TalkingClip], from_shipped: bool) -> Normaliser:
    """The run's normalisation: fitted or taken over at its start, the same ever after."""
    run.mkdir(parents=True, exist_ok=True)
    path = run / NORMALISER
    if not path.exists():
        fitted = shipped_normaliser() if from_shipped else fit_normaliser(clips)
        np.savez(path, **vars(fitted))
    with np.load(path) as data:
        return Normaliser(**data)
