"""The trainer on a network of a few weights: the same command makes the same model."""

from __future__ import annotations

import argparse
import os
import signal
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")

from torch import Tensor, nn  # noqa: E402

from openvasa.commands.messages import with_remedy  # noqa: E402
from openvasa.errors import InputError  # noqa: E402
from openvasa.train.checkpoint import BEST_FILE, CHECKPOINT_FILE  # noqa: E402
from openvasa.train.run_log import CURVE_FILE, read_log  # noqa: E402
from openvasa.train.trainer import (  # noqa: E402
    LOSS,
    Task,
    TrainerConfig,
    learning_rate,
    load_settings,
    load_weights,
    train,
)

CONFIG = TrainerConfig(
    steps=20,
    learning_rate=0.05,
    warmup=3,
    log_every=4,
    save_every=5,
    validate_every=6,
    seed=3,
    threads=1,
)
SLOPE = torch.tensor([[1.0, -2.0, 0.5]])


class Counter:
    """A companion that counts its steps."""

    def __init__(self) -> None:
        self.steps = 0

    def state_dict(self) -> dict:
        return {"steps": self.steps}

    def load_state_dict(self, state: dict) -> None:
        self.steps = state["steps"]


def line_task(
    seed: int = 3, *, stop_at: int | None = None, held_back: bool = True, width: int = 4
) -> Task:
    """Learn a linear map through dropout, with chance in the batch as in the loss."""
    torch.manual_seed(seed)
    network = nn.Sequential(nn.Linear(3, width), nn.Dropout(0.1), nn.Linear(width, 1))
    counter = Counter()

    def draw(rng: np.random.Generator) -> Tensor:
        return torch.from_numpy(rng.standard_normal((16, 3)).astype(np.float32))

    def step_loss(batch: Tensor, step: int) -> tuple[Tensor, Mapping[str, Tensor | float]]:
        counter.steps += 1
        if step == stop_at:
            os.kill(os.getpid(), signal.SIGTERM)
        noisy = batch + 0.1 * torch.randn_like(batch)
        loss = (network(noisy) - batch @ SLOPE.T).square().mean()
        return loss, {"even" if step % 2 == 0 else "odd": loss.detach()}

    def validate(average: nn.Module, _: int) -> dict[str, float]:
        seen = torch.randn(64, 3)
        return {LOSS: (average(seen) - seen @ SLOPE.T).square().mean().item(), "seen": seen.sum()}

    found = validate if held_back else None
    return Task(network, draw, step_loss, found, {"counter": counter}, {"width": width})


def weights(network: nn.Module) -> np.ndarray:
    return torch.cat([p.detach().flatten() for p in network.parameters()]).numpy()


def test_the_same_seed_gives_the_same_weights_and_another_does_not() -> None:
    first, again = (weights(train(line_task(), CONFIG)) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    other = weights(train(line_task(), replace(CONFIG, seed=4)))
    assert np.abs(first - other).max() > 1e-3


def test_workers_draw_the_same_batches() -> None:
    short = replace(CONFIG, steps=4)
    alone = weights(train(line_task(), short))
    np.testing.assert_array_equal(alone, weights(train(line_task(), replace(short, workers=2))))


def test_an_interrupted_run_ends_as_one_that_was_not(tmp_path: Path) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    undisturbed = weights(train(line_task(), CONFIG, whole))
    stopped: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: stopped.append(number))
    try:
        train(line_task(stop_at=9), CONFIG, parts)
    finally:
        signal.signal(signal.SIGTERM, before)
    # The signal is passed on to whom it was for, once the step it fell in is saved.
    assert stopped == [signal.SIGTERM]
    assert torch.load(parts / CHECKPOINT_FILE, weights_only=True)["step"] == 10
    task = line_task()
    np.testing.assert_array_equal(weights(train(task, CONFIG, parts)), undisturbed)
    assert task.companions["counter"].state_dict() == {"steps": 20}
    kept, wanted = (
        [{k: v for k, v in row.items() if k != "seconds"} for row in read_log(run)]
        for run in (parts, whole)
    )
    assert kept == wanted
    for name in (CHECKPOINT_FILE, BEST_FILE):
        a, b = (torch.load(run / name, weights_only=True) for run in (parts, whole))
        assert a["step"] == b["step"]
        for key, value in a["average"].items():
            torch.testing.assert_close(value, b["average"][key], rtol=0, atol=0)


def test_a_run_killed_between_checkpoints_takes_the_lost_steps_again(tmp_path: Path) -> None:
    undisturbed = weights(train(line_task(), CONFIG))

    class Killed(Exception):
        pass

    task = line_task()

    def killed(batch: Tensor, step: int) -> tuple[Tensor, Mapping[str, Tensor | float]]:
        if step == 13:
            raise Killed
        return task.step_loss(batch, step)

    with pytest.raises(Killed):
        train(replace(task, step_loss=killed), CONFIG, tmp_path)
    assert torch.load(tmp_path / CHECKPOINT_FILE, weights_only=True)["step"] == 10
    np.testing.assert_array_equal(weights(train(line_task(), CONFIG, tmp_path)), undisturbed)


def test_a_run_keeps_its_log_its_curve_and_its_settings(tmp_path: Path) -> None:
    train(line_task(), CONFIG, tmp_path)
    rows = read_log(tmp_path)
    assert [row["step"] for row in rows] == [4, 6, 8, 12, 16, 18, 20]
    assert [row["step"] for row in rows if "held back loss" in row] == [6, 12, 18, 20]
    # Every validation sees the same chance.
    assert len({row["held back seen"] for row in rows if "held back seen" in row}) == 1
    assert all({"seconds", "rate", "loss", "gradient", "odd", "even"} <= row.keys() for row in rows)
    assert rows[-1]["loss"] < rows[0]["loss"]
    picture = cv2.imread(str(tmp_path / CURVE_FILE))
    assert (picture != 255).any(axis=-1).mean() > 0.01
    assert load_settings(tmp_path) == {"width": 4}


def test_the_weights_that_do_best_on_people_held_back_are_kept(tmp_path: Path) -> None:
    seen: list[nn.Module] = []

    def worsening(average: nn.Module, _: int) -> dict[str, float]:
        seen.append(average)
        return {LOSS: float(len(seen))}

    config = replace(CONFIG, best_from=12)
    found = train(replace(line_task(), validate=worsening), config, tmp_path)
    assert len(seen) == 4
    best, last = (load_weights(tmp_path, which) for which in ("best", "last"))
    assert torch.load(tmp_path / BEST_FILE, weights_only=True)["step"] == 12
    assert any((best[name] != last[name]).any() for name in best)
    for name, value in found.state_dict().items():
        torch.testing.assert_close(value, best[name], rtol=0, atol=0)


def test_without_people_held_back_the_last_average_is_used() -> None:
    task = line_task(held_back=False)
    found = train(task, CONFIG)
    assert not found.training
    assert np.abs(weights(found) - weights(task.network)).max() > 1e-4


def test_a_run_refuses_other_settings(tmp_path: Path) -> None:
    train(line_task(), CONFIG, tmp_path)
    with pytest.raises(InputError, match="seed 3, not 5; give another RUN"):
        train(line_task(), replace(CONFIG, seed=5), tmp_path)
    with pytest.raises(InputError, match="width 4, not 5"):
        train(line_task(width=5), CONFIG, tmp_path)
    longer = replace(CONFIG, steps=24, save_every=7)
    train(line_task(), longer, tmp_path)
    assert read_log(tmp_path)[-1]["step"] == 24


def test_a_loss_that_is_no_number_ends_the_run_unsaved(tmp_path: Path) -> None:
    def burst(batch: Tensor, step: int) -> tuple[Tensor, Mapping[str, Tensor | float]]:
        return task.network(batch).mean() * float("nan"), {}

    task = line_task()
    with pytest.raises(InputError, match="step 4: the loss is nan; lower the learning rate"):
        train(replace(task, step_loss=burst), CONFIG, tmp_path)
    assert not (tmp_path / CHECKPOINT_FILE).exists()


def test_nothing_to_load_is_said(tmp_path: Path) -> None:
    for read in (load_weights, load_settings):
        with pytest.raises(InputError, match="train it first"):
            read(tmp_path)
    with pytest.raises(InputError, match="steps 0: choose 1 or more"):
        TrainerConfig(steps=0)


def test_the_learning_rate_rises_and_falls_by_step() -> None:
    rates = [learning_rate(CONFIG, step) for step in range(CONFIG.steps)]
    assert rates[0] == pytest.approx(CONFIG.learning_rate / 3, rel=1e-2)
    assert max(rates) == rates[2]
    assert learning_rate(CONFIG, CONFIG.steps) == pytest.approx(0.02 * CONFIG.learning_rate)


@pytest.mark.parametrize(("name", "value"), [("steps", 0), ("workers", -1), ("threads", 0)])
def test_numbers_that_make_no_run_are_refused(name: str, value: int) -> None:
    with pytest.raises(InputError, match=f"{name} {value}: choose"):
        replace(CONFIG, **{name: value})


@pytest.mark.parametrize("name", ["steps", "seed", "threads", "workers"])
def test_training_names_the_option_of_what_it_refuses(name: str) -> None:
    with pytest.raises(InputError) as refused:
        TrainerConfig(**{"steps": 1, name: -1})
    given = argparse.Namespace(steps=0, seed=0, threads=0, workers=0)
    assert with_remedy(refused.value, given).endswith(f"or more (--{name} N)")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU that replays graphs")
def test_replayed_steps_learn_what_steps_one_by_one_learn() -> None:
    def learn(repeatable: bool) -> np.ndarray:
        torch.manual_seed(3)
        network = nn.Linear(3, 1).cuda()
        slope = SLOPE.cuda()

        def draw(rng: np.random.Generator) -> dict[str, Tensor]:
            # Two shapes: each has a recording of its own.
            rows = 16 if rng.random() < 0.5 else 8
            return {"seen": torch.from_numpy(rng.standard_normal((rows, 3)).astype(np.float32))}

        def step_loss(batch: Mapping[str, Tensor], step: int) -> tuple[Tensor, dict[str, Tensor]]:
            seen = batch["seen"].cuda()
            return (network(seen) - seen @ slope.T).square().mean(), {}

        task = Task(network, draw, step_loss, repeatable=repeatable)
        return weights(train(task, replace(CONFIG, steps=60)).cpu())

    np.testing.assert_allclose(learn(True), learn(False), atol=1e-4)


def test_commands_train_as_long_as_the_trainings_say() -> None:
    from openvasa.cli import make_parser
    from openvasa.train import articulation, experts, latent, occluders, render, speech_motion

    commands = {
        "motion a b": speech_motion,
        "articulation a": articulation,
        "sync a b": experts,
        "render a b c": render,
        "latent a b c": latent,
        "occluders a b c": occluders,
    }
    for command, training in commands.items():
        options = make_parser().parse_args(["train", *command.split()])
        assert options.steps == training.DEFAULTS.steps, command
    assert make_parser().parse_args(["train", "occluders", *"abc"]).batch == occluders.COMPOSITES
