"""Write a trained motion generator into the package: ONNX network and normalisation."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from openvasa.audio.moonshine import MoonshineEncoder
from openvasa.backend import import_onnxruntime
from openvasa.data.windows import Normaliser
from openvasa.errors import InputError
from openvasa.motion.config import MotionConfig, load_motion_config
from openvasa.motion.controls import CONTROL_DIM, GROUPS
from openvasa.motion.hop import STYLE_NETWORK_FILE
from openvasa.motion.schedule import MAX_TIME
from openvasa.motion.space import (
    HOP_NETWORK_FILE,
    HOP_NORMALISER_FILE,
    NETWORK_FILE,
    NORMALISER_FILE,
)
from openvasa.train.motion_network import MotionNetwork, NetworkConfig
from openvasa.train.trainer import Weights, load_settings, load_weights

OPEN_AXES = {"noisy": "n", "clean": "n", "audio": "tokens", "controls": "tokens"}
"""Second axes of the network's inputs and output that are left open."""
OPSET = 20
"""The first in which GELU is one operator, not ten."""
TRANSPOSED, HALVED, QUANTISED = ".T", ".half", "_quantized"
"""Marks behind the names of weights that are stored so; the last, and those of scale and zero point
beside it, are the quantiser's."""
QUANTISER_TRANSPOSED = "_Transposed"


def load_average(run: Path, which: Weights = "best") -> MotionNetwork:
    """The averaged network of a run: the weights best on people held back, or the last."""
    network = MotionNetwork(NetworkConfig(**load_settings(run)["network"]))
    network.load_state_dict(load_weights(run, which))
    return network.eval()


def export(run: Path, which: Weights = "best") -> None:
    """Export a run's averaged weights into the package's assets, in eight bits.

    The batch is open, for as many conditions as are guided, and so is the window's length.
    """
    network = load_average(run, which)
    write_onnx(network, NETWORK_FILE)
    name_weights(NETWORK_FILE, network)
    quantise(NETWORK_FILE)
    _export_normaliser(run, network.config, NORMALISER_FILE)
    export_config(network.config, NETWORK_FILE.with_suffix(".json"))


def _export_normaliser(run: Path, config: NetworkConfig, path: Path) -> None:
    with np.load(run / "normaliser.npz") as data:
        arrays = dict(data)
    np.savez(path, context=config.context, window=config.window, **arrays)


def export_config(network: NetworkConfig, path: Path) -> None:
    """Write what belongs to a network beside its weights; how motion is sampled stays as it is
    there, until somebody measures something better."""
    MotionConfig(
        name=path.stem,
        encoder=MoonshineEncoder.name,
        feature_dim=network.feature_dim,
        motion_dim=network.motion_dim,
        style_dim=network.style_dim,
        context=network.context,
        window=network.window,
        width=network.width,
        layers=network.layers,
        heads=network.heads,
        sampling=load_motion_config(path).sampling,
    ).save(path)


class _Hop(nn.Module):
    """A distilled network on one live window: always heard, always with frames before."""

    def __init__(self, network: MotionNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(
        self,
        noisy: Tensor,
        context: Tensor,
        audio: Tensor,
        controls: Tensor,
        has_controls: Tensor,
        modulations: Tensor,
    ) -> Tensor:
        given = torch.ones(1)
        return self.network.denoise(
            noisy, context, audio, controls, given, given, has_controls, modulations
        )


class _HopStyle(nn.Module):
    """What a speaking style does to the layers of a distilled network."""

    def __init__(self, network: MotionNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, style: Tensor) -> Tensor:
        return self.network.modulations(torch.full((1,), MAX_TIME), style, torch.ones(1))


def export_live(run: Path, which: Weights = "best") -> None:
    """Export a distilled run's averaged weights into the package's assets, in half precision: the
    network of a window and, apart, what depends on nothing but the style.

    In eight bits, which do whole files no harm, its one evaluation costs 1 to 2 % of sync.
    """
    network = load_average(run, which)
    config, frames = network.config, 4
    tokens = config.context + frames
    style = torch.zeros(1, config.style_dim)
    window = {
        "noisy": torch.zeros(1, frames, config.motion_dim),
        "context": torch.zeros(1, config.context, config.motion_dim),
        "audio": torch.zeros(1, tokens, config.feature_dim),
        "controls": torch.zeros(1, tokens, CONTROL_DIM),
        "has_controls": torch.zeros(1, len(GROUPS)),
        "modulations": network.modulations(torch.zeros(1), style, torch.ones(1)).detach(),
    }
    _write(_Hop(network), window, HOP_NETWORK_FILE, "clean")
    _write(_HopStyle(network), {"style": style}, STYLE_NETWORK_FILE, "modulations")
    _export_normaliser(run, config, HOP_NORMALISER_FILE)
    export_config(config, HOP_NETWORK_FILE.with_suffix(".json"))


def _write(module: nn.Module, inputs: dict[str, Tensor], path: Path, output: str) -> None:
    torch.onnx.export(
        module.eval(),
        tuple(inputs.values()),
        str(path),
        input_names=list(inputs),
        output_names=[output],
        opset_version=OPSET,
        dynamic_axes={n: {1: OPEN_AXES[n]} for n in [*inputs, output] if n in OPEN_AXES},
        dynamo=False,
    )
    halve_weights(path)


def write_onnx(network: MotionNetwork, path: Path) -> None:
    """Write a network as ONNX, weights in full precision; batch and window's length are open."""
    config = network.config
    rows, frames = 2, 8
    inputs = {
        "noisy": torch.zeros(rows, frames, config.motion_dim),
        "time": torch.zeros(rows),
        "context": torch.zeros(rows, config.context, config.motion_dim),
        "audio": torch.zeros(rows, config.context + frames, config.feature_dim),
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
        opset_version=OPSET,
        dynamic_axes={
            name: {0: "rows"} | ({1: axis} if axis else {})
            for name, axis in ((n, OPEN_AXES.get(n)) for n in [*inputs, "clean"])
        },
        dynamo=False,
    )


def name_weights(path: Path, network: MotionNetwork) -> None:
    """Give the weights in an ONNX file of `network` the names of its parameters.

    The exporter renames some of them by their place in the graph and transposes them; a transposed
    one gets `TRANSPOSED` behind its name.

    Raises:
        RuntimeError: a parameter is not in the file, or cannot be told from another.
    """
    import onnx
    from onnx import numpy_helper

    model = onnx.load(str(path))
    found: dict[str, str] = {}
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        for name, parameter in network.named_parameters():
            known = parameter.detach().cpu().numpy()
            if _same(values, known):
                found[tensor.name] = name
            elif _same(values.T, known):
                found[tensor.name] = name + TRANSPOSED
    names = {name.removesuffix(TRANSPOSED) for name in found.values()}
    if names != {name for name, _ in network.named_parameters()}:
        raise RuntimeError(f"{path.name}: parameters that cannot be told apart in the export")
    for tensor in model.graph.initializer:
        tensor.name = found.get(tensor.name, tensor.name)
    for node in model.graph.node:
        for place, name in enumerate(node.input):
            node.input[place] = found.get(name, name)
    onnx.save(model, str(path))


def load_shipped(network: MotionNetwork) -> None:
    """Set a network's weights to those of the package, to train on from there.

    Raises:
        InputError: the sizes differ.
    """
    import onnx
    from onnx import numpy_helper

    tensors = onnx.load(str(NETWORK_FILE)).graph.initializer
    shipped = _dequantised({t.name.removesuffix(HALVED): numpy_helper.to_array(t) for t in tensors})
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            values = shipped.get(name)
            if values is None and name + TRANSPOSED in shipped:
                values = shipped[name + TRANSPOSED].T
            if values is None or values.shape != tuple(parameter.shape):
                raise InputError(f"{NETWORK_FILE.name}: holds no {name} of this size; start afresh")
            parameter.copy_(torch.from_numpy(values.astype(np.float32)))


def _dequantised(stored: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Weights by name, those in eight bits brought back."""
    weights = dict(stored)
    for name in (n for n in stored if n.endswith(QUANTISED)):
        base = name.removesuffix(QUANTISED)
        steps = stored[name].astype(np.float32) - stored[f"{base}_zero_point"]
        plain = base.removesuffix(QUANTISER_TRANSPOSED)
        weights[plain if plain == base else plain + TRANSPOSED] = steps * stored[f"{base}_scale"]
    return weights


def shipped_normaliser() -> Normaliser:
    """The normalisation that goes with the package's weights."""
    with np.load(NORMALISER_FILE) as data:
        return Normaliser(**{field.name: data[field.name] for field in fields(Normaliser)})


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    return a.shape == b.shape and a.dtype == b.dtype and bool((a == b).all())


def quantise(path: Path) -> None:
    """Multiply matrices in eight bits, weights scaled by channel, activations as they come; what
    else is large is stored in half precision.

    Seven of the bits are used: on CPUs without VNNI sums of eight could overflow.
    """
    import_onnxruntime()
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantize_dynamic(
        str(path),
        str(path),
        op_types_to_quantize=["MatMul", "Gemm"],
        per_channel=True,
        reduce_range=True,
        weight_type=QuantType.QInt8,
        extra_options={"MatMulConstBOnly": True},
    )
    halve_weights(path)


def halve_weights(path: Path) -> None:
    """Store large float32 weights as float16 with a cast after each: half the file."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    model = onnx.load(str(path))
    casts = []
    for tensor in list(model.graph.initializer):
        small = np.prod(tensor.dims) < 1024 or tensor.name.endswith("_scale")
        if tensor.data_type != TensorProto.FLOAT or small:
            continue
        values = numpy_helper.to_array(tensor).astype(np.float16)
        name = tensor.name
        model.graph.initializer.remove(tensor)
        model.graph.initializer.append(numpy_helper.from_array(values, name + HALVED))
        casts.append(helper.make_node("Cast", [name + HALVED], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.save(model, str(path))
