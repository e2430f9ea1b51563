"""Trained weights of the learned latent as files: float16, in parts of a size that travels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from openvasa.learned.config import find_config
from openvasa.learned.files import (
    FORMAT,
    About,
    check_format,
    other_format,
    read_about,
    save_arrays,
)
from openvasa.learned.network import LatentNetwork

MOST_BYTES = 14 << 20
"""Of a part."""


def save_network(folder: Path, network: nn.Module, config: str, steps: int) -> None:
    """Write a network's weights: `latent.json` and `latent-0.npz`, `latent-1.npz`, …"""
    folder.mkdir(parents=True, exist_ok=True)
    parts: list[dict[str, np.ndarray]] = [{}]
    size = 0
    for name, value in network.state_dict().items():
        array = value.detach().cpu().numpy().astype(np.float16)
        if size + array.nbytes > MOST_BYTES and parts[-1]:
            parts.append({})
            size = 0
        parts[-1][name] = array
        size += array.nbytes
    for number, arrays in enumerate(parts):
        save_arrays(folder / part_name(number), **arrays)
    About(config, len(parts), steps, FORMAT).save(folder)


def part_name(number: int) -> str:
    """The file of a part of the weights."""
    return f"latent-{number}.npz"


def read_weights(folder: Path) -> tuple[About, dict[str, Tensor]]:
    """Weights by name, float32, that `save_network` wrote, of any format, and what is said of them.

    Raises:
        InputError: the folder holds none.
    """
    about = read_about(folder)
    state = {}
    for number in range(about.parts):
        with np.load(folder / part_name(number)) as data:
            state |= {name: torch.from_numpy(data[name].astype(np.float32)) for name in data}
    return about, state


def begin_with(network: nn.Module, folder: Path) -> float:
    """Give a network the weights in a folder that it has by name and shape.

    Returns:
        The share of the network's numbers that were given.

    Raises:
        InputError: the folder holds no weights.
    """
    _, state = read_weights(folder)
    own = network.state_dict()
    fitting = {n: v for n, v in state.items() if n in own and own[n].shape == v.shape}
    network.load_state_dict(own | fitting)
    return sum(v.numel() for v in fitting.values()) / sum(v.numel() for v in own.values())


def load_network(folder: Path) -> LatentNetwork:
    """The network that `save_network` wrote, on the CPU, ready to be used.

    Raises:
        InputError: the folder holds none, or those of another format.
    """
    about, state = read_weights(folder)
    check_format(folder, about)
    network = LatentNetwork(find_config(about.config))
    wanted = {name: value.shape for name, value in network.state_dict().items()}
    if wanted != {name: value.shape for name, value in state.items()}:
        raise other_format(folder)
    network.load_state_dict(state)
    return network.eval().requires_grad_(False)
