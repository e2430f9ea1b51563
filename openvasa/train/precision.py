"""Where a training computes, and in which precision."""

from __future__ import annotations

import torch


def half_precision(device: str) -> torch.autocast:
    """Context in which networks compute in bfloat16.

    Processors without instructions for it emulate it, some thirty times slower than float32; there
    the context changes nothing.
    """
    computes = device != "cpu" or torch.cpu._is_avx512_bf16_supported()
    return torch.autocast(device, dtype=torch.bfloat16, enabled=computes)


def half_precision_on_gpu(device: str) -> torch.autocast:
    """As `half_precision`, and float32 on every CPU.

    Its kernels for few channels are up to four times slower in bfloat16, on CPUs that have it too.
    """
    return torch.autocast(device, dtype=torch.bfloat16, enabled=device != "cpu")


def training_device() -> str:
    """A GPU where there is one, else the CPU."""
    return "cuda" if torch.cuda.is_available() else "cpu"
