"""Trained weights of the learned latent as files: float16, in parts of a size that travels."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from openvasa.errors import InputError
from openvasa.learned.config import find_config
from openvasa.learned.files import NAME_FILE
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
        path = folder / f"latent-{number}.npz"
        partial = path.with_suffix(".partial.npz")
        np.savez(partial, **arrays)  # pyright: ignore[reportArgumentType]
        partial.replace(path)
    about = {"config": config, "parts": len(parts), "steps": steps}
    (folder / NAME_FILE).write_text(json.dumps(about) + "\n", "utf-8")


def read_weights(folder: Path) -> tuple[str, dict[str, Tensor]]:
    """Name of the configuration and weights by name, float32, that `save_network` wrote.

    Raises:
        InputError: the folder holds none.
    """
    path = folder / NAME_FILE
    if not path.is_file():
        raise InputError(f"{folder}: holds no {NAME_FILE}; train it by openvasa train latent")
    about = json.loads(path.read_text("utf-8"))
    state = {}
    for number in range(about["parts"]):
        with np.load(folder / f"latent-{number}.npz") as data:
            state |= {name: torch.from_numpy(data[name].astype(np.float32)) for name in data}
    return about["config"], state


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
        InputError: the folder holds none.
    """
    config, state = read_weights(folder)
    network = LatentNetwork(find_config(config))
    network.load_state_dict(state)
    return network.eval().requires_grad_(False)
