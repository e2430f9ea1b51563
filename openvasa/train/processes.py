"""Several processes that train one network, each on its share of every batch: torch's own DDP.

    torchrun --nproc-per-node 4 -m openvasa train latent PACK CLIPS RUN --config base

Gradients are means over the processes. So a step is that of one process that averages the losses of
all shares; what a loss compares within a batch (people, say), it compares within a share. All
processes draw the same batch; the first one alone validates, logs and saves.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

from openvasa.errors import InputError


def join_processes() -> None:
    """Join the processes that torchrun started, each with a GPU of its own where there are some."""
    if int(os.environ.get("WORLD_SIZE", "1")) < 2 or distributed.is_initialized():
        return
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")


def count_processes() -> int:
    """How many train together; 1 for one alone."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def is_first() -> bool:
    """Whether this process writes the run."""
    return not distributed.is_initialized() or distributed.get_rank() == 0


def wait_for_all() -> None:
    """Wait until every process is here."""
    if distributed.is_initialized():
        distributed.barrier()


def own_share(size: int) -> slice:
    """Which rows of a batch of `size` this process learns from.

    Raises:
        InputError: the batch cannot be shared evenly.
    """
    count = count_processes()
    if size % count:
        raise InputError(f"batch {size}: choose a multiple of the {count} processes")
    rank = distributed.get_rank() if count > 1 else 0
    return slice(rank * (size // count), (rank + 1) * (size // count))


def share_gradients(module: nn.Module) -> nn.Module:
    """A module whose backward pass leaves the mean of all processes' gradients."""
    return DistributedDataParallel(module) if count_processes() > 1 else module


def average_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """The same for parameters outside such a module."""
    if count_processes() == 1:
        return
    for parameter in parameters:
        if parameter.grad is not None:
            distributed.all_reduce(parameter.grad)
            parameter.grad /= count_processes()
