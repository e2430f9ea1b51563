"""Write a trained motion generator into the package: ONNX network and normalisation."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path

import numpy as np
import torch

from openvasa.audio.features import FEATURE_DIM
from openvasa.motion.controls import CONTROL_DIM, GROUPS
from openvasa.motion.window import NETWORK_FILE, NORMALISER_FILE
from openvasa.train.motion_network import MotionNetwork, NetworkConfig

OPEN_AXES = {"noisy": "n", "clean": "n", "audio": "tokens", "controls": "tokens"}
"""Second axes of the network's inputs and output that are left open."""


def load_average(run: Path) -> MotionNetwork:
    """The averaged network of a run's last checkpoint."""
    saved = json.loads((run / "config.json").read_text())
    config = NetworkConfig(**{f.name: saved[f.name] for f in fields(NetworkConfig)})
    network = MotionNetwork(config)
    checkpoint = torch.load(run / "motion.pt", map_location="cpu", weights_only=True)
    network.load_state_dict(checkpoint["average"])
    return network.eval()


def export(run: Path) -> None:
    """Export the run's averaged weights into the package's assets, weights in half precision.

    The batch is open, for as many conditions as are guided, and so is the window's length.
    """
    network = load_average(run)
    config = network.config
    rows, frames = 2, 8
    inputs = {
        "noisy": torch.zeros(rows, frames, config.motion_dim),
        "time": torch.zeros(rows),
        "context": torch.zeros(rows, config.context, config.motion_dim),
        "audio": torch.zeros(rows, config.context + frames, FEATURE_DIM),
        "style": torch.zeros(rows, config.style_dim),
        "controls": torch.zeros(rows, config.context + frames, CONTROL_DIM),
        "has_context": torch.zeros(rows),
        "has_audio": torch.zeros(rows),
        "has_style": torch.zeros(rows),
        "has_controls": torch.zeros(rows, len(GROUPS)),
    }
    torch.onnx.export(
        network,
        tuple(inputs.values()),
        str(NETWORK_FILE),
        input_names=list(inputs),
        output_names=["clean"],
        opset_version=18,
        dynamic_axes={
            name: {0: "rows"} | ({1: axis} if axis else {})
            for name, axis in ((n, OPEN_AXES.get(n)) for n in [*inputs, "clean"])
        },
        dynamo=False,
    )
    halve_weights(NETWORK_FILE)
    with np.load(run / "normaliser.npz") as data:
        arrays = dict(data)
    np.savez(NORMALISER_FILE, context=config.context, window=config.window, **arrays)


def halve_weights(path: Path) -> None:
    """Store large float32 weights as float16 with a cast after each: half the file."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    model = onnx.load(str(path))
    casts = []
    for tensor in list(model.graph.initializer):
        if tensor.data_type != TensorProto.FLOAT or np.prod(tensor.dims) < 1024:
            continue
        values = numpy_helper.to_array(tensor).astype(np.float16)
        name = tensor.name
        model.graph.initializer.remove(tensor)
        model.graph.initializer.append(numpy_helper.from_array(values, f"{name}.half"))
        casts.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.save(model, str(path))
