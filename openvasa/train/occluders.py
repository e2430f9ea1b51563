"""Train the network that finds what is in front of a face.

    openvasa train occluders CACHE CLIPS RUN [--steps 2200 --workers 14]
    openvasa train occluders CACHE CLIPS RUN --from FILE.onnx --batch 8 --steps 200

It learns from composites (`data/occluders`): things drawn before the faces of the training clips,
anew for each step. Some of the training people are held back; the weights that do best on things
before their faces are kept. RUN holds the stills of the faces and what `trainer` writes; where the
stills are there, CACHE and CLIPS are not looked at. The second command learns on from exported
weights, which a CPU has time for.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from openvasa.data.clip_list import Split
from openvasa.data.held_back import held_back_people
from openvasa.data.occluders.composites import UNKNOWN, Composites
from openvasa.data.stills import Stills, gather_stills
from openvasa.errors import InputError
from openvasa.face.occluders import SIDE, Occluder
from openvasa.train.occluder_network import OccluderNetwork, OnPictures, as_input
from openvasa.train.occluder_start import load_exported
from openvasa.train.onnx_weights import halve_weights
from openvasa.train.precision import half_precision, training_device
from openvasa.train.render_export import drop_traces
from openvasa.train.trainer import LOSS, Task, TrainerConfig, load_weights
from openvasa.train.trainer import train as run_training

STILLS = "stills_train.npz"
"""File in RUN."""
DEFAULTS = TrainerConfig(
    steps=2200,
    learning_rate=2e-3,
    warmup=100,
    final_rate=0.01,
    average=0.995,
    validate_every=200,
    save_every=200,
    log_every=50,
)
FURTHER = replace(
    DEFAULTS,
    learning_rate=1e-4,
    warmup=5,
    final_rate=0.0,
    validate_every=50,
    save_every=10,
    log_every=10,
)
"""What exported weights learn on with."""
HELD_BACK = 8
"""One of so many training people is held back."""
COMPOSITES = 32
"""In a batch by default; the network sees each twice, once mirrored and in other light."""
VALIDATION = 128
"""Composites of people held back."""
WEIGHTS = {
    Occluder.FREE: 1.0,
    Occluder.RIM: 3.0,
    Occluder.LENS: 1.5,
    Occluder.SHADE: 1.5,
    Occluder.COVER: 1.0,
    Occluder.HEADWEAR: 0.7,
    Occluder.FRINGE: 1.5,
}
"""Of px of each class in the cross entropy: what is thin counts for more."""
OVERLAP = 0.5
"""Weight of the loss of overlap (Milletari et al., arXiv:1606.04797) beside the cross entropy."""


@dataclass(frozen=True)
class Batch:
    """Composites; arrays, because tensors would need shared memory to leave a worker process.

    Attributes:
        pictures: (N, S, S, 3) uint8.
        labels: (N, S, S) uint8.
    """

    pictures: np.ndarray
    labels: np.ndarray

    def to(self, device: str) -> tuple[Tensor, Tensor]:
        """What the network takes, and int64 labels."""
        pictures = as_input(torch.from_numpy(self.pictures).to(device))
        return pictures, torch.from_numpy(self.labels).to(device).long()


@dataclass(frozen=True)
class Course:
    """What of a run is no setting of the trainer's.

    Attributes:
        composites: in a batch.
        start: exported weights to learn on from; None begins with weights drawn by chance.
    """

    composites: int = COMPOSITES
    start: Path | None = None

    def __post_init__(self) -> None:
        """Refuse empty batches."""
        if self.composites < 1:
            raise InputError(f"batches of {self.composites} composites: choose 1 or more")

    def begin(self) -> OccluderNetwork:
        """The network before its first step."""
        return OccluderNetwork() if self.start is None else load_exported(self.start)

    def settings(self) -> dict[str, int | str | None]:
        """What another start of the run must have too."""
        begun = None if self.start is None else hashlib.sha256(self.start.read_bytes()).hexdigest()
        return {"composites": self.composites, "start": begun}


def train(cache: Path, clips: Path, run: Path, config: TrainerConfig, course: Course) -> nn.Module:
    """Train, or go on with a run.

    Raises:
        InputError: CACHE holds too few people, RUN was made with other settings, or the course
            begins with a file that holds no weights.
    """
    torch.manual_seed(config.seed)
    # A file that holds no weights is told of at once, not after minutes of stills.
    network = course.begin()
    stills = gather_stills(cache, clips, Split.TRAIN, run / STILLS)
    cv2.setNumThreads(1)
    task = occluder_task(stills, config, course, network.to(training_device()))
    return run_training(task, config, run)


def occluder_task(
    stills: Stills, config: TrainerConfig, course: Course, network: OccluderNetwork
) -> Task[Batch]:
    """The task of telling what was drawn before faces, of a network where it is to train."""
    device = next(network.parameters()).device.type
    learnt, judged = divide_people(stills)
    weights = torch.tensor([WEIGHTS[kind] for kind in Occluder], device=device)
    held_back: list[Batch] = []

    def step_loss(batch: Batch, step: int) -> tuple[Tensor, dict[str, Tensor | float]]:
        pictures, labels = batch.to(device)
        gain = torch.empty(len(pictures), 3, 1, 1, device=device).uniform_(0.75, 1.25)
        mirrored = ((pictures.flip(3) + 1) * gain - 1).clamp(-1, 1)
        pictures, labels = torch.cat([pictures, mirrored]), torch.cat([labels, labels.flip(2)])
        with half_precision(device):
            logits = network(pictures)
        loss = occluder_loss(logits.float(), labels, weights)
        return loss, {LOSS: loss.detach()}

    def validate(average: nn.Module, _: int) -> dict[str, float]:
        if not held_back:
            rng = np.random.default_rng([config.seed, 1])
            held_back.extend(draw_batch(judged, rng, 16) for _ in range(VALIDATION // 16))
        return judge_network(average, held_back, weights, device)

    return Task(
        network,
        draw=lambda rng: draw_batch(learnt, rng, course.composites),
        step_loss=step_loss,
        validate=validate,
        settings={"stills": len(stills), **course.settings()},
    )


def divide_people(stills: Stills) -> tuple[Composites, Composites]:
    """Bare faces to learn from, and those of the people held back."""
    people = held_back_people(stills.groups, HELD_BACK)
    rows = range(len(stills))
    learnt = stills.only([i for i in rows if stills.groups[i] not in people])
    judged = stills.only([i for i in rows if stills.groups[i] in people])
    return Composites.of_bare(learnt), Composites.of_bare(judged)


def draw_batch(composites: Composites, rng: np.random.Generator, count: int) -> Batch:
    """So many composites."""
    drawn = [composites.draw(rng) for _ in range(count)]
    return Batch(np.stack([d.picture for d in drawn]), np.stack([d.labels for d in drawn]))


def occluder_loss(logits: Tensor, labels: Tensor, weights: Tensor) -> Tensor:
    """Cross entropy and loss of overlap; where a label is unknown, free and fringe both are right.

    Args:
        logits: (N, classes, S, S).
        labels: (N, S, S) int64, `UNKNOWN` among them.
        weights: (classes,) of px.
    """
    logs = functional.log_softmax(logits, dim=1)
    unknown = labels == UNKNOWN
    known = torch.where(unknown, int(Occluder.FREE), labels)
    either = torch.logaddexp(logs[:, Occluder.FREE], logs[:, Occluder.FRINGE])
    right = torch.where(unknown, either, logs.gather(1, known[:, None])[:, 0])
    px = weights[known]
    entropy = -(px * right).sum() / px.sum()
    chances = logs.exp()
    truth = functional.one_hot(known, len(Occluder)).permute(0, 3, 1, 2).float()
    counted = (~unknown)[:, None].float()
    both = (chances * truth * counted).sum(dim=(0, 2, 3))
    sums = ((chances + truth) * counted).sum(dim=(0, 2, 3))
    overlap = (2 * both + 1) / (sums + 1)
    return entropy + OVERLAP * (1 - overlap[1:].mean())


@torch.no_grad()
def judge_network(
    network: nn.Module, batches: list[Batch], weights: Tensor, device: str
) -> dict[str, float]:
    """The loss, and the overlap (intersection over union) of each class."""
    losses, both, either = [], torch.zeros(len(Occluder)), torch.zeros(len(Occluder))
    for batch in batches:
        pictures, labels = batch.to(device)
        with half_precision(device):
            logits = network(pictures).float()
        losses.append(occluder_loss(logits, labels, weights).item())
        found = logits.argmax(dim=1)
        for kind in Occluder:
            there, seen = labels == kind, (found == kind) & (labels != UNKNOWN)
            both[kind] += (there & seen).sum().cpu()
            either[kind] += (there | seen).sum().cpu()
    overlap = both / either.clamp(min=1)
    figures = {f"iou {kind.name.lower()}": float(overlap[kind]) for kind in Occluder}
    return {LOSS: float(np.mean(losses)), **figures}


def export(run: Path, path: Path) -> None:
    """Write the best weights of a run as an ONNX file, in half precision."""
    network = OccluderNetwork()
    network.load_state_dict(load_weights(run))
    torch.onnx.export(
        OnPictures(network).eval(),
        (torch.zeros(1, SIDE, SIDE, 3, dtype=torch.uint8),),
        str(path),
        input_names=["picture"],
        output_names=["chances"],
        opset_version=18,
        dynamo=True,
        external_data=False,
    )
    halve_weights(path)
    drop_traces(path)
