"""Train the refinement of the rendered face.

    openvasa train render CACHE CLIPS RUN [--steps 7000]

Two networks of one kind, for the mouth and for an eye, learn from pairs (`data/pairs.py`) how to
bend and shade the rendered crop so that it looks like the real one: absolute error, structural
similarity (Zhao et al., arXiv:1511.08861), distance of perceptual features (Johnson et al.,
arXiv:1603.08155), the change from one frame to the next and the tone between lips or lids. In the
second half of the mouth's training an adversary (`render_adversary.py`) adds its gradient. Some of
the training people are held back; the weights that do best on them are kept. RUN holds the pairs
and, for each network, a folder as `trainer` makes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import cv2
import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from openvasa.data.held_back import held_back_people
from openvasa.data.pairs import prepare_pairs
from openvasa.data.prepare import cached_clips
from openvasa.render.refine import NETWORKS
from openvasa.train.precision import half_precision, training_device
from openvasa.train.render_adversary import HEAD_START, RenderAdversary
from openvasa.train.render_data import Batch, PairReader
from openvasa.train.render_loss import (
    PictureWeights,
    measure_fields,
    perceptual_distance,
    picture_losses,
)
from openvasa.train.render_network import (
    PerceptualFeatures,
    RefinementNetwork,
    bend_and_shade,
    find_bare,
)
from openvasa.train.trainer import LOSS, Task, TrainerConfig
from openvasa.train.trainer import train as run_training

PAIRS = "pairs"

ADVERSARY = {"mouth": 0.2, "eye": 0.0}
"""What suits each network as `RefinementTraining.adversary`. Eyes it made no better."""

DEFAULTS = TrainerConfig(
    steps=7000,
    warmup=50,
    final_rate=0.05,
    weight_decay=0.05,
    betas=(0.8, 0.99),
    average=0.995,
    validate_every=100,
    save_every=100,
    log_every=20,
)
HELD_BACK = 6
"""One of so many training people is held back."""

VALIDATION_COUPLES, VALIDATION_BATCH = 320, 16


@dataclass(frozen=True)
class RefinementTraining:
    """What one refinement network learns from; the defaults fit a CPU."""

    couples: int = 8
    """Couples of adjacent frames in a batch."""
    weights: PictureWeights = field(default_factory=PictureWeights)
    """Of the losses."""
    adversary: float = 0.0
    """How hard the adversary's gradient acts on the pictures, as a share of how hard that of the
    losses does; at 0 there is none."""
    adversary_from: float = 0.5
    """Share of the steps after which the adversary begins to learn."""


def default_training(name: str, adversary: float | None = None) -> RefinementTraining:
    """What suits a network and this machine: larger batches where there is a GPU."""
    share = ADVERSARY[name] if adversary is None else adversary
    couples = 32 if torch.cuda.is_available() else 8
    return RefinementTraining(couples=couples, adversary=share)


def train(
    cache: Path,
    clips: Path,
    run: Path,
    config: TrainerConfig,
    trainings: Mapping[str, RefinementTraining],
) -> None:
    """Train one network after the other.

    Args:
        cache: from `openvasa data prepare`.
        clips: the folder of clips it was made from.
        run: folder for pairs (made on first use) and of each network's run.
        config: steps of each network, learning rate, seed.
        trainings: what to train, some of `NETWORKS`, and how.

    Raises:
        InputError: CACHE holds too few people, or RUN was made with other settings.
    """
    device = training_device()
    # First of all: where the network behind the loss is missing, hours of pairs are not made.
    perceptual = any(training.weights.perceptual > 0 for training in trainings.values())
    features = PerceptualFeatures().to(device) if perceptual else None
    prepare_pairs(cache, clips, run / PAIRS)
    cv2.setNumThreads(1)
    learnt, judged = _divide_pairs(cache, run / PAIRS)
    for name, training in trainings.items():
        reader, judges = (PairReader(files, NETWORKS[name]) for files in (learnt, judged))
        train_network(name, run, reader, judges, features, training, config, device)


def train_network(
    name: str,
    run: Path,
    reader: PairReader,
    judges: PairReader,
    features: PerceptualFeatures | None,
    training: RefinementTraining,
    config: TrainerConfig,
    device: str,
) -> nn.Module:
    """Train one network from pairs, `judges` being those of the people held back."""
    if training.adversary > 0:
        # What does best without the adversary is not what is looked for.
        start = _adversary_start(training, config) + HEAD_START
        config = replace(config, best_from=min(start, config.steps))
    task = refinement_task(name, reader, judges, features, training, config, device)
    return run_training(task, config, run_folder(run, name))


def run_folder(run: Path, name: str) -> Path:
    """Where a run keeps one network."""
    return run / name


def refinement_task(
    name: str,
    reader: PairReader,
    judges: PairReader,
    features: PerceptualFeatures | None,
    training: RefinementTraining,
    config: TrainerConfig,
    device: str,
) -> Task[Batch]:
    """The task of making rendered crops look like real ones."""
    torch.manual_seed(config.seed)
    network = RefinementNetwork(NETWORKS[name][0].side).to(device)
    adversary, weights = RenderAdversary(device), training.weights
    start = _adversary_start(training, config)

    def step_loss(batch: Batch, step: int) -> tuple[Tensor, dict[str, Tensor | float]]:
        batch = batch.to(device)
        refined, fields = refine(network, batch, device)
        terms = picture_losses(refined, batch, weights)
        if weights.perceptual > 0 and features is not None:
            distance = perceptual_distance(refined, batch, features, device)
            terms["perceptual"] = weights.perceptual * distance
        loss, learnt = torch.stack(list(terms.values())).sum(), dict[str, Tensor]()
        terms["restraint"] = weights.restraint * measure_fields(*fields)
        total = loss + terms["restraint"]
        figures = {term: value.detach() for term, value in terms.items()}
        if training.adversary > 0 and step >= start:
            # It sees one frame of each couple: the other hardly differs.
            geometry = batch.geometry[::2]
            term = adversary.term(loss, refined, training.adversary, geometry, every=2)
            total = total + term
            learnt = adversary.learn(refined.detach()[::2], batch.target[::2], geometry)
        return total, {LOSS: loss.detach(), **figures, **learnt}

    def validate(average: nn.Module, _: int) -> dict[str, float]:
        return judge_network(average, judges, weights, device)

    return Task(
        network,
        draw=lambda rng: reader.draw(training.couples, rng),
        step_loss=step_loss,
        validate=validate,
        companions={"adversary": adversary},
        settings={"network": name, "training": asdict(training)},
    )


def refine(network: nn.Module, batch: Batch, device: str) -> tuple[Tensor, list[Tensor]]:
    """(2n, 3, S, S) refined crops of a batch, and the fields that the network made of it."""
    pictures = (functional.avg_pool2d(p, 2) for p in (batch.rendered, batch.source))
    with half_precision(device):
        fields = network(*pictures, batch.geometry)
    fields = [field.float() for field in fields]
    # Pairs hold no more of a face than the crop: its median stands for the skin.
    skin = batch.source.flatten(2).median(dim=2).values[..., None, None]
    bare = find_bare(batch.geometry)
    bend, shade = (batch.moved * field for field in fields)
    return bend_and_shade(batch.rendered, bend, shade, bare, skin), fields


@torch.no_grad()
def judge_network(
    network: nn.Module, reader: PairReader, weights: PictureWeights, device: str
) -> dict[str, float]:
    """The sum of a network's losses, and each of them over that of the unrefined crops."""
    sums = {name: [0.0, 0.0] for name in ("pixel", "structure", "temporal", "tone")}
    for drawn in reader.all_of(VALIDATION_COUPLES, VALIDATION_BATCH):
        batch = drawn.to(device)
        refined, _ = refine(network, batch, device)
        for k, pictures in enumerate((refined, batch.rendered)):
            for name, loss in picture_losses(pictures, batch, weights).items():
                sums[name][k] += loss.item()
    ratios = {name: refined / unrefined for name, (refined, unrefined) in sums.items()}
    return {LOSS: sum(refined for refined, _ in sums.values()), **ratios}


def _adversary_start(training: RefinementTraining, config: TrainerConfig) -> int:
    return round(training.adversary_from * config.steps)


def _divide_pairs(cache: Path, folder: Path) -> tuple[list[Path], list[Path]]:
    """Files of pairs to learn from, and those of people held back."""
    group_of = {clip.name: clip.group for clip in cached_clips(cache)}
    shown = {file: group_of[file.stem.rsplit("_", 1)[0]] for file in sorted(folder.glob("*.npz"))}
    people = held_back_people(shown.values(), HELD_BACK)
    learnt = [file for file, group in shown.items() if group not in people]
    return learnt, [file for file, group in shown.items() if group in people]
