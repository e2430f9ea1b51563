"""Write a trained motion generator into the package: ONNX network and normalisation."""

from __future__ import annotations

import json
import tempfile
from dataclasses import fields
from pathlib import Path

import numpy as np
import torch

from openvasa.audio.features import FEATURE_DIM
from openvasa.errors import InputError
from openvasa.motion.controls import CONTROL_DIM, GROUPS
from openvasa.motion.window import NETWORK_FILE, NORMALISER_FILE
from openvasa.train.motion_data import Normaliser
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
    write_onnx(network, NETWORK_FILE)
    halve_weights(NETWORK_FILE)
    with np.load(run / "normaliser.npz") as data:
        arrays = dict(data)
    sizes = {"context": network.config.context, "window": network.config.window}
    np.savez(NORMALISER_FILE, **sizes, **arrays)


def write_onnx(network: MotionNetwork, path: Path) -> None:
    """Write a network as ONNX, weights in full precision; batch and window's length are open."""
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
        str(path),
        input_names=list(inputs),
        output_names=["clean"],
        opset_version=18,
        dynamic_axes={
            name: {0: "rows"} | ({1: axis} if axis else {})
            for name, axis in ((n, OPEN_AXES.get(n)) for n in [*inputs, "clean"])
        },
        dynamo=False,
    )


def load_shipped(network: MotionNetwork) -> None:
    """Set a network's weights to those of the package, to train on from there.

    The exporter renames and transposes weights. A network of the same sizes is exported with
    weights that are all different, which tells where each of them goes.

    Raises:
        InputError: the sizes differ.
    """
    import onnx
    from onnx import numpy_helper

    def weights(path: Path) -> dict[str, np.ndarray]:
        tensors = onnx.load(str(path)).graph.initializer
        return {t.name.removesuffix(".half"): numpy_helper.to_array(t) for t in tensors}

    parameters = dict(network.named_parameters())
    with torch.no_grad():
        for parameter in parameters.values():
            parameter.copy_(torch.rand_like(parameter))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "marked.onnx"
        write_onnx(network.eval(), path)
        marked = weights(path)
    shipped = weights(NETWORK_FILE)
    for name, parameter in parameters.items():
        values = parameter.detach().numpy()
        place = next((n for n, w in marked.items() if _same(w, values)), None)
        place = place or next((n for n, w in marked.items() if _same(w.T, values)), None)
        if place is None or place not in shipped or shipped[place].shape != marked[place].shape:
            raise InputError(f"{NETWORK_FILE.name}: holds no {name} of this size; start afresh")
        found = shipped[place].astype(np.float32)
        with torch.no_grad():
            flipped = not _same(marked[place], values)
            parameter.copy_(torch.from_numpy(found.T.copy() if flipped else found))
    network.train()


def shipped_normaliser() -> Normaliser:
    """The normalisation that goes with the package's weights."""
    with np.load(NORMALISER_FILE) as data:
        return Normaliser(**{field.name: data[field.name] for field in fields(Normaliser)})


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    return a.shape == b.shape and a.dtype == b.dtype and bool((a == b).all())


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
