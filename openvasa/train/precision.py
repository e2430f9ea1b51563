"""Half precision in training, where the hardware computes in it."""

from __future__ import annotations

import torch


def half_precision(device: str) -> torch.autocast:
    """Context in which networks compute in bfloat16.

    Processors without instructions for it emulate it, some thirty times slower than float32; there
    the context changes nothing.
    """
    computes = device != "cpu" or torch.cpu._is_avx512_bf16_supported()
    return torch.autocast(device, dtype=torch.bfloat16, enabled=computes)
