"""The loop behind every training: steps, schedule, running average, validation, checkpoints.

A run is a folder:

    config.json     the settings; another start must have the same
    checkpoint.pt   everything that the next start goes on from
    best.pt         the averaged weights that did best on people held back
    log.csv         figures of training and validation by step
    curve.png       the same, drawn

The randomness of a step depends on the seed and the number of the step alone. So the same command
makes the same model on any machine, up to float noise, and an interrupted run ends as one that was
never interrupted.
"""

from __future__ import annotations

import json
import math
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from openvasa.errors import InputError
from openvasa.train.checkpoint import BEST_FILE, CHECKPOINT_FILE, Companion, Training
from openvasa.train.graphed_step import GraphedStep
from openvasa.train.processes import is_first, wait_for_all
from openvasa.train.run_log import RunLog
from openvasa.train.run_settings import CONFIG_FILE, keep_settings

LOSS = "loss"
"""Name of the loss among the figures; in validation, what the best weights are chosen by."""
HELD_BACK = "held back "
"""What the names of validation figures begin with in the log."""
FREE_SETTINGS = (
    "steps",
    "best_from",
    "validate_every",
    "save_every",
    "log_every",
    "threads",
    "workers",
)
"""Settings of `TrainerConfig` that may change from one start of a run to the next."""
QUIET_SECONDS = 30.0
"""Between two updates of a progress bar that nobody watches."""

Batch = TypeVar("Batch")
Weights = Literal["best", "last"]
"""Averaged weights of a run: those that did best on people held back, or the last ones."""


@dataclass(frozen=True)
class TrainerConfig:
    """How a network is trained, whatever it learns."""

    steps: int
    """Optimiser steps of the whole run, those of earlier starts included."""
    learning_rate: float = 6e-4
    """AdamW's, at its peak."""
    warmup: int = 200
    """Steps over which the learning rate rises to its peak."""
    final_rate: float = 0.02
    """Share of the peak that is left at the end of the cosine."""
    weight_decay: float = 0.02
    """AdamW's, decoupled (Loshchilov & Hutter, arXiv:1711.05101)."""
    betas: tuple[float, float] = (0.9, 0.999)
    """AdamW's decay of the gradient's running mean and of its square's."""
    average: float = 0.998
    """Decay per step of the running average of the weights; early steps count as a plain mean."""
    largest_gradient: float = 1.0
    """Norm to which the gradient is clipped."""
    validate_every: int = 500
    """Steps between two looks at the people held back; there is one at the end as well."""
    best_from: int = 0
    """First step whose weights may be kept as the best."""
    save_every: int = 250
    """Steps between two checkpoints."""
    log_every: int = 50
    """Steps between two rows of the log; a row holds the means over the steps since the last."""
    seed: int = 0
    """Of the first weights and of everything drawn."""
    threads: int | None = None
    """CPU threads of torch; None leaves torch its default."""
    workers: int = 0
    """Processes that draw batches ahead; 0 draws them in the loop. The batches are the same."""

    def __post_init__(self) -> None:
        """Refuse a run of no steps, and what no machine has."""
        least = {"steps": 1, "workers": 0, "seed": 0}
        least |= {} if self.threads is None else {"threads": 1}
        for name, smallest in least.items():
            if (value := getattr(self, name)) < smallest:
                raise InputError(f"{name} {value}: choose {smallest} or more", parameters=(name,))


@dataclass(frozen=True)
class Task(Generic[Batch]):
    """What a network learns.

    Attributes:
        network: on its device, in the mode (dropout or none) in which it learns.
        draw: generator → batch; all its chance comes from the generator.
        step_loss: batch and number of the step → loss to differentiate, and figures for the log.
            Its chance comes from torch's generator, which is seeded for each step.
        validate: averaged network and steps it has learnt → figures on people held back, `LOSS`
            among them; None where nothing is held back. Every call sees the same chance.
        companions: what else learns within `step_loss` and has to be saved with the network.
        settings: of the task, kept in `config.json`; values that JSON can hold.
        repeatable: batches are mappings from names to tensors on the CPU, `step_loss` depends on
            nothing else but torch's generator and never waits for a GPU. Then a GPU replays the
            step (`train.graphed_step`).
    """

    network: nn.Module
    draw: Callable[[np.random.Generator], Batch]
    step_loss: Callable[[Batch, int], tuple[Tensor, Mapping[str, Tensor | float]]]
    validate: Callable[[nn.Module, int], Mapping[str, float]] | None = None
    companions: Mapping[str, Companion] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    repeatable: bool = False


def train(task: Task[Any], config: TrainerConfig, run: Path | None = None) -> nn.Module:
    """Train to `config.steps`, from the checkpoint in `run` where there is one.

    SIGINT and SIGTERM save a checkpoint and then do what they do otherwise. Of several processes
    (`train.processes`) the first one alone validates and writes.

    Args:
        task: what is learnt.
        config: how.
        run: folder of the run; without one nothing is written.

    Returns:
        A network with the averaged weights, the best ones where the task validates.

    Raises:
        InputError: `run` was made with other settings, or the loss is no longer finite.
    """
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    replayed = task.repeatable and next(task.network.parameters()).is_cuda
    optimiser = _optimiser(task.network, config, replayed)
    training = Training.begin(task.network, optimiser, task.companions)
    log = RunLog(run if is_first() else None)
    if run is not None:
        if is_first():
            keep_settings(
                run,
                {"trainer": asdict(config), "task": task.settings},
                begun=(run / CHECKPOINT_FILE).exists(),
                free={"trainer": FREE_SETTINGS},
            )
        wait_for_all()
        training.resume(run)
        if is_first():
            log.resume(training.step)
    if not is_first():
        run, task = None, replace(task, validate=None)
    batches = _draw_batches(task, config, training.step)
    take = partial(_take_step, training, task, config)
    step = GraphedStep(take) if replayed else take
    with _stop_requests() as stop, _progress(training.step, config.steps) as bar:
        started = time.monotonic() - training.seconds
        for batch in batches:
            torch.manual_seed(step_seed(config.seed, training.step))
            training.prepare(learning_rate(config, training.step), config.average)
            training.count(step(batch))
            training.step += 1
            training.seconds = time.monotonic() - started
            _validate_and_log(training, task, config, log)
            leaving = bool(stop) or training.step == config.steps
            if run is not None and (leaving or training.step % config.save_every == 0):
                training.save(run)
                log.write()
            bar.set_postfix(loss=log.latest(LOSS), refresh=False)
            bar.update()
            if leaving:
                break
    return training.best_network()


def learning_rate(config: TrainerConfig, step: int) -> float:
    """Linear warm-up, then a cosine over the steps of the run down to `final_rate`."""
    warm = min(1.0, (step + 1) / max(config.warmup, 1))
    cosine = 0.5 * (1 + math.cos(math.pi * min(step / config.steps, 1.0)))
    return config.learning_rate * warm * (config.final_rate + (1 - config.final_rate) * cosine)


def step_seed(seed: int, step: int) -> int:
    """Seed of one step, 63 bits; that of validation is step −1."""
    return int(np.random.SeedSequence([seed, step + 1]).generate_state(1, np.uint64)[0] >> 1)


def _optimiser(network: nn.Module, config: TrainerConfig, replayed: bool) -> torch.optim.Optimizer:
    learnt = [parameter for parameter in network.parameters() if parameter.requires_grad]
    # A replayed step reads its learning rate from the GPU.
    rate = torch.tensor(config.learning_rate, device="cuda") if replayed else config.learning_rate
    return torch.optim.AdamW(
        learnt,
        lr=rate,
        betas=config.betas,
        weight_decay=config.weight_decay,
        capturable=replayed,
        fused=not replayed,
    )


class _Draws(Dataset):
    """Batches by the number of their step, for worker processes."""

    def __init__(self, task: Task[Any], seed: int) -> None:
        self._draw, self._seed = task.draw, seed

    def __getitem__(self, step: int) -> Any:
        return self._draw(np.random.default_rng(step_seed(self._seed, step)))


def _as_drawn(batch: Any) -> Any:
    return batch


def _draw_batches(task: Task[Any], config: TrainerConfig, first: int) -> Iterator[Any]:
    draws, steps = _Draws(task, config.seed), range(first, config.steps)
    if config.workers == 0:
        return (draws[step] for step in steps)
    return iter(
        DataLoader(
            draws,
            batch_size=None,
            sampler=steps,
            num_workers=config.workers,
            collate_fn=_as_drawn,
            prefetch_factor=4,
        )
    )


def _take_step(
    training: Training, task: Task[Any], config: TrainerConfig, batch: Any
) -> dict[str, Tensor | float]:
    loss, figures = task.step_loss(batch, training.step)
    norm = training.learn(loss, config.largest_gradient)
    return {LOSS: loss.detach(), "gradient": norm, **figures}


def _validate_and_log(
    training: Training, task: Task[Any], config: TrainerConfig, log: RunLog
) -> None:
    """Validate and add a row to the log, each where its time has come."""
    step, found = training.step, dict[str, float]()
    ended = step == config.steps
    if task.validate is not None and (step % config.validate_every == 0 or ended):
        found = _validate(training, task, config, log.run)
    if found or step % config.log_every == 0 or ended:
        means = training.take_means()
        if not math.isfinite(means[LOSS]):
            raise InputError(f"step {step}: the loss is {means[LOSS]}; lower the learning rate")
        row = {"rate": learning_rate(config, step - 1), **means}
        log.add(step, training.seconds, row | {HELD_BACK + k: v for k, v in found.items()})


def _validate(
    training: Training, task: Task[Any], config: TrainerConfig, run: Path | None
) -> dict[str, float]:
    assert task.validate is not None
    torch.manual_seed(step_seed(config.seed, -1))
    with torch.no_grad():
        found = dict(task.validate(training.average, training.step))
    if training.step >= config.best_from and found[LOSS] < training.least_loss:
        training.keep_best(found[LOSS], run)
    return found


class _StopRequest:
    """True once a signal has asked to stop."""

    def __init__(self) -> None:
        self.number: int | None = None

    def __bool__(self) -> bool:
        return self.number is not None


@contextmanager
def _stop_requests() -> Iterator[_StopRequest]:
    """Take note of SIGINT and SIGTERM within; raise them again behind."""
    request = _StopRequest()
    if threading.current_thread() is not threading.main_thread():
        # Only the main thread may handle signals.
        yield request
        return

    def note(number: int, _frame: object) -> None:
        request.number = number

    before = {
        number: signal.signal(number, note)
        for number in (signal.SIGINT, signal.SIGTERM)
        # A job in the background may have been told to ignore interrupts.
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if request.number is not None:
        signal.raise_signal(request.number)


def _progress(done: int, steps: int) -> tqdm:
    seconds = 1.0 if sys.stderr.isatty() else QUIET_SECONDS
    return tqdm(
        total=steps, initial=done, desc="training", unit="step", mininterval=seconds, miniters=1
    )


def load_weights(run: Path, which: Weights = "best") -> dict[str, Tensor]:
    """Averaged weights of a run, by name, on the CPU.

    Raises:
        InputError: the run holds none yet.
    """
    path = run / (BEST_FILE if which == "best" else CHECKPOINT_FILE)
    if not path.exists():
        raise InputError(f"{run}: holds no {path.name}; train it first")
    return torch.load(path, map_location="cpu", weights_only=True)["average"]


def load_settings(run: Path) -> dict[str, Any]:
    """The task's settings of a run.

    Raises:
        InputError: the folder holds no run.
    """
    path = run / CONFIG_FILE
    if not path.exists():
        raise InputError(f"{run}: holds no {CONFIG_FILE}; train it first")
    return json.loads(path.read_text("utf-8"))["task"]
