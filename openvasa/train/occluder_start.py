"""The network that finds what is in front of a face, as an exported file holds it, to learn on.

An exported file holds no norms: the exporter folds them into the convolutions. They come back as
norms that change nothing, and have to stay fixed: what batches would be normed by is not known, and
norms of the few composites of a CPU's batch would undo what was learnt.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from openvasa.errors import InputError
from openvasa.train.occluder_network import OccluderNetwork
from openvasa.train.onnx_weights import read_convolutions

EXPORTED = "network."
"""Before the names of the exported weights."""


def load_exported(path: Path) -> OccluderNetwork:
    """The network of an exported file, in the mode in which its norms are fixed.

    Raises:
        InputError: there is no such file, or it holds something else.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    from google.protobuf.message import DecodeError

    network = OccluderNetwork().eval()
    try:
        network.load_state_dict(_unfold(network, read_convolutions(path)))
    except (DecodeError, KeyError, RuntimeError, ValueError):
        raise InputError(
            f"{path}: holds no weights of what finds things in front of faces; give a file that "
            "openvasa train occluders --export wrote"
        ) from None
    return network


def _unfold(
    network: nn.Module, found: Mapping[str, tuple[np.ndarray, np.ndarray]]
) -> dict[str, Tensor]:
    """The network's state with norms that only add the convolutions' biases."""
    state = network.state_dict()
    for name, module in network.named_modules():
        if isinstance(module, nn.BatchNorm2d):
            before = name.rpartition(".")[0] + ".0"
            state[f"{name}.bias"] = torch.tensor(found[f"{EXPORTED}{before}.weight"][1])
            state[f"{name}.weight"] = torch.ones(module.num_features)
            state[f"{name}.running_mean"] = torch.zeros(module.num_features)
            state[f"{name}.running_var"] = torch.full((module.num_features,), 1 - module.eps)
        elif isinstance(module, nn.Conv2d):
            kernel, bias = found[f"{EXPORTED}{name}.weight"]
            state[f"{name}.weight"] = torch.tensor(kernel)
            if module.bias is not None:
                state[f"{name}.bias"] = torch.tensor(bias)
    return state
