"""Distil the shipped motion generator for live streams: guidance and steps in one evaluation.

    openvasa train live CACHE RUN [--minutes 40]

The teacher is the package's network as streams would use it: `teacher_steps` DDIM steps, each with
classifier-free guidance, so up to four evaluations a step. DDIM is deterministic: a window's noise
and conditions fix its motion. The student, which starts as the teacher, learns that map from noise
to motion (knowledge distillation of samplers: Luhman & Luhman, arXiv:2101.02388; guidance distilled
into the network: Meng et al., arXiv:2210.03142), on the short windows of live streams.
"""

from __future__ import annotations

import json
import math
import time
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from openvasa.audio.features import ENCODER_DIM
from openvasa.motion.controls import GROUPS
from openvasa.motion.motion import POSE_DIM
from openvasa.motion.schedule import MAX_TIME
from openvasa.motion.window import CODE_LIMIT
from openvasa.train.checkpoint import Training
from openvasa.train.export import load_shipped, shipped_normaliser
from openvasa.train.motion import GeometryLoss, learning_rate
from openvasa.train.motion import TrainConfig as MotionTraining
from openvasa.train.motion_data import STYLE_NAMES, Batch, WindowSampler, load_clips
from openvasa.train.motion_network import MotionNetwork, NetworkConfig
from openvasa.train.precision import half_precision


@dataclass(frozen=True)
class DistilConfig:
    """One distillation.

    Attributes:
        batch: windows a step.
        teacher_steps: DDIM steps of the teacher.
        audio_guidance: the teacher's, on facial dynamics; speech says little about the head.
        control_guidance: the teacher's on gaze and on emotion, where they are given.
        audio_noise, context_noise: deviation of the noise on the encoder's features, and the
            largest of that on the frames before, for teacher and student alike.
        plain: share of windows without any control, as most streams are.
        drop_controls: share of the others without a given control.
        any_style: share of windows with a style drawn at random, not that of the clip.
    """

    batch: int = 32
    teacher_steps: int = 4
    audio_guidance: float = 0.9
    control_guidance: float = 0.5
    audio_noise: float = 0.1
    context_noise: float = 0.5
    plain: float = 0.5
    drop_controls: float = 0.4
    any_style: float = 0.3
    learning_rate: float = 3e-4
    warmup: int = 50
    weight_decay: float = 0.01
    average: float = 0.995
    seed: int = 0


@dataclass(frozen=True)
class Conditions:
    """What a window is generated from, each with a leading batch axis; see `MotionNetwork`."""

    context: Tensor
    audio: Tensor
    style: Tensor
    controls: Tensor
    has_context: Tensor
    has_audio: Tensor
    has_style: Tensor
    has_controls: Tensor

    def rows(self, index: Tensor) -> dict[str, Tensor]:
        """The conditions of some windows, to be changed by the caller."""
        return {name: value[index].clone() for name, value in vars(self).items()}


class Teacher:
    """Guided DDIM sampling in torch: the conditions as they are, then each guided one left out."""

    def __init__(self, network: MotionNetwork, conditions: Conditions, config: DistilConfig):
        self._network, self._config = network, config
        size = len(conditions.context)
        everyone = torch.arange(size, device=conditions.context.device)
        unheard = conditions.rows(everyone)
        unheard["has_audio"].zero_()
        parts, self._left_out = [conditions.rows(everyone), unheard], [(everyone, -1)]
        for group in (0, 2):
            given = conditions.has_controls[:, group].nonzero()[:, 0]
            part = conditions.rows(given)
            part["has_controls"][:, group] = 0
            parts.append(part)
            self._left_out.append((given, group))
        self._index = torch.cat([everyone, *(given for given, _ in self._left_out)])
        self._rows = {name: torch.cat([p[name] for p in parts]) for name in parts[0]}

    def clean(self, noisy: Tensor, moment: float) -> Tensor:
        """(B, n, motion_dim) the guided prediction at diffusion time `moment`."""
        times = torch.full((len(self._index),), moment, device=noisy.device)
        predicted = self._network(noisy[self._index], times, **self._rows).float()
        asis = predicted[: len(noisy)]
        guided, at = asis.clone(), len(noisy)
        for given, group in self._left_out:
            without = predicted[at : at + len(given)]
            at += len(given)
            if group == -1:
                scale = torch.full((noisy.shape[2],), self._config.audio_guidance)
                scale[:POSE_DIM] = 0
                guided += scale.to(noisy.device) * (asis - without)
            else:
                guided[given] += self._config.control_guidance * (asis[given] - without)
        return guided.clamp(-CODE_LIMIT, CODE_LIMIT)

    def predictions(self, noise: Tensor) -> list[Tensor]:
        """(B, n, motion_dim) standard normal noise → motion as each step predicts it.

        The last one is the sample; see `motion.schedule.ddim_sample`.
        """
        state, found = noise, list[Tensor]()
        times = np.linspace(MAX_TIME, 0, self._config.teacher_steps + 1) * (math.pi / 2)
        for now, then in pairwise(times):
            clean = self.clean(state, 2 * now / math.pi)
            direction = (state - math.cos(now) * clean) / math.sin(now)
            state = math.cos(then) * clean + math.sin(then) * direction
            found.append(clean)
        return found


def _conditions(batch: Batch, config: DistilConfig, before: int, device: str) -> Conditions:
    given = {key: torch.tensor(value, device=device) for key, value in vars(batch).items()}
    size, speech, style = len(given["motion"]), given["speech"], given["style"]
    context = given["motion"][:, :before]

    def chance(share: float, *shape: int) -> Tensor:
        return (torch.rand(size, *shape, device=device) < share).float()

    features = slice(0, 2 * ENCODER_DIM)
    speech[..., features] += config.audio_noise * torch.randn_like(speech[..., features])
    amount = config.context_noise * torch.rand(size, 1, 1, device=device)
    other = chance(config.any_style, 1)
    kept = 1 - chance(config.drop_controls, len(GROUPS))
    return Conditions(
        context=context + amount * torch.randn_like(context),
        audio=speech,
        style=style * (1 - other) + torch.randn_like(style) * other,
        controls=given["controls"],
        has_context=given["has_context"],
        has_audio=given["has_audio"],
        has_style=torch.ones(size, device=device),
        has_controls=kept * (1 - chance(config.plain, 1)),
    )


def train(cache: Path, run: Path, minutes: float, config: DistilConfig | None = None) -> None:
    """Distil for `minutes` of wall-clock time in all, earlier starts included; checkpoints in RUN.

    The log tells the student's error and that of the teacher's first step alone, both as shares of
    the motion's variance, by which a student that has learnt nothing would be seen.
    """
    config = config or DistilConfig()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    run.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(config.seed)
    clips = load_clips(cache, "train", ("real", "generated"))
    normaliser = shipped_normaliser()
    np.savez(run / "normaliser.npz", **vars(normaliser))
    sizes = NetworkConfig(len(normaliser.mean), len(STYLE_NAMES))
    teacher = MotionNetwork(sizes)
    load_shipped(teacher)
    teacher = teacher.to(device).eval().requires_grad_(False)
    student = MotionNetwork(sizes).to(device).eval()
    student.load_state_dict(teacher.state_dict())
    optimiser = torch.optim.AdamW(
        student.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
    )
    checkpoint = run / "motion.pt"
    training = Training.begin(student, optimiser, checkpoint, device)
    seed = config.seed + training.step
    sampler = WindowSampler(clips, normaliser, sizes.context, sizes.window, seed=seed)
    geometry = GeometryLoss.build(normaliser, MotionTraining(), device)
    (run / "config.json").write_text(json.dumps(asdict(config) | asdict(sizes)))
    started, running = time.monotonic() - training.spent * 60, {}
    while training.spent < minutes:
        batch = sampler.live(config.batch)
        loss, figures = _step_loss(student, teacher, batch, geometry, config, device)
        gone = training.spent / minutes
        rate = learning_rate(config.learning_rate, training.step, config.warmup, gone)
        training.learn(loss, rate, config.average)
        training.spent = (time.monotonic() - started) / 60
        for key, value in (figures | {"loss": loss.item()}).items():
            running[key] = running.get(key, value) * 0.97 + value * 0.03
        done = training.spent >= minutes
        if training.step % 20 == 0 or done:
            told = " ".join(f"{key} {value:.4f}" for key, value in running.items())
            print(f"step {training.step} minute {training.spent:.1f} {told}", flush=True)
        if training.step % 100 == 0 or done:
            training.save(checkpoint)


def _step_loss(
    student: MotionNetwork,
    teacher: MotionNetwork,
    batch: Batch,
    geometry: GeometryLoss,
    config: DistilConfig,
    device: str,
) -> tuple[Tensor, dict[str, float]]:
    before = student.config.context
    conditions = _conditions(batch, config, before, device)
    noise = torch.randn(batch.motion[:, before:].shape, device=device)
    times = torch.full((len(noise),), MAX_TIME, device=device)
    with torch.inference_mode(), half_precision(device):
        hasty, *_, wanted = Teacher(teacher, conditions, config).predictions(noise)
    wanted = wanted.clone()
    with half_precision(device):
        predicted = student(noise, times, **vars(conditions)).float()
    last = torch.tensor(batch.motion[:, before - 1 : before], device=device)
    counted = 1 + MotionTraining.blink_weight * geometry.closed_eyes(wanted)
    frames = torch.cat([conditions.has_context[:, None], counted], dim=1)
    loss, _ = geometry(
        torch.cat([last, predicted], dim=1),
        torch.cat([last, wanted], dim=1),
        frames,
        MotionTraining(),
    )
    error = (predicted.detach() - wanted).square().mean().item()
    return loss, {"error": error, "hasty": (hasty - wanted).square().mean().item()}
