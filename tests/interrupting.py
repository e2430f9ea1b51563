"""A training that is killed and started again, beside one that nobody disturbs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from openvasa.train.run_log import read_log
from openvasa.train.trainer import Task, TrainerConfig, train

KILLED_AT = 13


def train_interrupted(
    make_task: Callable[[], Task], defaults: TrainerConfig, folder: Path
) -> list[dict]:
    """Train 20 steps twice, once killed between two checkpoints; asserts that both end alike.

    Args:
        make_task: a new task with the same first weights each time.
        defaults: of the training.
        folder: where the runs are kept.

    Returns:
        The log of the run that was killed.
    """
    config = replace(defaults, steps=20, warmup=4, validate_every=10, save_every=10, log_every=5)

    def trained(run: Path, killed_at: int = -1) -> torch.nn.Module:
        torch.manual_seed(0)
        task = make_task()

        def step_loss(batch: object, step: int) -> object:
            if step == killed_at:
                raise InterruptedError
            return task.step_loss(batch, step)

        return train(replace(task, step_loss=step_loss), config, run)

    undisturbed = trained(folder / "whole")
    with pytest.raises(InterruptedError):
        trained(folder / "parts", killed_at=KILLED_AT)
    resumed = trained(folder / "parts")
    for ours, theirs in zip(resumed.parameters(), undisturbed.parameters(), strict=True):
        assert (ours == theirs).all()
    rows = read_log(folder / "parts")
    assert [row["step"] for row in rows if "held back loss" in row] == [10, 20]
    seen = [row["held back loss"] for row in rows if "held back loss" in row]
    assert seen[1] < seen[0]
    return rows
