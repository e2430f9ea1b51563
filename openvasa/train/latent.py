"""Train the learned latent: appearance volume, identity, pose, dynamics and decoder.

    openvasa train latent CACHE CLIPS RUN --config tiny

Stage one of VASA-1 (arXiv:2404.10667, section 3.1). A batch holds two frames each of many clips.
The driver is drawn from the source and from the driver's own pose and dynamics; what else is drawn
keeps the factors apart: `losses.consistency` within a clip, `losses.cross_identity` across people.
RUN is a folder as `trainer` makes it, with a sheet of pictures and the averaged weights in float16
(`openvasa.learned.weights`) at each validation.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from openvasa.data.latent_frames import ClipFrames, Frames, Pairs, split_clips
from openvasa.data.latent_tracks import read_latent_tracks
from openvasa.face.topology import (
    INNER_LIPS,
    LEFT_EYE,
    LEFT_IRIS,
    OUTER_LIPS,
    RIGHT_EYE,
    RIGHT_IRIS,
)
from openvasa.learned import losses
from openvasa.learned.config import LatentConfig
from openvasa.learned.identity import identity_contrast
from openvasa.learned.network import LatentNetwork
from openvasa.learned.points import FEATURES
from openvasa.learned.pose import join_poses
from openvasa.learned.weights import begin_with, save_network
from openvasa.train.latent_adversary import LatentAdversary
from openvasa.train.latent_perceptual import find_perceptual, perceptual_loss
from openvasa.train.latent_validation import judge_latent
from openvasa.train.precision import half_precision_on_gpu, training_device
from openvasa.train.processes import join_processes, own_share, share_gradients
from openvasa.train.render_network import PerceptualFeatures
from openvasa.train.trainer import LOSS, Task, TrainerConfig
from openvasa.train.trainer import train as run_training

DEFAULTS = TrainerConfig(
    steps=8000,
    learning_rate=5e-4,
    warmup=150,
    final_rate=0.02,
    weight_decay=0.01,
    betas=(0.9, 0.99),
    average=0.998,
    validate_every=500,
    save_every=500,
)
EVERY = 2
"""One of so many frames of a clip is taken: neighbours hardly differ."""
ADVERSARY_FROM, ADVERSARY_ALONE = 0.55, 0.05
"""Shares of the run: when the adversary begins to learn, and how long it has no influence."""
PART = 6
"""Of one of so many clips in a batch the pictures of l_consist and l_cross-id are drawn."""
FOCUS_MOUTH, FOCUS_EYES = 0.16, 0.08
"""Standard deviation of where errors count more, as shares of half the picture."""
JITTER = 0.12
"""Deviation of colours in the crops that dynamics are read from, so that they do not carry tone."""


@dataclass(frozen=True)
class LatentWeights:
    """How much each loss counts."""

    pixel: float = 1.0
    """Of the absolute error."""
    focus: float = 4.0
    """How much more errors at mouth and eyes count than elsewhere."""
    perceptual: float = 0.12
    """Of the distance of perceptual features."""
    adversary: float = 0.25
    """Norm of the adversary's gradient as a share of that of the losses above."""
    consist: float = 0.5
    """Of l_consist."""
    cross_identity: float = 0.05
    """Of l_cross-id."""
    contrast: float = 0.01
    """Of the contrast of people that identity codes learn by."""
    flow: float = 0.1
    """Of the error of both flows at tracked points, canonical units."""
    points: float = 0.1
    """Of the error of the tracked points that codes tell, canonical units."""
    gaze: float = 0.1
    """Of the error of where irises stand between the lids, canonical units."""
    pose: float = 0.2
    """Of the error of the pose encoder."""


@dataclass(frozen=True)
class LatentTraining:
    """What a training of the learned latent is, besides the trainer's settings.

    Attributes:
        config: sizes of the networks.
        weights: of the losses.
        batch: clips in a batch, of all processes together; None for the configuration's own.
        people: at most so many; None for all.
    """

    config: LatentConfig
    weights: LatentWeights = LatentWeights()
    batch: int | None = None
    people: int | None = None

    def clips_in_batch(self, device: str) -> int:
        """Clips in a batch on a device."""
        own = self.config.small_batch if device == "cpu" else self.config.batch
        return self.batch or own


def train(
    cache: Path,
    clips: Path,
    run: Path,
    config: TrainerConfig,
    training: LatentTraining,
    first: Path | None = None,
    decoded: Path | None = None,
) -> nn.Module:
    """Train to `config.steps`, going on from the checkpoint in `run`.

    Args:
        cache: from `openvasa data prepare` or `openvasa data latent`.
        clips: folder of the clips it was made from.
        run: folder of the run.
        config: steps, learning rate, seed.
        training: sizes, losses, batch.
        decoded: see `ClipFrames`.
        first: another run, whose weights a new one begins with where names and shapes agree.

    Raises:
        InputError: there are too few people, `run` was made with other settings, or `first` holds
            no weights.
    """
    join_processes()
    device = training_device()
    if device != "cpu":
        torch.backends.cudnn.benchmark = True
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    wanted = training.weights.perceptual > 0
    features = find_perceptual(cache, device) if wanted else None
    if wanted and features is None:
        print("perceptual loss: no weights at hand, left out", file=sys.stderr)
    tracks, side = read_latent_tracks(cache), training.config.side
    learnt, judged = split_clips(tracks, cache, side, training.people)
    reader = ClipFrames(tracks, learnt, clips, side, EVERY, device, decoded)
    judges = ClipFrames(tracks, judged, clips, side, EVERY, device, decoded)
    print(f"{len(reader)} frames to learn from, {len(judges)} held back", file=sys.stderr)
    task = latent_task(reader, judges, features, config, training, device, run)
    if first is not None:
        print(f"{begin_with(task.network, first):.0%} of the weights from {first}", file=sys.stderr)
    return run_training(task, config, run)


def latent_task(
    reader: ClipFrames,
    judges: ClipFrames,
    features: PerceptualFeatures | None,
    config: TrainerConfig,
    training: LatentTraining,
    device: str,
    run: Path | None,
) -> Task[Pairs]:
    """The task of drawing a frame of a clip from another one and the four factors."""
    torch.manual_seed(config.seed)
    network = LatentNetwork(training.config).to(device)
    numbers = sum(parameter.numel() for parameter in network.parameters())
    print(f"{training.config.name}: {numbers / 1e6:.1f} million parameters", file=sys.stderr)
    alone = round(ADVERSARY_ALONE * config.steps)
    adversary = LatentAdversary(device, alone)
    start = round(ADVERSARY_FROM * config.steps)

    def compute(batch: Pairs, step: int) -> tuple[Tensor, dict[str, Tensor | float]]:
        adversarial = adversary if training.weights.adversary > 0 and step >= start else None
        drawn = draw_batch(network, reader, batch, training.weights, device)
        return _sum_losses(drawn, network, features, adversarial, training.weights)

    step_loss, clips = share_gradients(_Step(network, compute)), training.clips_in_batch(device)
    share = own_share(clips)

    def validate(average: nn.Module, step: int) -> dict[str, float]:
        assert isinstance(average, LatentNetwork)
        if run is not None:
            save_network(run, average, training.config.name, step)
        return judge_latent(average, judges, features, device, run, step)

    return Task(
        network,
        draw=lambda rng: reader.draw(clips, rng).pick(share),
        step_loss=step_loss,
        validate=validate,
        companions={"adversary": adversary},
        settings={
            "training": asdict(training) | {"batch": clips},
            "perceptual": features is not None,
        },
    )


class _Step(nn.Module):
    """Loss of a batch as a module: gradients are shared behind a forward pass."""

    def __init__(
        self,
        network: LatentNetwork,
        compute: Callable[[Pairs, int], tuple[Tensor, dict[str, Tensor | float]]],
    ) -> None:
        super().__init__()
        self.network, self._compute = network, compute

    def forward(self, batch: Pairs, step: int) -> tuple[Tensor, dict[str, Tensor | float]]:
        return self._compute(batch, step)


@dataclass(frozen=True)
class _Drawn:
    """What the network made of a batch of N clips; M of them are drawn in other ways as well.

    Attributes:
        frames: 2N, the sources and then the drivers.
        pictures: (N, 3, S, S) the drivers, drawn.
        identity: (2N, I) and `dynamics` (2N, D) codes, `pose` (2N, NUMBERS) predicted.
        flows: of the source's warps and of the driver's, N each.
        consist: the two (M, 3, S, S) that l_consist compares; None without it.
        crossed: (M, 3, crop, crop) upright faces of the sources, driven by others; None without.
        groups: (N,) people.
    """

    frames: Frames
    pictures: Tensor
    identity: Tensor
    dynamics: Tensor
    pose: Tensor
    flows: tuple[Tensor, Tensor]
    consist: tuple[Tensor, Tensor] | None
    crossed: Tensor | None
    groups: Tensor


def draw_batch(
    network: LatentNetwork, reader: ClipFrames, batch: Pairs, weights: LatentWeights, device: str
) -> _Drawn:
    """Draw everything that the losses of a batch compare, in one pass of each network."""
    n = len(batch.source)
    m = max(1, n // PART)
    frames = reader.take(torch.cat([batch.source, batch.driver]), batch.mirrored.repeat(2))
    with half_precision_on_gpu(device):
        crops = network.crop(frames.picture, frames.pose)
        identity = network.identity(crops)
        dynamics = network.dynamics(_jitter(crops))
        pose = network.pose(frames.picture)
        # Sources, then those drivers that l_consist takes as sources.
        rows = torch.arange(n + m if weights.consist > 0 else n, device=device)
        seen = network.encode(
            frames.picture[rows], frames.pose.pick(rows), identity[rows], dynamics[rows]
        )
        few = torch.arange(m, device=device)
        looks, poses, codes = (
            [torch.arange(n, device=device)],
            [frames.pose.pick(slice(n, None))],
            [],
        )
        codes.append(dynamics[n:])
        if weights.consist > 0:
            looks += [few, n + few]
            poses += [frames.pose.pick(few)] * 2
            codes += [dynamics[n + few]] * 2
        if weights.cross_identity > 0:
            other = n + (few + n // 2) % n
            looks.append(few)
            poses.append(frames.pose.pick(few).turned_as(frames.pose.pick(other)))
            codes.append(dynamics[other])
        shown, driving = seen.pick(torch.cat(looks)), torch.cat(codes)
        forth = network.from_canonical(shown.identity, driving)
        pictures = network.draw(shown, join_poses(poses), driving, forth)
        crossed = network.crop(pictures[-m:], poses[-1]) if weights.cross_identity > 0 else None
    consist = (pictures[n : n + m], pictures[n + m : n + 2 * m]) if weights.consist > 0 else None
    return _Drawn(
        frames,
        pictures[:n],
        identity,
        dynamics,
        pose,
        (seen.flow[:n], forth[:n]),
        consist,
        crossed,
        batch.group.to(device),
    )


def _jitter(crops: Tensor) -> Tensor:
    n, device = len(crops), crops.device
    gain = torch.exp(JITTER * torch.randn(n, 1, 1, 1, device=device))
    gain = gain * torch.exp(JITTER / 2 * torch.randn(n, 3, 1, 1, device=device))
    return crops * gain + JITTER / 2 * torch.randn(n, 1, 1, 1, device=device)


def _sum_losses(
    drawn: _Drawn,
    network: LatentNetwork,
    features: PerceptualFeatures | None,
    adversary: LatentAdversary | None,
    weights: LatentWeights,
) -> tuple[Tensor, dict[str, Tensor | float]]:
    """The weighted sum of all losses, and each one weighted."""
    n = len(drawn.pictures)
    source, driver = drawn.frames.pick(slice(0, n)), drawn.frames.pick(slice(n, None))
    pictures = drawn.pictures
    weight = 1 + weights.focus * face_focus(driver)
    weight = weight / weight.mean()
    terms = {"pixel": weights.pixel * (weight * (pictures - driver.picture).abs()).mean()}
    if features is not None:
        distance = perceptual_loss(features, pictures, driver.picture)
        terms["perceptual"] = weights.perceptual * distance
    of_picture, learnt = torch.stack(list(terms.values())).sum(), dict[str, Tensor]()
    terms |= _anchor_terms(drawn, network, source, driver, weights)
    if drawn.consist is not None:
        terms["consist"] = weights.consist * losses.consistency(*drawn.consist)
    if drawn.crossed is not None:
        m = len(drawn.crossed)
        with half_precision_on_gpu(drawn.pictures.device.type):
            unlike = losses.cross_identity(network.identity, drawn.crossed, drawn.identity[:m])
        terms["cross identity"] = weights.cross_identity * unlike
    loss = torch.stack(list(terms.values())).sum()
    figures: dict[str, Tensor | float] = {name: value.detach() for name, value in terms.items()}
    total = loss
    if adversary is not None:
        total = loss + adversary.term(of_picture, pictures, weights.adversary)
        learnt = adversary.learn(pictures.detach(), driver.picture)
    return total, {LOSS: loss.detach(), **figures, **learnt}


def _anchor_terms(
    drawn: _Drawn, network: LatentNetwork, source: Frames, driver: Frames, weights: LatentWeights
) -> dict[str, Tensor]:
    n = len(drawn.pictures)
    told = network.points(drawn.identity, drawn.dynamics)
    # The identity's part must hold for the other frame of the clip as well.
    swapped = network.points(drawn.identity.roll(n, 0), drawn.dynamics)
    apart = [(points - drawn.frames.points).abs().mean() for points in (told, swapped)]
    flow = losses.flow_anchors(*drawn.flows, source.points, driver.points, network.points.mean)
    contrast = identity_contrast(drawn.identity[:n], drawn.identity[n:], drawn.groups)
    return {
        "points": weights.points * torch.stack(apart).mean(),
        "gaze": weights.gaze * losses.gaze_error(told, drawn.frames.points, _eyes(told.device)),
        "flow": weights.flow * flow,
        "pose": weights.pose * losses.pose_error(drawn.pose, drawn.frames.pose),
        "contrast": weights.contrast * contrast,
    }


_MOUTH, _EYES = (np.concatenate([INNER_LIPS, OUTER_LIPS]),), (RIGHT_EYE, LEFT_EYE)


def face_focus(frames: Frames) -> Tensor:
    """(N, 1, S, S) in 0–1: where mouth and eyes are."""
    seen = frames.pose.project(frames.points)
    side = frames.picture.shape[-1]
    mouth, eyes = (_places(group, seen.device) for group in (_MOUTH, _EYES))
    found = losses.focus(seen, mouth, side, FOCUS_MOUTH), losses.focus(seen, eyes, side, FOCUS_EYES)
    return torch.maximum(*found)


def _places(groups: tuple[np.ndarray, ...], device: torch.device) -> tuple[Tensor, ...]:
    return tuple(torch.from_numpy(np.searchsorted(FEATURES, g)).to(device) for g in groups)


def _eyes(device: torch.device) -> tuple[tuple[Tensor, Tensor], ...]:
    pairs = ((RIGHT_IRIS, RIGHT_EYE), (LEFT_IRIS, LEFT_EYE))
    return tuple((iris, lids) for iris, lids in (_places(pair, device) for pair in pairs))
