"""Train the refinement of the rendered face.

    openvasa train render CACHE CLIPS RUN --minutes M

Two networks of one kind, for the mouth and for an eye, learn from pairs (`render_pairs.py`) how to
bend and shade the rendered crop so that it looks like the real one: absolute error, structural
similarity (Zhao et al., arXiv:1511.08861), distance of perceptual features (Johnson et al.,
arXiv:1603.08155), the change from one frame to the next and the tone between lips or lids. In the
second half of the mouth's training an adversary (`render_adversary.py`) has a say, too. Some of the
training people are held back; the weights that do best on them are kept.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor

from openvasa.errors import InputError
from openvasa.render.regions import LEFT, MOUTH, RIGHT, Region
from openvasa.train.checkpoint import write_checkpoint
from openvasa.train.precision import half_precision
from openvasa.train.prepare import cached_clips
from openvasa.train.render_adversary import HEAD_START, Adversary
from openvasa.train.render_network import (
    FARTHEST,
    PerceptualFeatures,
    RefinementNetwork,
    bend_and_shade,
)
from openvasa.train.render_pairs import prepare_pairs, region_key
from openvasa.train.render_styles import draw_style

PAIRS = "pairs"

NETWORKS = {"mouth": (MOUTH,), "eye": (RIGHT, LEFT)}
"""The networks, and the regions each learns from."""

ADVERSARY = {"mouth": 0.2, "eye": 0.0}
"""How hard the adversary pulls, as `TrainConfig.adversary`. Eyes it made no better."""

LEAST_WEIGHT, MOST_WEIGHT = 0.3, 3.0
"""How often a couple is drawn whose skin does not move at all, and at most, against one whose skin
moves as far as usual."""

HELD_BACK = 6
"""One of so many training people is only looked at, not learnt from."""

VALIDATION_COUPLES, VALIDATION_BATCH = 320, 16

ROLL, ZOOM, SHIFT = 0.06, 0.05, 0.03
"""Deviations by which crops are turned (rad), scaled and moved (of half their side) in training."""

TONE_PX = 16
"""Side of the blocks of a crop whose brightness between lips or lids is to be right on average."""


@dataclass(frozen=True)
class TrainConfig:
    """How to train; the defaults fit a CPU.

    Attributes:
        couples: couples of adjacent frames in a batch.
        learning_rate: falling to a twentieth along a cosine.
        pixel, structure, perceptual, temporal, tone: weights of the losses; the network behind a
            loss of weight 0 does not run.
        restraint: weight of the fields' size and roughness.
        adversary: how hard the adversary pulls at the pictures, as a share of how hard the losses
            above do (Esser et al., arXiv:2012.09841); at 0 there is none, and None is what suits
            the network, `ADVERSARY`.
        adversary_from: share of the time after which it begins to learn.
        focus: extra weight of the pixels inside lips or lids.
        average: decay of the averaged weights, per step.
        log_every, save_every: steps between lines of the log, and between checkpoints, before
            each of which the people held back are looked at.
        seed: of initialisation, order and styles.
    """

    couples: int = 8
    learning_rate: float = 6e-4
    pixel: float = 1.0
    structure: float = 0.3
    perceptual: float = 0.1
    temporal: float = 0.5
    tone: float = 1.0
    restraint: float = 0.01
    adversary: float | None = None
    adversary_from: float = 0.5
    focus: float = 1.0
    average: float = 0.995
    log_every: int = 20
    save_every: int = 100
    seed: int = 0


def default_config(seed: int = 0) -> TrainConfig:
    """What suits this machine: larger batches where there is a GPU."""
    return TrainConfig(couples=32 if torch.cuda.is_available() else 8, seed=seed)


@dataclass(frozen=True)
class Batch:
    """Crops of couples of frames, the two frames of a couple next to each other.

    Attributes:
        rendered, target, source: (2n, 3, S, S) in 0–1.
        geometry: (2n, 4, S/2, S/2).
        moved: (2n, 1, 1, 1) how much of the refinement is to be applied, 0–1.
    """

    rendered: Tensor
    target: Tensor
    source: Tensor
    geometry: Tensor
    moved: Tensor


def held_back(group: str) -> bool:
    """Whether a person is not learnt from; the same in every run."""
    return int(hashlib.sha256(group.encode()).hexdigest(), 16) % HELD_BACK == 0


class PairReader:
    """Couples of training pairs for one network, all in memory (2 GB from 230 clips).

    Couples are drawn the more often the farther the skin has moved: most frames of most clips
    hardly differ from each other and teach little.

    Args:
        files: of `render_pairs.prepare_pairs`.
        regions: what the network learns from.
        seed: of what is drawn.
    """

    def __init__(self, files: list[Path], regions: tuple[Region, ...], seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self._mirrored = MOUTH in regions  # An eye is always seen as the right one.
        columns: dict[str, list[np.ndarray]] = {name: [] for name in COLUMNS}
        for file in files:
            with np.load(file) as data:
                for region in regions:
                    key = region_key(region)
                    own = np.full(len(data[f"{key}_moved"]), len(columns["source"]))
                    columns["source"].append(data[f"{key}_source"][None])
                    columns["source_of"].append(own)
                    for name in ("rendered", "target", "geometry", "moved"):
                        columns[name].append(data[f"{key}_{name}"])
        if not columns["source"]:
            raise InputError("no pairs to learn from; give clips of more people with sharp faces")
        self._data = {name: np.concatenate(parts) for name, parts in columns.items()}
        maps = self._data["geometry"][::2, :2]
        travel = np.array([np.abs(m.astype(np.float32)).mean() for m in maps])
        weight = LEAST_WEIGHT + np.minimum(travel / np.median(travel), MOST_WEIGHT)
        self._chances = weight / weight.sum()

    def __len__(self) -> int:
        """Number of couples."""
        return len(self._chances)

    def draw(self, couples: int, device: str) -> Batch:
        """A random batch, each couple in a style, place and size of its own."""
        rng = self._rng
        parts = self._rows(rng.choice(len(self), couples, p=self._chances))
        side = parts["rendered"].shape[1]
        for first in range(0, 2 * couples, 2):
            rows = slice(first, first + 2)
            names = ("rendered", "target", "source")
            crops = np.concatenate([parts[n][rows] for n in names])
            crops = draw_style(rng, side)(crops)
            for k, name in enumerate(names):
                parts[name][rows] = crops[2 * k : 2 * k + 2]
        batch = _as_batch(parts, device)
        flip = rng.random(couples) < 0.5 if self._mirrored else np.zeros(couples, bool)
        return _jittered(batch, _placements(rng, flip))

    def all_of(self, couples: int, batch: int, device: str) -> Iterator[Batch]:
        """So many couples, spread over all people, as they are, batch by batch."""
        chosen = np.random.default_rng(0).permutation(len(self))[:couples]
        for first in range(0, len(chosen), batch):
            yield _as_batch(self._rows(chosen[first : first + batch]), device)

    def _rows(self, couples: np.ndarray) -> dict[str, np.ndarray]:
        rows = (2 * couples[:, None] + np.arange(2)).reshape(-1)
        parts = {n: v[rows] for n, v in self._data.items() if n != "source"}
        return parts | {"source": self._data["source"][parts["source_of"]]}


COLUMNS = ("rendered", "target", "geometry", "moved", "source", "source_of")


def _as_batch(parts: dict[str, np.ndarray], device: str) -> Batch:
    tensors = {n: torch.from_numpy(v).to(device) for n, v in parts.items()}
    pictures = {
        name: tensors[name].permute(0, 3, 1, 2).float() / 255
        for name in ("rendered", "target", "source")
    }
    return Batch(
        **pictures, geometry=tensors["geometry"].float(), moved=tensors["moved"].view(-1, 1, 1, 1)
    )


def _placements(rng: np.random.Generator, flip: np.ndarray) -> Tensor:
    """(2n, 2, 3) affines from places in the batch's crops to places in the kept ones, −1–1."""
    count = len(flip)
    angle, zoom = rng.normal(0, ROLL, count), np.exp(rng.normal(0, ZOOM, count))
    c, s = np.cos(angle) / zoom, np.sin(angle) / zoom
    mirror = np.where(flip, -1, 1)
    shift = rng.normal(0, SHIFT, (2, count))
    rows = [np.stack([mirror * c, -mirror * s, shift[0]]), np.stack([s, c, shift[1]])]
    affines = np.stack(rows).transpose(2, 0, 1).astype(np.float32)
    return torch.from_numpy(np.repeat(affines, 2, axis=0))


def _jittered(batch: Batch, placements: Tensor) -> Batch:
    """The batch seen by other crops."""
    placements = placements.to(batch.rendered.device)

    def placed(crops: Tensor) -> Tensor:
        at = functional.affine_grid(placements, list(crops.shape), align_corners=False)
        return functional.grid_sample(crops, at, padding_mode="reflection", align_corners=False)

    geometry = placed(batch.geometry)
    turned = torch.linalg.inv(placements[:, :, :2])
    travel = torch.einsum("nij,njhw->nihw", turned, geometry[:, :2])
    return Batch(
        rendered=placed(batch.rendered),
        target=placed(batch.target),
        source=placed(batch.source),
        geometry=torch.cat([travel, geometry[:, 2:]], dim=1),
        moved=batch.moved,
    )


class Learner:
    """One refinement network in training: its optimiser, averaged weights and the best of them.

    Args:
        name: which of `NETWORKS`.
        config: how to train.
        device: where.
    """

    def __init__(self, name: str, config: TrainConfig, device: str) -> None:
        self._config, self._device = config, device
        self._pull = ADVERSARY[name] if config.adversary is None else config.adversary
        side = NETWORKS[name][0].side
        self.network = RefinementNetwork(side).to(device)
        self.average = RefinementNetwork(side).to(device).eval()
        self.best = RefinementNetwork(side).to(device).eval()
        for copy in (self.average, self.best):
            copy.load_state_dict(self.network.state_dict())
        self.adversary = Adversary(device)
        self.least_loss = math.inf
        self._optimiser = torch.optim.AdamW(self.network.parameters(), 0, (0.8, 0.99), 1e-8, 0.05)
        self.steps = 0

    def state(self) -> dict:
        """Everything needed to go on."""
        parts = {name: part.state_dict() for name, part in self._parts().items()}
        return {"steps": self.steps, "least_loss": self.least_loss} | parts

    def restore(self, state: dict) -> None:
        """Go on from `state`."""
        self.steps, self.least_loss = state["steps"], state["least_loss"]
        for name, part in self._parts().items():
            part.load_state_dict(state[name])

    def _parts(self) -> dict:
        return {
            "network": self.network,
            "average": self.average,
            "best": self.best,
            "optimiser": self._optimiser,
            "adversary": self.adversary,
        }

    def step(
        self, batch: Batch, features: PerceptualFeatures | None, share: float
    ) -> dict[str, float]:
        """One step; `share` of the training time is spent. Returns the losses."""
        config = self._config
        cosine = 0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * min(share, 1.0)))
        for group in self._optimiser.param_groups:
            group["lr"] = config.learning_rate * cosine * min(1.0, (self.steps + 1) / 50)
        refined, fields = self._refined(self.network, batch)
        terms = picture_losses(refined, batch, config)
        if config.perceptual > 0 and features is not None:
            distance = _perceptual_distance(refined, batch, features, self._device)
            terms["perceptual"] = config.perceptual * distance
        pull = torch.autograd.grad(torch.stack(list(terms.values())).sum(), refined)[0]
        contest = {}
        if self._pull > 0 and share >= config.adversary_from:
            contest = self._contest(refined, batch, pull)
        terms["restraint"] = config.restraint * (fields[1].abs().mean() + _roughness(*fields))
        self._optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward([refined, terms["restraint"]], [pull, None])
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self._optimiser.step()
        self.steps += 1
        decay = min(config.average, self.steps / (self.steps + 10))
        with torch.no_grad():
            for mean, new in zip(self.average.parameters(), self.network.parameters(), strict=True):
                mean.lerp_(new, 1 - decay)
        return {name: value.item() for name, value in terms.items()} | contest

    def _contest(self, refined: Tensor, batch: Batch, pull: Tensor) -> dict[str, float]:
        """Add the adversary's pull to that of the other losses, and let it learn.

        It sees one frame of each couple: the other hardly differs.
        """
        if self.adversary.steps == HEAD_START:
            self.least_loss = math.inf  # What was best without it is not what is looked for.
        made, maps = refined.detach()[::2], batch.geometry[::2]
        if self.adversary.say > 0:
            own = self.adversary.pull(made, maps)
            weight = self._pull * self.adversary.say
            pull[::2] += weight * own * (pull.norm() / own.norm().clamp(min=1e-12))
        return self.adversary.learn(made, batch.target[::2], maps)

    def _refined(self, network: RefinementNetwork, batch: Batch) -> tuple[Tensor, list[Tensor]]:
        pictures = (functional.avg_pool2d(p, 2) for p in (batch.rendered, batch.source))
        with half_precision(self._device):
            fields = network(*pictures, batch.geometry)
        fields = [field.float() for field in fields]
        return bend_and_shade(batch.rendered, *(batch.moved * f for f in fields)), fields

    @torch.no_grad()
    def validate(self, reader: PairReader) -> dict[str, float]:
        """Losses of the averaged weights on people held back over those of the unrefined crops;
        the best weights so far are kept."""
        sums = {name: [0.0, 0.0] for name in ("pixel", "structure", "temporal", "tone")}
        for batch in reader.all_of(VALIDATION_COUPLES, VALIDATION_BATCH, self._device):
            refined, _ = self._refined(self.average, batch)
            for k, pictures in enumerate((refined, batch.rendered)):
                for name, loss in picture_losses(pictures, batch, self._config).items():
                    sums[name][k] += loss.item()
        total = sum(refined for refined, _ in sums.values())
        if total < self.least_loss:
            self.least_loss = total
            self.best.load_state_dict(self.average.state_dict())
        return {f"held back {name}": a / b for name, (a, b) in sums.items()}


def _roughness(bend: Tensor, shade: Tensor) -> Tensor:
    """Mean difference of neighbouring cells."""
    parts = [f.diff(dim=axis).abs().mean() for f in (bend / FARTHEST, shade) for axis in (2, 3)]
    return torch.stack(parts).sum()


def picture_losses(refined: Tensor, batch: Batch, config: TrainConfig) -> dict[str, Tensor]:
    """Absolute error, structural dissimilarity, error of the change within couples, error of the
    tone; all weighted.

    Between lips details seldom lie where they lay in the real frame. The absolute error is then
    least in a dark hole; the tone's squared error of block means asks for the mean.
    """
    opening = functional.interpolate(batch.geometry[:, 2:3], scale_factor=2)
    blocks = functional.avg_pool2d(opening * (refined - batch.target), TONE_PX)
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
        "tone": config.tone * blocks.square().mean() / opening.mean().clamp(min=0.01),
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
        config: how to train; what suits the machine when None.
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    config = config or default_config()
    # First of all: where the network behind the loss is missing, hours of pairs are not made.
    features = PerceptualFeatures().to(device) if config.perceptual > 0 else None
    prepare_pairs(cache, clips, run / PAIRS)
    cv2.setNumThreads(1)
    group_of = {clip.name: clip.group for clip in cached_clips(cache)}
    files: dict[bool, list[Path]] = {True: [], False: []}
    for file in sorted((run / PAIRS).glob("*.npz")):
        files[held_back(group_of[file.stem.rsplit("_", 1)[0]])].append(file)
    for name in networks:
        order = config.seed + _steps_done(run, name)
        reader, judges = (PairReader(files[b], NETWORKS[name], order) for b in (False, True))
        train_network(name, run, minutes, reader, judges, features, config, device)


def _steps_done(run: Path, name: str) -> int:
    file = checkpoint_file(run, name)
    return torch.load(file, weights_only=True)["steps"] if file.exists() else 0


def train_network(
    name: str,
    run: Path,
    minutes: float,
    reader: PairReader,
    judges: PairReader,
    features: PerceptualFeatures | None,
    config: TrainConfig,
    device: str,
) -> None:
    """Train one network from pairs, `judges` being those of the people held back."""
    torch.manual_seed(config.seed)
    learner, spent, checkpoint = Learner(name, config, device), 0.0, checkpoint_file(run, name)
    if checkpoint.exists():
        saved = torch.load(checkpoint, map_location=device, weights_only=True)
        spent = saved["spent"]
        learner.restore(saved)
    print(f"{name}: {len(reader)} couples, {device}, from step {learner.steps}", flush=True)
    started = time.monotonic() - 60 * spent
    while spent < minutes:
        losses = learner.step(reader.draw(config.couples, device), features, spent / minutes)
        spent = (time.monotonic() - started) / 60
        if learner.steps % config.save_every == 0 or spent >= minutes:
            losses |= learner.validate(judges)
            write_checkpoint(checkpoint, {"spent": spent} | learner.state())
        if learner.steps % config.log_every == 0 or spent >= minutes:
            _log(run / f"{name}.jsonl", learner.steps, spent, losses)


def checkpoint_file(run: Path, name: str) -> Path:
    """Where a run keeps the state of one network."""
    return run / f"{name}.pt"


def _log(path: Path, step: int, minutes: float, losses: dict[str, float]) -> None:
    row = {"step": step, "minutes": round(minutes, 2)}
    row |= {name: round(value, 5) for name, value in losses.items()}
    with path.open("a") as file:
        file.write(json.dumps(row) + "\n")
