"""Train the motion generator.

    openvasa train motion CACHE RUN [--minutes 60]

Reads the cache of `openvasa data prepare`, writes checkpoints and a log into RUN and goes on from
the last checkpoint there. Runs on the CPU or, where there is one, on a GPU. `--export` writes the
averaged weights as ONNX, with the normalisation, into the package's assets.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from openvasa.audio.features import ENCODER_DIM
from openvasa.face.dynamics import dynamics_code, lid_gap, lip_gap
from openvasa.face.topology import INNER_LIPS, LEFT_EYE, LIPS, OUTER_LIPS, RIGHT_EYE
from openvasa.motion.controls import GROUPS
from openvasa.motion.motion import POSE_DIM
from openvasa.train.checkpoint import Training
from openvasa.train.export import load_shipped, shipped_normaliser
from openvasa.train.motion_data import (
    STYLE_NAMES,
    Batch,
    Normaliser,
    TalkingClip,
    WindowSampler,
    fit_normaliser,
    load_clips,
    points_matrix,
)
from openvasa.train.motion_network import MotionNetwork, NetworkConfig
from openvasa.train.precision import half_precision

CleanPredictor = Callable[..., Tensor]
"""Called as `MotionNetwork.forward` is."""

STILL_SPEED = 0.008
"""Root mean square speed of lip points below which they rest, canonical units a frame."""


@dataclass(frozen=True)
class TrainConfig:
    """One training run.

    Attributes:
        batch, live_batch: windows a step as in whole files, and as in live streams.
        live_share: share of steps on live windows.
        drop_*: share of windows without that condition.
        audio_noise: deviation of the noise on the encoder's features.
        context_noise, live_context_noise: largest deviation of the noise on the frames before, in
            whole-file and in live windows. Live ones see mostly motion that they made themselves.
        lid_weight: how much the lids count against the lips.
        blink_weight: how much more a frame with closed eyes counts. Blinks are rare and short: a
            network half trained plays safe and only lowers the lids.
        gap_weight: how much the lip gap counts beside the lip points.
        closed_weight: how much more it counts where the lips are closed, for the same reason.
        still_weight: how much more the lips' velocity counts where they rest.
        low_noise_weight: how much more a nearly clean window counts than pure noise.
    """

    batch: int = 32
    live_batch: int = 64
    live_share: float = 0.5
    learning_rate: float = 6e-4
    warmup: int = 200
    weight_decay: float = 0.02
    average: float = 0.998
    audio_noise: float = 0.2
    context_noise: float = 0.2
    live_context_noise: float = 0.6
    drop_audio: float = 0.1
    drop_context: float = 0.15
    drop_style: float = 0.2
    drop_controls: float = 0.4
    velocity_weight: float = 4.0
    lip_weight: float = 1.0
    lid_weight: float = 3.0
    blink_weight: float = 4.0
    gap_weight: float = 4.0
    closed_weight: float = 4.0
    still_weight: float = 8.0
    low_noise_weight: float = 10.0
    seed: int = 0


@dataclass(frozen=True)
class GeometryLoss:
    """What the codes mean on the face: lips and lids in canonical units."""

    points: Tensor
    lips: int
    code_weights: Tensor
    lids: Tensor
    gap: Tensor
    mean: Tensor
    deviation: Tensor

    @staticmethod
    def build(normaliser: Normaliser, config: TrainConfig, device: str) -> GeometryLoss:
        """Prepare for a normaliser."""
        code = dynamics_code()
        lips = points_matrix(code, np.unique(np.concatenate([LIPS, INNER_LIPS, OUTER_LIPS])))
        lids = points_matrix(code, np.concatenate([RIGHT_EYE, LEFT_EYE]))
        points = np.hstack([lips, lids * math.sqrt(config.lid_weight)])
        # Codes weigh as much as they move the face, pose as much as the strongest code.
        strength = np.sqrt((code.basis**2).sum(axis=(1, 2))) * normaliser.deviation[POSE_DIM:]
        weights = np.concatenate([np.full(POSE_DIM, strength.max()), strength])
        weights = np.clip(weights / strength.max(), 0.1, 1)

        def tensor(array: np.ndarray) -> Tensor:
            return torch.tensor(array, dtype=torch.float32, device=device)

        return GeometryLoss(
            tensor(points),
            lips.shape[1] // 2,
            tensor(weights / weights.mean()),
            tensor(lid_gap(code.basis) / lid_gap(code.mean_shape)),
            tensor(lip_gap(code.basis)),
            tensor(normaliser.mean[POSE_DIM:]),
            tensor(normaliser.deviation[POSE_DIM:]),
        )

    def closed_eyes(self, motion: Tensor) -> Tensor:
        """(B, n, 6 + D) normalised motion → (B, n), 0 with open eyes to 1 in a blink."""
        return ((0.75 - (1 + self._codes(motion) @ self.lids)) / 0.5).clamp(0, 1)

    def _codes(self, motion: Tensor) -> Tensor:
        return motion[..., POSE_DIM:] * self.deviation + self.mean

    def __call__(
        self, predicted: Tensor, target: Tensor, weight: Tensor, config: TrainConfig
    ) -> tuple[Tensor, dict[str, float]]:
        """Loss of predicted against true normalised motion, and its parts.

        Both (B, 1 + n, 6 + D) begin with the frame before the window, so that the step into it
        counts as velocity; `weight` (B, 1 + n) says how much each frame counts.
        """
        error = predicted - target
        points = (error[..., POSE_DIM:] * self.deviation) @ self.points
        both = weight[:, 1:] * weight[:, :-1].gt(0)

        def mean(values: Tensor, frames: Tensor) -> Tensor:
            return (values.mean(dim=2) * frames).sum() / frames.gt(0).sum()

        codes = mean(error.square() * self.code_weights, weight)
        velocity = mean(error.diff(dim=1).square() * self.code_weights, both)
        lips = mean(points.square(), weight) * 100
        lip_velocity = mean(points.diff(dim=1).square(), both) * 100
        # Of the lips alone: the lids of a resting mouth blink when they like.
        mouth = slice(0, 2 * self.lips)
        speed = ((target[..., POSE_DIM:] * self.deviation) @ self.points[:, mouth]).diff(dim=1)
        still = torch.exp(-speed.square().mean(dim=2) / STILL_SPEED**2)
        unrest = mean(points[..., mouth].diff(dim=1).square(), both * still) * 100
        closed = ((0.35 - self._codes(target) @ self.gap) / 0.25).clamp(0, 1)
        missed = ((error[..., POSE_DIM:] * self.deviation) @ self.gap).square()
        gap = mean(missed[..., None], weight * (1 + config.closed_weight * closed))
        lip_velocity = lip_velocity + config.still_weight * unrest
        loss = codes + config.velocity_weight * velocity + config.gap_weight * gap
        loss = loss + config.lip_weight * (lips + config.velocity_weight * lip_velocity)
        parts = {"codes": codes, "lips": lips, "velocity": lip_velocity, "gap": gap}
        return loss, {name: part.item() for name, part in parts.items()}


def learning_rate(peak: float, step: int, warmup: int, elapsed: float) -> float:
    """Warm-up, then cosine decay over the run's share of time gone (0–1) to a fiftieth."""
    warm = min(1.0, (step + 1) / warmup)
    decay = 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(elapsed, 1.0)))
    return peak * warm * decay


def _noise_weight(sigma: Tensor, low_noise_weight: float) -> Tensor:
    """Weight of the loss on the clean motion at noise amplitude sigma, about 1 on average.

    Near v-prediction's 1/sigma² (Salimans & Ho, arXiv:2202.00512), bounded: pure noise can only
    be answered with an average, while what is fine and quick, a blink or a closing lip, is
    decided where little noise is left.
    """
    floor = 1 / low_noise_weight
    return math.sqrt(floor * (1 + floor)) / (sigma.square() + floor)


def step_loss(
    network: CleanPredictor,
    sizes: NetworkConfig,
    batch: Batch,
    geometry: GeometryLoss,
    config: TrainConfig,
    device: str,
) -> tuple[Tensor, dict[str, float]]:
    """Loss of one batch with noise, times and left-out conditions drawn anew, and its parts."""
    tensors = {key: torch.tensor(value, device=device) for key, value in vars(batch).items()}
    motion, speech = tensors["motion"], tensors["speech"]
    size, before = len(motion), sizes.context
    context, clean = motion[:, :before], motion[:, before:]

    def keep(chance: float, *shape: int) -> Tensor:
        return (torch.rand(size, *shape, device=device) >= chance).float()

    has_context = tensors["has_context"] * keep(config.drop_context)
    diffusion_time = torch.rand(size, device=device)
    angle = diffusion_time[:, None, None] * (math.pi / 2)
    noisy = angle.cos() * clean + angle.sin() * torch.randn_like(clean)
    # Noise on the encoder's features, not on energy and pitch, keeps the network from learning
    # the training voices by heart.
    features = slice(0, 2 * ENCODER_DIM)
    speech[..., features] += config.audio_noise * torch.randn_like(speech[..., features])
    # Generated context is never quite like real motion; noise makes up for that.
    live = clean.shape[1] < sizes.window
    context_noise = config.live_context_noise if live else config.context_noise
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
            tensors["has_audio"] * keep(config.drop_audio),
            keep(config.drop_style),
            keep(config.drop_controls, len(GROUPS)),
        )
    last = context[:, -1:]
    weight = _noise_weight(angle.sin()[:, :, 0], config.low_noise_weight)
    # The frame before the window is known: it only counts in the velocity, where it is given.
    counted = tensors["inside"] * (1 + config.blink_weight * geometry.closed_eyes(clean))
    frames = torch.cat([has_context[:, None], counted], dim=1) * weight
    return geometry(
        torch.cat([last, predicted.float()], dim=1), torch.cat([last, clean], dim=1), frames, config
    )


def _run_normaliser(run: Path, clips: list[TalkingClip], from_shipped: bool) -> Normaliser:
    """The run's normalisation: fitted or taken over at its start, the same ever after."""
    path = run / "normaliser.npz"
    if not path.exists():
        fitted = shipped_normaliser() if from_shipped else fit_normaliser(clips)
        np.savez(path, **vars(fitted))
    with np.load(path) as data:
        return Normaliser(**data)


def train(
    cache: Path,
    run: Path,
    minutes: float,
    config: TrainConfig | None = None,
    *,
    from_shipped: bool = False,
) -> None:
    """Train for `minutes` of wall-clock time in all, checkpoints included in RUN.

    A run without a checkpoint starts from the weights of the package where `from_shipped`.
    """
    config = config or TrainConfig()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    run.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(config.seed)
    clips = load_clips(cache, "train", ("real", "generated"))
    normaliser = _run_normaliser(run, clips, from_shipped)
    network_config = NetworkConfig(len(normaliser.mean), len(STYLE_NAMES))
    network = MotionNetwork(network_config)
    if from_shipped:
        load_shipped(network)
    network = network.to(device)
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
    )
    checkpoint = run / "motion.pt"
    training = Training.begin(network, optimiser, checkpoint, device)
    seed = config.seed + training.step
    sampler = WindowSampler(
        clips, normaliser, network_config.context, network_config.window, seed=seed
    )
    choices = np.random.default_rng([config.seed, training.step])
    geometry = GeometryLoss.build(normaliser, config, device)
    (run / "config.json").write_text(json.dumps(asdict(config) | asdict(network_config)))
    started, running = time.monotonic() - training.spent * 60, {}
    network.train()
    while training.spent < minutes:
        if choices.random() < config.live_share:
            batch, kind = sampler.live(config.live_batch), "live "
        else:
            batch, kind = sampler.whole(config.batch), ""
        loss, parts = step_loss(network, network_config, batch, geometry, config, device)
        gone = training.spent / minutes
        rate = learning_rate(config.learning_rate, training.step, config.warmup, gone)
        training.learn(loss, rate, config.average)
        training.spent = (time.monotonic() - started) / 60
        for key, value in (parts | {"loss": loss.item()}).items():
            key = kind + key
            running[key] = running.get(key, value) * 0.98 + value * 0.02
        done = training.spent >= minutes
        if training.step % 50 == 0 or done:
            figures = " ".join(f"{key} {value:.4f}" for key, value in running.items())
            print(f"step {training.step} minute {training.spent:.1f} {figures}", flush=True)
        if training.step % 250 == 0 or done:
            training.save(checkpoint)
