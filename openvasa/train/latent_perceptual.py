"""Perceptual features for the learned latent, where their weights are at hand.

They come from a file beside the reduced tracks, so that a machine that trains needs nothing else,
or from the evaluation model. Without either, the loss is left out.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor

from openvasa.evaluation_models import VGG16
from openvasa.train.precision import half_precision_on_gpu
from openvasa.train.render_network import PERCEPTUAL_LAYERS, PerceptualFeatures, vgg16_weights

PERCEPTUAL_FILE = "perceptual.npz"


def pack_perceptual(out: Path) -> Path | None:
    """Write the weights of the layers in use, float16; None where the model is not there."""
    if not VGG16.installed:
        return None
    arrays: dict[str, np.ndarray] = {}
    for name, (kernel, bias) in vgg16_weights().items():
        arrays[f"{name}.kernel"] = kernel.astype(np.float16)
        arrays[f"{name}.bias"] = bias.astype(np.float16)
        if name == PERCEPTUAL_LAYERS[-1]:
            break
    path = out / PERCEPTUAL_FILE
    np.savez(path, **arrays)  # pyright: ignore[reportArgumentType]
    return path


def find_perceptual(cache: Path, device: str) -> PerceptualFeatures | None:
    """The features from a file in the cache or from the evaluation model; None without either."""
    path = cache / PERCEPTUAL_FILE
    if path.is_file():
        with np.load(path) as data:
            wide = {name: data[name].astype(np.float32) for name in data}
        names = sorted({name.rpartition(".")[0] for name in wide})
        weights = {name: (wide[f"{name}.kernel"], wide[f"{name}.bias"]) for name in names}
        return PerceptualFeatures(weights).to(device)
    return PerceptualFeatures().to(device) if VGG16.installed else None


def perceptual_loss(features: PerceptualFeatures, drawn: Tensor, real: Tensor) -> Tensor:
    """Mean distance of features at full and at half resolution, each layer relative to its size.

    Args:
        features: frozen.
        drawn, real: (N, 3, S, S) in 0–1.
    """
    distances = []
    for scale in (1, 2):
        a, b = (functional.avg_pool2d(p, scale) if scale > 1 else p for p in (drawn, real))
        with half_precision_on_gpu(drawn.device.type):
            seen = features(a)
            with torch.no_grad():
                wanted = features(b)
        for x, y in zip(seen, wanted, strict=True):
            size = y.float().abs().mean() + 1e-6
            distances.append((x - y).abs().float().mean() / size)
    return torch.stack(distances).mean()
