"""Distil the shipped motion generator for live streams: guidance and steps in one evaluation.

    openvasa train live CACHE RUN [--steps 4000]

The teacher is the package's network as streams would use it: `teacher_steps` DDIM steps, each with
classifier-free guidance, so up to four evaluations a step. DDIM is deterministic: a window's noise
and conditions fix its motion. The student, which starts as the teacher, learns that map from noise
to motion (knowledge distillation of samplers: Luhman & Luhman, arXiv:2101.02388; guidance distilled
into the network: Meng et al., arXiv:2210.03142), on the short windows of live streams.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from openvasa.audio.moonshine import MoonshineEncoder
from openvasa.data.held_back import held_back_people
from openvasa.data.windows import (
    STYLE_NAMES,
    Batch,
    Normaliser,
    TalkingClip,
    WindowSampler,
    load_clips,
)
from openvasa.motion.controls import GROUPS
from openvasa.motion.correction import CODE_LIMIT
from openvasa.motion.motion import POSE_DIM
from openvasa.motion.schedule import MAX_TIME
from openvasa.train.export import load_shipped, shipped_normaliser
from openvasa.train.motion import HELD_BACK, NORMALISER
from openvasa.train.motion_loss import GeometryLoss, LossWeights
from openvasa.train.motion_network import MotionNetwork, NetworkConfig
from openvasa.train.precision import half_precision, training_device
from openvasa.train.trainer import LOSS, Task, TrainerConfig
from openvasa.train.trainer import train as run_training

DEFAULTS = TrainerConfig(4000, learning_rate=3e-4, warmup=50, weight_decay=0.01, average=0.995)
"""A student that starts as its teacher needs smaller steps than one that starts from nothing."""
VALIDATION_BATCHES = 3
"""Batches of live windows of the people held back that every validation looks at."""


@dataclass(frozen=True)
class Distillation:
    """What the teacher does, and the windows that it does it on."""

    batch: int = 32
    """Windows a step."""
    teacher_steps: int = 4
    """DDIM steps of the teacher."""
    audio_guidance: float = 0.9
    """The teacher's, on facial dynamics; speech says little about the head."""
    control_guidance: float = 0.5
    """The teacher's on gaze and on emotion, where they are given."""
    audio_noise: float = 0.1
    """Deviation of the noise on the encoder's features, for teacher and student alike."""
    context_noise: float = 0.5
    """Largest deviation of the noise on the frames before, for both alike."""
    plain: float = 0.5
    """Share of windows without any control, as most streams are."""
    drop_controls: float = 0.4
    """Share of the others without a given control."""
    any_style: float = 0.3
    """Share of windows with a style drawn at random, not that of the clip."""


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

    def __init__(self, network: MotionNetwork, conditions: Conditions, config: Distillation):
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


def _conditions(batch: Batch, config: Distillation, before: int, device: str) -> Conditions:
    given = {key: torch.tensor(value, device=device) for key, value in vars(batch).items()}
    size, speech, style = len(given["motion"]), given["speech"], given["style"]
    context = given["motion"][:, :before]

    def chance(share: float, *shape: int) -> Tensor:
        return (torch.rand(size, *shape, device=device) < share).float()

    features = slice(0, MoonshineEncoder.content_dim)
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


def train(
    cache: Path, run: Path, config: TrainerConfig, distillation: Distillation | None = None
) -> nn.Module:
    """Distil the package's network on the clips of a cache; returns the averaged student.

    The log tells the student's error and that of the teacher's first step alone, both as shares of
    the motion's variance, by which a student that has learnt nothing would be seen.

    Raises:
        InputError: CACHE holds fewer than two people with sound, or RUN was made otherwise.
    """
    distillation, device = distillation or Distillation(), training_device()
    run.mkdir(parents=True, exist_ok=True)
    clips = load_clips(cache, "train", ("real", "generated"))
    normaliser = shipped_normaliser()
    np.savez(run / NORMALISER, **vars(normaliser))
    sizes = NetworkConfig(len(normaliser.mean), len(STYLE_NAMES))
    teacher, student = MotionNetwork(sizes), MotionNetwork(sizes)
    load_shipped(teacher)
    student.load_state_dict(teacher.state_dict())
    # Without dropout: the student has one right answer to find, the teacher's.
    teacher = teacher.to(device).eval().requires_grad_(False)
    task = _distillation_task(
        student.to(device).eval(), teacher, clips, normaliser, distillation, device
    )
    settings = {"network": asdict(sizes), "distillation": asdict(distillation)}
    return run_training(replace(task, settings=settings), config, run)


def _distillation_task(
    student: MotionNetwork,
    teacher: MotionNetwork,
    clips: list[TalkingClip],
    normaliser: Normaliser,
    config: Distillation,
    device: str,
) -> Task[Batch]:
    geometry = GeometryLoss.build(normaliser, LossWeights(), device)
    heard = [clip for clip in clips if clip.clip.sound]
    people = held_back_people((clip.clip.group for clip in heard), HELD_BACK)
    sizes = student.config

    def sampler(held_back: bool) -> WindowSampler:
        chosen = [clip for clip in heard if (clip.clip.group in people) == held_back]
        return WindowSampler(chosen, normaliser, sizes.context, sizes.window)

    learnt, judges, rng = sampler(False), sampler(True), np.random.default_rng(0)
    judged = [judges.live(config.batch, rng) for _ in range(VALIDATION_BATCHES)]

    def loss_of(network: nn.Module, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        return _step_loss(network, teacher, batch, geometry, config, device)

    def validate(average: nn.Module) -> dict[str, float]:
        found = [loss_of(average, batch) for batch in judged]
        return {
            LOSS: float(np.mean([loss.item() for loss, _ in found])),
            "error": float(np.mean([parts["error"].item() for _, parts in found])),
        }

    return Task(
        student,
        draw=lambda rng: learnt.live(config.batch, rng),
        step_loss=lambda batch, _: loss_of(student, batch),
        validate=validate,
    )


def _step_loss(
    student: nn.Module,
    teacher: MotionNetwork,
    batch: Batch,
    geometry: GeometryLoss,
    config: Distillation,
    device: str,
) -> tuple[Tensor, dict[str, Tensor]]:
    before = teacher.config.context
    conditions = _conditions(batch, config, before, device)
    noise = torch.randn(batch.motion[:, before:].shape, device=device)
    times = torch.full((len(noise),), MAX_TIME, device=device)
    with torch.inference_mode(), half_precision(device):
        hasty, *_, wanted = Teacher(teacher, conditions, config).predictions(noise)
    hasty, wanted = hasty.clone(), wanted.clone()
    with half_precision(device):
        predicted = student(noise, times, **vars(conditions)).float()
    last = torch.tensor(batch.motion[:, before - 1 : before], device=device)
    counted = 1 + geometry.weights.blink * geometry.closed_eyes(wanted)
    frames = torch.cat([conditions.has_context[:, None], counted], dim=1)
    loss, _ = geometry(
        torch.cat([last, predicted], dim=1), torch.cat([last, wanted], dim=1), frames
    )
    error = (predicted.detach() - wanted).square().mean()
    return loss, {"error": error, "hasty": (hasty - wanted).square().mean()}
