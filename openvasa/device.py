"""Find the device that a user asks for, and say what is missing where it cannot be used."""

from __future__ import annotations

import ctypes
import sys
from dataclasses import replace
from importlib.util import find_spec

from openvasa.assets import THIRD_PARTY
from openvasa.backend import import_onnxruntime, onnx_session
from openvasa.errors import InputError, check_choice
from openvasa.runtime import Device, get_runtime, set_runtime

AUTO = "auto"
CHOICES = (AUTO, *(device.value for device in Device))
_DRIVERS = {"win32": "nvcuda.dll", "linux": "libcuda.so.1"}


def use_device(wanted: str) -> Device:
    """Find a device, and have this process use it; gives which it is.

    Args:
        wanted: one of `CHOICES`; "auto" takes a GPU where everything for it is there.

    Raises:
        InputError: it cannot be used here.
    """
    device = find_device(wanted)
    set_runtime(replace(get_runtime(), device=device))
    return device


def find_device(wanted: str) -> Device:
    """The device of a name, as `use_device` finds it."""
    check_choice("device", wanted, CHOICES)
    if wanted == Device.CPU.value:
        return Device.CPU
    missing = what_cuda_lacks()
    if missing is None:
        return Device.CUDA
    if wanted == AUTO:
        return Device.CPU
    raise InputError(f"device cuda: {missing}")


def what_cuda_lacks() -> str | None:
    """The first thing that a GPU lacks here, and its remedy; the cheapest is looked for first."""
    try:
        ctypes.CDLL(_DRIVERS[sys.platform])
    except (KeyError, OSError):
        return "this machine has no driver of NVIDIA; install it, or choose cpu"
    if find_spec("torch") is None:
        return "needs torch; run pip install 'openvasa[gpu]'"
    import torch

    if not torch.cuda.is_available():
        return (
            f"torch {torch.__version__} finds no GPU; install one that is made for your driver "
            "(https://pytorch.org/get-started/locally), or choose cpu"
        )
    if "CUDAExecutionProvider" not in import_onnxruntime().get_available_providers():
        return (
            "this onnxruntime is made for the CPU alone; run pip uninstall -y onnxruntime && "
            "pip install --force-reinstall onnxruntime-gpu"
        )
    return _what_cuda_of_onnxruntime_lacks()


def _what_cuda_of_onnxruntime_lacks() -> str | None:
    """What keeps onnxruntime from a GPU it is made for; only a network opened there tells."""
    try:
        onnx_session(THIRD_PARTY / "selfie_segmentation.onnx", 1, Device.CUDA)
    except InputError as error:
        return str(error).removeprefix("device cuda: ")
    return None
