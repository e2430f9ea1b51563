"""Network inference: load once, call with numpy arrays.

Networks of face and matte run in OpenVINO, on the CPU: a portrait needs them once. The others run
in onnxruntime, on the process's device: OpenVINO 2026.4 crashes while compiling the motion network
in f32 for one thread. Those whose answers may be coarse run in OpenVINO too, where the CPU
multiplies in bf16.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from openvasa.errors import InputError
from openvasa.machine import multiplies_in_bf16
from openvasa.runtime import Device, get_runtime

if TYPE_CHECKING:
    import onnxruntime as ort
    import openvino as ov

Network = Callable[..., list[np.ndarray]]

_CPU_PROVIDER = "CPUExecutionProvider"
_PROVIDERS = {
    Device.CPU: [_CPU_PROVIDER],
    Device.CUDA: ["CUDAExecutionProvider", _CPU_PROVIDER],
}
"""Of onnxruntime; the CPU takes what the first one does not know."""


def import_onnxruntime():
    """The module `onnxruntime`, which sends nothing to its maker: it reads that while imported."""
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime

    return onnxruntime


def import_openvino():
    """The module `openvino`, which sends nothing to its maker.

    It reports each import of it, unless a file in the user's home folder or a variable that stands
    for a build server says no. Where `openvino_telemetry` is not installed it has a stub.
    """
    with _hide_module("openvino_telemetry"):
        import openvino

    return openvino


@contextmanager
def _hide_module(module: str) -> Iterator[None]:
    """Let imports of a module fail inside, as if it were not installed, unless it was imported."""
    absent = module not in sys.modules
    if absent:
        sys.modules[module] = None  # pyright: ignore
    try:
        yield
    finally:
        if absent:
            del sys.modules[module]


@lru_cache(maxsize=1)
def _core() -> ov.Core:
    core = import_openvino().Core()
    folder = _writable_cache()
    if folder is not None:
        core.set_property({"CACHE_DIR": str(folder)})
    return core


def _writable_cache() -> Path | None:
    """Folder of compiled networks; None where nothing can be kept."""
    cache = get_runtime().cache
    if cache is None:
        return None
    folder = cache / "networks"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return folder if os.access(folder, os.W_OK | os.X_OK) else None


def compile_network(
    path: Path, *, precision: str = "f32", threads: int | None = None, batch: int | None = None
) -> Network:
    """Compile an ONNX or TFLite file into a function from arrays to arrays.

    Args:
        path: the model file.
        precision: "f32" or "bf16". OpenVINO takes bf16 by itself where the CPU has it, which
            is too coarse for landmarks, so the choice is always explicit here.
        threads: threads of one inference; `Runtime.network_threads` when None.
        batch: fixes an open batch dimension of the first input.

    Returns:
        A function taking one float32 array per model input and returning one per output. It
        is not safe to call from two threads at once.
    """
    model = _core().read_model(str(path))
    if batch is not None:
        shape = model.inputs[0].partial_shape
        shape[0] = batch
        model.reshape({model.inputs[0].any_name: shape})
    options = {
        "INFERENCE_PRECISION_HINT": precision,
        "PERFORMANCE_HINT": "LATENCY",
        # Pinned, two processes of one thread each would share a core.
        "ENABLE_CPU_PINNING": False,
        "INFERENCE_NUM_THREADS": str(threads or get_runtime().network_threads),
    }
    compiled = _core().compile_model(model, "CPU", options)
    request = compiled.create_infer_request()
    if any(port.partial_shape.is_dynamic for port in (*compiled.inputs, *compiled.outputs)):

        def run(*inputs: np.ndarray) -> list[np.ndarray]:
            request.infer(dict(enumerate(inputs)))
            return [np.array(tensor.data) for tensor in request.output_tensors]

        return run
    # Given with each call, an input costs ten times as long.
    given = [tensor.data for tensor in request.input_tensors]
    found = [tensor.data for tensor in request.output_tensors]

    def run_fixed(*inputs: np.ndarray) -> list[np.ndarray]:
        for into, values in zip(given, inputs, strict=True):
            if into.shape != values.shape:
                raise ValueError(f"{path.name} takes {into.shape}, not {values.shape}")
            np.copyto(into, values)
        request.infer(share_inputs=True, share_outputs=True)
        return [values.copy() for values in found]

    return run_fixed


def onnx_session(path: Path, threads: int, device: Device = Device.CPU) -> ort.InferenceSession:
    """Open an ONNX or ORT file; idle threads sleep, which leaves cores to painting.

    Raises:
        InputError: onnxruntime cannot open it on the device.
    """
    ort = import_onnxruntime()
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = ort.InferenceSession(str(path), options, providers=_PROVIDERS[device])
    # onnxruntime goes on with the CPU where another device cannot be used.
    if session.get_providers()[0] != _PROVIDERS[device][0]:
        raise InputError(
            f"device {device.value}: onnxruntime cannot use it; its version has to fit the CUDA of "
            "this machine (https://onnxruntime.ai/docs/execution-providers)"
        )
    return session


def run_session(session: ort.InferenceSession) -> Network:
    """A function that takes one array per input of a session and returns one per output."""
    names = [node.name for node in session.get_inputs()]

    def run(*inputs: np.ndarray) -> list[np.ndarray]:
        return [np.asarray(out) for out in session.run(None, dict(zip(names, inputs, strict=True)))]

    return run


def load_onnx(path: Path, *, threads: int | None = None, by_rows: bool = False) -> Network:
    """Load an ONNX file into a function from arrays to arrays, on the process's device.

    Args:
        path: the model file.
        threads: threads of one inference; `Runtime.network_threads` when None.
        by_rows: on the CPU, give each row of a batch a thread, where otherwise all threads share
            each layer: quicker for small networks. All inputs and outputs then have the rows first.

    Returns:
        A function taking one array per model input and returning one per output.
    """
    threads = threads or get_runtime().network_threads
    device = get_runtime().device
    by_rows = by_rows and device is Device.CPU
    run = run_session(onnx_session(path, 1 if by_rows else threads, device))
    if not by_rows or threads == 1:
        return run
    pool = ThreadPoolExecutor(threads, "network-row")

    def run_rows(*inputs: np.ndarray) -> list[np.ndarray]:
        rows = range(len(inputs[0]))
        done = pool.map(lambda row: run(*(part[row : row + 1] for part in inputs)), rows)
        return [np.concatenate(parts) for parts in zip(*done, strict=True)]

    return run_rows


def load_coarse(path: Path) -> Network:
    """Load an ONNX file of whose answers two or three digits count, for one thread.

    In bf16 where the CPU multiplies in it, which takes half the time; else as `load_onnx`.

    Returns:
        A function taking one array per model input and returning one per output. It is not safe to
        call from two threads at once.
    """
    if get_runtime().device is Device.CPU and multiplies_in_bf16():
        return compile_network(path, precision="bf16", threads=1)
    return load_onnx(path, threads=1)
