"""Smaller weights in ONNX files: matrices in eight bits, the rest in half precision."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from openvasa.backend import import_onnxruntime

HALVED = ".half"
"""Mark behind the names of weights that are stored so."""


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


def read_convolutions(path: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Float32 kernels and biases of an ONNX file's convolutions, by the names of the kernels."""
    import onnx
    from onnx import numpy_helper

    graph = onnx.load(str(path)).graph
    stored = {
        tensor.name.removesuffix(HALVED): numpy_helper.to_array(tensor).astype(np.float32)
        for tensor in graph.initializer
    }
    found = {}
    for node in graph.node:
        if node.op_type == "Conv":
            kernel = stored[node.input[1]]
            # Biases of nothing are left out.
            bias = stored[node.input[2]] if len(node.input) > 2 else np.zeros(len(kernel))
            found[node.input[1]] = kernel, bias.astype(np.float32)
    return found
