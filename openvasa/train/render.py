"""Train the refinement of the rendered face.

    openvasa train render CACHE CLIPS RUN --minutes M

Two networks of one kind, for the mouth and for an eye, learn from pairs (`render_pairs.py`) what to
add to the rendered crop so that it looks like the real one: absolute error, structural similarity
(Zhao et al., arXiv:1511.08861), distance of perceptual features (Johnson et al., arXiv:1603.08155),
a multi-scale patch adversary with feature matching (pix2pixHD, arXiv:1711.11585), and the change
from one frame to the next.
"""

from __future__ import annotations

import json
import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from openvasa.errors import InputError
from openvasa.render.regions import LEFT, MOUTH, RIGHT, Region, allowance
from openvasa.train.checkpoint import write_checkpoint
from openvasa.train.precision import half_precision
from openvasa.train.render_network import Judge, PerceptualFeatures, RefinementNetwork
from openvasa.train.render_pairs import prepare_pairs
from openvasa.train.render_styles import draw_style

PAIRS = "pairs"

Network = TypeVar("Network", bound=nn.Module)

NETWORKS = {"mouth": (MOUTH,), "eye": (RIGHT, LEFT)}
"""The networks, and the regions each learns from."""

LEAST_WEIGHT, MOST_WEIGHT = 0.3, 3.0
"""How often a couple is drawn whose skin does not move at all, and at most, against one whose skin
moves as far as usual."""


@dataclass(frozen=True)
class TrainConfig:
    """How to train; `SOFT` fits a CPU, `DETAILED` a GPU.

    Attributes:
        detailed: whether the networks add detail (`RefinementNetwork`).
        couples: couples of adjacent frames in a batch.
        learning_rate: of the refinement networks, falling to a twentieth along a cosine.
        judge_rate: learning rate of the adversaries.
        pixel, structure, perceptual, adversarial, matching, temporal, restraint: weights of the
            losses; the networks behind a loss of weight 0 do not run.
        focus: extra weight of the pixels inside lips or lids.
        adversary_from: share of the time after which the adversarial losses set in.
        average: decay of the averaged weights, per step.
        log_every, save_every: steps between lines of the log and between checkpoints.
        seed: of initialisation, order and styles.
    """

    detailed: bool = False
    couples: int = 8
    learning_rate: float = 5e-4
    judge_rate: float = 4e-4
    pixel: float = 1.0
    structure: float = 0.3
    perceptual: float = 0.05
    adversarial: float = 0.0
    matching: float = 0.0
    temporal: float = 0.5
    restraint: float = 0.02
    focus: float = 4.0
    adversary_from: float = 0.15
    average: float = 0.998
    log_every: int = 20
    save_every: int = 100
    seed: int = 0


SOFT = TrainConfig()
DETAILED = TrainConfig(
    detailed=True, couples=32, perceptual=0.2, adversarial=0.02, matching=0.5, restraint=0.002
)


@dataclass(frozen=True)
class Batch:
    """Crops of couples of frames, the two frames of a couple next to each other.

    Attributes:
        rendered, target, source: (2n, 3, S, S) in 0–1.
        geometry: (2n, 4, S/2, S/2).
        weight: (2n, 1, S, S) what a refinement may change, 0–1.
    """

    rendered: Tensor
    target: Tensor
    source: Tensor
    geometry: Tensor
    weight: Tensor


class PairReader:
    """Draws couples of training pairs for one network from the files of a folder.

    Couples come the more often the farther the skin has moved: most frames of most clips hardly
    differ from each other and teach little.
    """

    def __init__(self, folder: Path, regions: tuple[Region, ...], seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self._couples: list[tuple[Path, Region, int]] = []
        travels = []
        for file in sorted(folder.glob("*.npz")):
            with np.load(file) as data:
                for region in regions:
                    maps = data[f"{_key(region)}_geometry"][::2, :2].astype(np.float32)
                    travels.append(np.abs(maps).mean(axis=(1, 2, 3)))
                    self._couples += [(file, region, 2 * i) for i in range(len(maps))]
        if not travels:
            raise InputError(f"{folder}: holds no pairs; give clips with sharp faces")
        travel = np.concatenate(travels)
        weight = LEAST_WEIGHT + np.minimum(travel / np.median(travel), MOST_WEIGHT)
        self._chances = weight / weight.sum()

    def __len__(self) -> int:
        """Number of couples."""
        return len(self._couples)

    def draw(self, couples: int, device: str) -> Batch:
        """A batch of `couples` couples, each in a style of its own."""
        drawn = [self._couple() for _ in range(couples)]
        arrays = [np.concatenate(column) for column in zip(*drawn, strict=True)]
        rendered, target, source, geometry, weight = (
            torch.from_numpy(np.ascontiguousarray(a)).to(device) for a in arrays
        )
        return Batch(
            rendered=_as_picture(rendered),
            target=_as_picture(target),
            source=_as_picture(source),
            geometry=geometry.float(),
            weight=weight[:, None],
        )

    def _couple(self) -> tuple[np.ndarray, ...]:
        rng = self._rng
        file, region, first = self._couples[rng.choice(len(self._couples), p=self._chances)]
        key = _key(region)
        with np.load(file) as data:
            rows = slice(first, first + 2)
            rendered, target = data[f"{key}_rendered"][rows], data[f"{key}_target"][rows]
            geometry = data[f"{key}_geometry"][rows]
            moved = data[f"{key}_moved"][rows]
            source = data[f"{key}_source"][None]
        styled = draw_style(rng, region.side)(np.concatenate([rendered, target, source]))
        rendered, target, source = styled[:2], styled[2:4], np.repeat(styled[4:], 2, axis=0)
        # An eye is always seen as the right one; only the mouth may be mirrored.
        if region is MOUTH and rng.random() < 0.5:
            rendered, target, source = (p[:, :, ::-1] for p in (rendered, target, source))
            geometry = geometry[..., ::-1] * np.array([-1, 1, 1, 1], np.float16)[:, None, None]
        allowed = np.stack([allowance(maps) for maps in geometry])
        weight = moved[:, None, None] * allowed
        return rendered, target, source, geometry, weight.astype(np.float32)


def _key(region: Region) -> str:
    return region.name.replace(" ", "_")


def _as_picture(crops: Tensor) -> Tensor:
    """(N, S, S, 3) uint8 → (N, 3, S, S) float32 in 0–1."""
    return crops.permute(0, 3, 1, 2).float() / 255


class Learner:
    """One refinement network in training: its adversary, optimisers and averaged weights."""

    def __init__(self, config: TrainConfig, device: str) -> None:
        self._config, self._device = config, device
        self.network = _channels_last(RefinementNetwork(config.detailed), device)
        self.average = RefinementNetwork(config.detailed).to(device)
        self.average.load_state_dict(self.network.state_dict())
        self.judge = _channels_last(Judge(), device)
        self._optimiser = torch.optim.AdamW(self.network.parameters(), 0, (0.8, 0.99))
        self._judge_optimiser = torch.optim.AdamW(self.judge.parameters(), 0, (0.5, 0.99))
        self.steps = 0

    def state(self) -> dict:
        """Everything needed to go on."""
        return {"steps": self.steps, "detailed": self._config.detailed} | {
            n: part.state_dict() for n, part in self._parts().items()
        }

    def restore(self, state: dict) -> None:
        """Go on from `state`."""
        self.steps = state["steps"]
        for name, part in self._parts().items():
            part.load_state_dict(state[name])

    def _parts(self) -> dict:
        return {
            "network": self.network,
            "average": self.average,
            "judge": self.judge,
            "optimiser": self._optimiser,
            "judge_optimiser": self._judge_optimiser,
        }

    def step(
        self, batch: Batch, features: PerceptualFeatures | None, share: float
    ) -> dict[str, float]:
        """One step of both players; `share` of the training time is spent. Returns the losses."""
        config = self._config
        cosine = 0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * min(share, 1.0)))
        warm = min(1.0, (self.steps + 1) / 100)
        for optimiser, rate in (
            (self._optimiser, config.learning_rate),
            (self._judge_optimiser, config.judge_rate),
        ):
            for group in optimiser.param_groups:
                group["lr"] = rate * cosine * warm
        with half_precision(self._device):
            addition = self.network(batch.rendered, batch.source, batch.geometry).float()
        refined = batch.rendered + batch.weight * addition
        terms = _picture_losses(refined, batch, config)
        terms["restraint"] = config.restraint * addition.abs().mean()
        if config.perceptual > 0 and features is not None:
            distance = _perceptual_distance(refined, batch, features, self._device)
            terms["perceptual"] = config.perceptual * distance
        total = _total(list(terms.values()))
        if config.adversarial > 0 and share >= config.adversary_from:
            real = self._verdict(batch.target)
            self.judge.requires_grad_(False)
            fake = self._verdict(refined)
            terms["adversarial"] = config.adversarial * _total(
                [-scale[-1].mean() for scale in fake]
            )
            terms["matching"] = config.matching * _distance(fake, real)
            total = total + terms["adversarial"] + terms["matching"]
            self.judge.requires_grad_(True)
        self._optimiser.zero_grad(set_to_none=True)
        total.backward()
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self._optimiser.step()
        if config.adversarial > 0 and share >= config.adversary_from / 2:
            terms["judge"] = self._judge_step(refined.detach(), batch)
        self.steps += 1
        decay = min(config.average, self.steps / (self.steps + 10))
        with torch.no_grad():
            for mean, new in zip(self.average.parameters(), self.network.parameters(), strict=True):
                mean.lerp_(new, 1 - decay)
        return {name: value.item() for name, value in terms.items()}

    def _verdict(self, picture: Tensor) -> list[list[Tensor]]:
        picture = picture.contiguous(memory_format=torch.channels_last)
        with half_precision(self._device):
            return [[f.float() for f in scale] for scale in self.judge(picture)]

    def _judge_step(self, refined: Tensor, batch: Batch) -> Tensor:
        """Hinge loss of the adversary, on one frame of each couple."""
        real, fake = self._verdict(batch.target[::2]), self._verdict(refined[::2])
        loss = _total(
            [
                functional.relu(1 - r[-1]).mean() + functional.relu(1 + f[-1]).mean()
                for r, f in zip(real, fake, strict=True)
            ]
        )
        self._judge_optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self._judge_optimiser.step()
        return loss.detach()


def _channels_last(network: Network, device: str) -> Network:
    network.to(device)
    return network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]


def _total(losses: list[Tensor]) -> Tensor:
    return torch.stack(losses).sum()


def _picture_losses(refined: Tensor, batch: Batch, config: TrainConfig) -> dict[str, Tensor]:
    inner = functional.interpolate(batch.geometry[:, 2:].amax(dim=1, keepdim=True), scale_factor=2)
    inner = functional.max_pool2d(inner, 9, stride=1, padding=4)
    weight = 1 + config.focus * inner
    weight = weight / weight.mean()
    error = (refined - batch.target).abs()
    unlike = 1 - structural_similarity(refined, batch.target)
    step = (refined[1::2] - refined[::2]) - (batch.target[1::2] - batch.target[::2])
    return {
        "pixel": config.pixel * (weight * error).mean(),
        "structure": config.structure * unlike,
        "temporal": config.temporal * (weight[::2] * step.abs()).mean(),
    }


def structural_similarity(pictures: Tensor, real: Tensor) -> Tensor:
    """Mean structural similarity of the brightness of (N, 3, S, S) pictures in 0-1 (Wang et al.,
    TIP 13(4), 2004), in windows of 11 px with a standard deviation of 1.5."""
    tint = torch.tensor([0.299, 0.587, 0.114], device=real.device).view(1, 3, 1, 1)
    bell = torch.exp(-torch.square(torch.arange(11, device=real.device) - 5.0) / (2 * 1.5**2))
    bell = bell / bell.sum()
    a, b = ((tint * p).sum(dim=1, keepdim=True) for p in (pictures, real))
    stack = torch.cat([a, b, a * a, b * b, a * b], dim=1)
    stack = functional.conv2d(stack, bell.view(1, 1, 1, 11).expand(5, 1, 1, 11), groups=5)
    stack = functional.conv2d(stack, bell.view(1, 1, 11, 1).expand(5, 1, 11, 1), groups=5)
    mean_a, mean_b, square_a, square_b, product = stack.unbind(dim=1)
    var_a, var_b = square_a - mean_a**2, square_b - mean_b**2
    value = (2 * mean_a * mean_b + 0.01**2) * (2 * (product - mean_a * mean_b) + 0.03**2)
    return (value / ((mean_a**2 + mean_b**2 + 0.01**2) * (var_a + var_b + 0.03**2))).mean()


def _perceptual_distance(
    refined: Tensor, batch: Batch, features: PerceptualFeatures, device: str
) -> Tensor:
    # One frame of each couple: the other hardly differs.
    window = _window(batch.geometry[::2, 2], refined.shape[-1])
    with half_precision(device):
        seen = features(_cut(refined[::2], window))
        with torch.no_grad():
            wanted = features(_cut(batch.target[::2], window))
    return _feature_distance(seen, wanted)


def _window(inner: Tensor, side: int) -> list[tuple[int, int]]:
    """Top left corners of 64 px windows around what the inner loops enclose, jittered."""
    size = min(64, side)
    corners = []
    for loop in inner:
        at = loop.nonzero().float()
        centre = 2 * at.mean(dim=0) if len(at) else torch.full((2,), side / 2)
        corner = (centre.cpu() - size / 2 + 16 * (torch.rand(2) - 0.5)).round().int()
        top, left = corner.clamp(0, side - size).tolist()
        corners.append((top, left))
    return corners


def _cut(pictures: Tensor, corners: list[tuple[int, int]]) -> Tensor:
    size = min(64, pictures.shape[-1])
    parts = [
        picture[:, top : top + size, left : left + size]
        for picture, (top, left) in zip(pictures, corners, strict=True)
    ]
    return torch.stack(parts).contiguous(memory_format=torch.channels_last)


def _feature_distance(seen: list[Tensor], wanted: list[Tensor]) -> Tensor:
    """Mean absolute difference of features, each layer relative to its own size."""
    distances = [
        (a.float() - b.float()).abs().mean() / (b.float().abs().mean() + 1e-6)
        for a, b in zip(seen, wanted, strict=True)
    ]
    return torch.stack(distances).mean()


def _distance(fake: list[list[Tensor]], real: list[list[Tensor]]) -> Tensor:
    pairs = [
        (f - r.detach()).abs().mean()
        for f_scale, r_scale in zip(fake, real, strict=True)
        for f, r in zip(f_scale[:-1], r_scale[:-1], strict=True)
    ]
    return torch.stack(pairs).mean()


def train(
    cache: Path,
    clips: Path,
    run: Path,
    minutes: float,
    networks: tuple[str, ...] = tuple(NETWORKS),
    config: TrainConfig | None = None,
) -> None:
    """Train one network after the other; each goes on from its last checkpoint in `run`.

    Args:
        cache: from `openvasa data prepare`.
        clips: the folder of clips it was made from.
        run: folder for pairs (made on first use), checkpoints and logs.
        minutes: training time of each network in all, that of earlier starts included.
        networks: which of `NETWORKS`.
        config: how to train.
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    config = config or (DETAILED if device == "cuda" else SOFT)
    prepare_pairs(cache, clips, run / PAIRS)
    cv2.setNumThreads(1)
    features = _channels_last(PerceptualFeatures(), device) if config.perceptual > 0 else None
    for name in networks:
        _train_network(name, run, minutes, features, config, device)


def _train_network(
    name: str,
    run: Path,
    minutes: float,
    features: PerceptualFeatures | None,
    config: TrainConfig,
    device: str,
) -> None:
    torch.manual_seed(config.seed)
    learner, spent, checkpoint = Learner(config, device), 0.0, checkpoint_file(run, name)
    if checkpoint.exists():
        saved = torch.load(checkpoint, map_location=device, weights_only=True)
        spent = saved["spent"]
        learner.restore(saved)
    reader = PairReader(run / PAIRS, NETWORKS[name], config.seed + learner.steps)
    print(f"{name}: {len(reader)} couples, {device}, from step {learner.steps}", flush=True)
    started = time.monotonic() - 60 * spent
    while spent < minutes:
        losses = learner.step(reader.draw(config.couples, device), features, spent / minutes)
        spent = (time.monotonic() - started) / 60
        if learner.steps % config.log_every == 0:
            _log(run / f"{name}.jsonl", learner.steps, spent, losses)
        if learner.steps % config.save_every == 0 or spent >= minutes:
            write_checkpoint(checkpoint, {"spent": spent} | learner.state())


def checkpoint_file(run: Path, name: str) -> Path:
    """Where a run keeps the state of one network."""
    return run / f"{name}.pt"


def _log(path: Path, step: int, minutes: float, losses: dict[str, float]) -> None:
    row = {"step": step, "minutes": round(minutes, 2)}
    row |= {name: round(value, 5) for name, value in losses.items()}
    with path.open("a") as file:
        file.write(json.dumps(row) + "\n")
