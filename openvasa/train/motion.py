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
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from openvasa.audio.features import ENCODER_DIM
from openvasa.face.dynamics import dynamics_code
from openvasa.face.topology import INNER_LIPS, LEFT_EYE, LIPS, OUTER_LIPS, RIGHT_EYE
from openvasa.motion.motion import POSE_DIM
from openvasa.train.motion_data import (
    STYLE_NAMES,
    Normaliser,
    TalkingClip,
    WindowSampler,
    fit_normaliser,
    lip_points_matrix,
    load_clips,
)
from openvasa.train.motion_network import MotionNetwork, NetworkConfig


@dataclass(frozen=True)
class TrainConfig:
    """One training run."""

    batch: int = 32
    learning_rate: float = 6e-4
    warmup: int = 200
    weight_decay: float = 0.02
    average: float = 0.998
    audio_noise: float = 0.3
    drop_audio: float = 0.1
    drop_context: float = 0.4
    drop_style: float = 0.2
    velocity_weight: float = 4.0
    lip_weight: float = 1.0
    seed: int = 0


@dataclass(frozen=True)
class GeometryLoss:
    """What the codes mean on the face: lips and lids in canonical units."""

    points: Tensor
    code_weights: Tensor
    mean: Tensor
    deviation: Tensor

    @staticmethod
    def build(normaliser: Normaliser, device: str) -> GeometryLoss:
        """Prepare for a normaliser."""
        code = dynamics_code()
        points = np.unique(np.concatenate([LIPS, INNER_LIPS, OUTER_LIPS, RIGHT_EYE, LEFT_EYE]))
        # Codes weigh as much as they move the face, pose as much as the strongest code.
        strength = np.sqrt((code.basis**2).sum(axis=(1, 2))) * normaliser.deviation[POSE_DIM:]
        weights = np.concatenate([np.full(POSE_DIM, strength.max()), strength])
        weights = np.clip(weights / strength.max(), 0.1, 1)

        def tensor(array: np.ndarray) -> Tensor:
            return torch.tensor(array, dtype=torch.float32, device=device)

        return GeometryLoss(
            tensor(lip_points_matrix(code, points)),
            tensor(weights / weights.mean()),
            tensor(normaliser.mean[POSE_DIM:]),
            tensor(normaliser.deviation[POSE_DIM:]),
        )

    def __call__(
        self, predicted: Tensor, target: Tensor, config: TrainConfig
    ) -> tuple[Tensor, dict[str, float]]:
        """Loss of predicted against true normalised motion (B, T, 6 + D), and its parts."""
        error = predicted - target
        codes = (error.square() * self.code_weights).mean()
        velocity = (error.diff(dim=1).square() * self.code_weights).mean()
        points = (error[..., POSE_DIM:] * self.deviation) @ self.points
        lips = points.square().mean() * 100
        lip_velocity = points.diff(dim=1).square().mean() * 100
        loss = codes + config.velocity_weight * velocity
        loss = loss + config.lip_weight * (lips + config.velocity_weight * lip_velocity)
        return loss, {"codes": codes.item(), "lips": lips.item(), "velocity": lip_velocity.item()}


def _learning_rate(step: int, elapsed: float, config: TrainConfig) -> float:
    """Warm-up, then cosine decay over the run's share of time gone (0–1) to a fiftieth."""
    warm = min(1.0, (step + 1) / config.warmup)
    decay = 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(elapsed, 1.0)))
    return config.learning_rate * warm * decay


def _step_loss(
    network: MotionNetwork,
    batch: tuple[np.ndarray, ...],
    geometry: GeometryLoss,
    config: TrainConfig,
    device: str,
) -> tuple[Tensor, dict[str, float]]:
    motion, speech, style, has_audio, has_context = (torch.tensor(b, device=device) for b in batch)
    size = len(motion)
    context, clean = motion.split([network.config.context, network.config.window], dim=1)

    def keep(chance: float) -> Tensor:
        return (torch.rand(size, device=device) >= chance).float()

    diffusion_time = torch.rand(size, device=device)
    angle = diffusion_time[:, None, None] * (math.pi / 2)
    noisy = angle.cos() * clean + angle.sin() * torch.randn_like(clean)
    # Noise on the encoder's features, not on energy and pitch, keeps the network from learning
    # the training voices by heart.
    features = slice(0, 2 * ENCODER_DIM)
    speech[..., features] += config.audio_noise * torch.randn_like(speech[..., features])
    # Generated context is never quite like real motion; a little noise makes up for that.
    context = context + 0.1 * torch.randn_like(context)
    predicted = network(
        noisy,
        diffusion_time,
        context,
        speech,
        style,
        has_context * keep(config.drop_context),
        has_audio * keep(config.drop_audio),
        keep(config.drop_style),
    )
    return geometry(predicted, clean, config)


def _run_normaliser(run: Path, clips: list[TalkingClip]) -> Normaliser:
    """The run's normalisation: fitted at its start, the same ever after."""
    path = run / "normaliser.npz"
    if not path.exists():
        np.savez(path, **vars(fit_normaliser(clips)))
    with np.load(path) as data:
        return Normaliser(**data)


def train(cache: Path, run: Path, minutes: float, config: TrainConfig | None = None) -> None:
    """Train for `minutes` of wall-clock time in all, checkpoints included in RUN."""
    config = config or TrainConfig()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    run.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(config.seed)
    clips = load_clips(cache, "train", ("real", "generated"))
    normaliser = _run_normaliser(run, clips)
    network_config = NetworkConfig(len(normaliser.mean), len(STYLE_NAMES))
    network = MotionNetwork(network_config).to(device)
    average = {key: value.detach().clone() for key, value in network.state_dict().items()}
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
    )
    frames = network_config.context + network_config.window
    checkpoint_file = run / "motion.pt"
    step, spent = 0, 0.0
    if checkpoint_file.exists():
        saved = torch.load(checkpoint_file, map_location=device, weights_only=True)
        network.load_state_dict(saved["network"])
        optimiser.load_state_dict(saved["optimiser"])
        average, step, spent = saved["average"], saved["step"], saved["spent"]
    sampler = WindowSampler(
        clips, normaliser, frames, network_config.context, seed=config.seed + step
    )
    geometry = GeometryLoss.build(normaliser, device)
    (run / "config.json").write_text(json.dumps(asdict(config) | asdict(network_config)))
    started, running = time.monotonic() - spent * 60, {}
    network.train()
    while spent < minutes:
        for group in optimiser.param_groups:
            group["lr"] = _learning_rate(step, spent / minutes, config)
        loss, parts = _step_loss(network, sampler.batch(config.batch), geometry, config, device)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        weight = min(config.average, step / (step + 10))
        for key, value in network.state_dict().items():
            average[key].lerp_(value, 1 - weight)
        step += 1
        spent = (time.monotonic() - started) / 60
        for key, value in (parts | {"loss": loss.item()}).items():
            running[key] = running.get(key, value) * 0.98 + value * 0.02
        if step % 50 == 0 or spent >= minutes:
            figures = " ".join(f"{key} {value:.4f}" for key, value in running.items())
            print(f"step {step} minute {spent:.1f} {figures}", flush=True)
        if step % 250 == 0 or spent >= minutes:
            state = {"network": network.state_dict(), "optimiser": optimiser.state_dict()}
            state |= {"average": average, "step": step, "spent": spent}
            partial = checkpoint_file.with_suffix(".partial")
            torch.save(state, partial)
            partial.replace(checkpoint_file)
