"""A process that trains the learned latent together with another one."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import torch

from openvasa.data.latent_frames import ClipFrames, Pairs
from openvasa.learned.config import LatentConfig
from openvasa.train.latent import DEFAULTS, LatentTraining, latent_task
from openvasa.train.processes import join_processes
from openvasa.train.trainer import Task, train

FEW_STEPS = replace(DEFAULTS, steps=3, warmup=1, log_every=1)


def small_task(reader: ClipFrames, config: LatentConfig) -> Task[Pairs]:
    """What both processes learn, four clips a step, the adversary in the last step but one."""
    training = LatentTraining(config, batch=4)
    return latent_task(reader, reader, None, FEW_STEPS, training, "cpu", None)


def train_in_process(rank: int, folder: str) -> None:
    """Train three steps as one of two processes that meet at `MASTER_PORT`; write the weights
    of each, and one run of both."""
    torch.set_num_threads(1)
    here = Path(folder)
    os.environ.update(RANK=str(rank), LOCAL_RANK=str(rank), WORLD_SIZE="2")
    join_processes()
    reader, config = torch.load(here / "given.pt", weights_only=False)
    task = small_task(reader, config)
    train(replace(task, validate=None), FEW_STEPS, here / "run")
    torch.save(task.network.state_dict(), here / f"rank{rank}.pt")
    torch.distributed.destroy_process_group()
