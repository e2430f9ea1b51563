"""The networks of the refinement: what it learns, and what compares pictures.

`RefinementNetwork` is a small U-Net that works at a quarter of the crop's resolution (pixels are
unshuffled into channels, Shi et al., arXiv:1609.05158), without normalisation layers, so that
it runs in bf16 and treats every picture alike.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from openvasa.evaluation_models import VGG16, VGG16_MEAN
from openvasa.maths import smoothstep
from openvasa.render.bend import LIGHT, PALER
from openvasa.render.regions import FEATHER, FIELD_STEP, GEOMETRY_CHANNELS

WIDTHS = (24, 48, 80)
DROPPED = 0.1
"""Share of the coarsest channels left out in training."""

FARTHEST, STRONGEST = 4.0, 0.4
"""Most px of the crop by which a picture is bent, and most of a gain's logarithm."""

PERCEPTUAL_LAYERS = ("block1_conv2", "block2_conv2", "block3_conv2")


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
    """Rendered crop, the portrait's own crop, geometry maps → how to bend and shade the rendered.

    A network that is free to add what it likes learns the people it has seen and blurs others.
    This one can move and shade what is there, no finer than its cells; between lips or lids it
    only shades, coarser still: which teeth show is a guess, and the best guess is a blur. It shades
    by gains, which keep the contrast of what they shade: allowed to add, too, it learns to
    wash out the line between lips that are closed.

    Args:
        side: px of the crops.
    """

    ramp: Tensor

    def __init__(self, side: int) -> None:
        super().__init__()
        fine, middle, coarse = WIDTHS
        self.stem = nn.Conv2d(2 * 3 * 4 + GEOMETRY_CHANNELS * 4, fine, 3, padding=1)
        self.fine_in = _Block(fine)
        self.down_middle = nn.Conv2d(fine, middle, 3, stride=2, padding=1)
        self.middle_in = _Block(middle)
        self.down_coarse = nn.Conv2d(middle, coarse, 3, stride=2, padding=1)
        self.coarse = nn.Sequential(_Block(coarse), _Block(coarse), nn.Dropout2d(DROPPED))
        self.up_middle = nn.Conv2d(coarse, middle, 3, padding=1)
        self.middle_out = _Block(middle)
        self.up_fine = nn.Conv2d(middle, fine, 3, padding=1)
        self.fine_out = _Block(fine)
        self.skin_head = nn.Conv2d(fine, 5, 3, padding=1)
        self.inside_head = nn.Conv2d(coarse, 3, 3, padding=1)
        for head in (self.skin_head, self.inside_head):
            for parameter in head.parameters():
                nn.init.zeros_(parameter)
        from_start = np.arange(side // FIELD_STEP, dtype=np.float32) * FIELD_STEP
        to_border = np.minimum(from_start, from_start[::-1])
        ramp = torch.from_numpy(smoothstep(0, FEATHER, to_border))
        self.register_buffer("ramp", ramp[:, None] * ramp, persistent=False)

    def forward(self, rendered: Tensor, source: Tensor, geometry: Tensor) -> tuple[Tensor, Tensor]:
        """Fields of a cell for every `FIELD_STEP` px, 0 at the border.

        Args:
            rendered, source: (N, 3, S/2, S/2) pictures in 0–1.
            geometry: (N, GEOMETRY_CHANNELS, S/2, S/2).

        Returns:
            Bend, (N, 2, S/4, S/4) px of the crop, and shade, (N, 3, S/4, S/4): the logarithm of
            each colour's gain.
        """
        # Complexions differ more than what there is to learn from them.
        tone = source.mean(dim=(2, 3), keepdim=True)
        pictures = 2 * torch.cat([rendered - tone, source - tone], dim=1)
        unshuffled = [functional.pixel_unshuffle(x, 2) for x in (pictures, geometry)]
        fine = self.fine_in(self.stem(torch.cat(unshuffled, dim=1)))
        middle = self.middle_in(self.down_middle(fine))
        coarse = self.coarse(self.down_coarse(middle))
        x = functional.interpolate(self.up_middle(coarse), scale_factor=2.0, mode="nearest")
        x = self.middle_out(x + middle)
        x = functional.interpolate(self.up_fine(x), scale_factor=2.0, mode="nearest")
        skin = self.skin_head(functional.relu(self.fine_out(x + fine)))
        inside = functional.interpolate(
            self.inside_head(functional.relu(coarse)),
            scale_factor=4.0,
            mode="bilinear",
            align_corners=False,
        )
        opening = functional.avg_pool2d(functional.max_pool2d(geometry[:, 2:3], 3, 1, 1), 2)
        bend = FARTHEST * torch.tanh(skin[:, :2]) * (1 - opening)
        shade = STRONGEST * torch.tanh(skin[:, 2:] * (1 - opening) + inside * opening)
        return bend * self.ramp, shade * self.ramp


def bend_and_shade(
    rendered: Tensor, bend: Tensor, shade: Tensor, bare: Tensor, skin: Tensor
) -> Tensor:
    """(N, 3, S, S) pictures changed by a network's fields, as `openvasa.render.bend` does it.

    Args:
        rendered: the pictures, 0–1.
        bend, shade: as `RefinementNetwork` answers.
        bare: (N, 1, S/4, S/4), how much of a cell is skin beyond lips and lids.
        skin: (N, 3, 1, 1) colour of the skin.
    """
    side = rendered.shape[-1]
    bend, gain, bare = (
        functional.interpolate(f, size=(side, side), mode="bilinear", align_corners=False)
        for f in (bend, torch.exp(shade), bare)
    )
    centres = (torch.arange(side, device=rendered.device) + 0.5) * 2 / side - 1
    at = torch.stack([centres.expand(side, side), centres[:, None].expand(side, side)], dim=-1)
    at = at + bend.permute(0, 2, 3, 1) * 2 / side
    bent = functional.grid_sample(rendered, at, padding_mode="border", align_corners=False)
    shaded = bent * gain
    weights = torch.tensor(LIGHT, device=rendered.device).view(1, 3, 1, 1)
    light, lit, skin_light = ((weights * p).sum(1, keepdim=True) for p in (bent, shaded, skin))
    beyond = bent / light.clamp(1 / 255) - skin / skin_light.clamp(1 / 255)
    red, blue = beyond[:, :1].clamp(min=0), beyond[:, 2:].clamp(max=0)
    green = -(LIGHT[0] * red + LIGHT[2] * blue) / LIGHT[1]
    paler = torch.minimum(PALER * bare * (lit - light), lit).clamp(min=0)
    return shaded - paler * torch.cat([red, green, blue], dim=1)


def find_bare(geometry: Tensor) -> Tensor:
    """(N, 1, S/4, S/4) share of skin beyond lips and lids in a cell, from the geometry maps."""
    return functional.avg_pool2d(1 - geometry[:, 2:].amax(dim=1, keepdim=True), 2)


class PerceptualFeatures(nn.Module):
    """The first layers of VGG16, frozen.

    Args:
        weights: kernel and bias of its convolutions by name, in order; None for those of the
            evaluation model.

    Raises:
        InputError: no weights are given and the evaluation model is not there.
    """

    def __init__(self, weights: Mapping[str, tuple[np.ndarray, np.ndarray]] | None = None) -> None:
        super().__init__()
        weights = vgg16_weights() if weights is None else weights
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
        self.mean = nn.Parameter(torch.tensor(VGG16_MEAN).view(1, 3, 1, 1))
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


def vgg16_weights() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Kernel and bias of VGG16's convolutions by name, in order."""
    import onnx
    from onnx import numpy_helper

    model = onnx.load(str(VGG16.path()))
    arrays = {t.name.split("/")[1]: {} for t in model.graph.initializer if "block" in t.name}
    for tensor in model.graph.initializer:
        if "block" not in tensor.name:
            continue
        layer = tensor.name.split("/")[1]
        kind = "kernel" if len(tensor.dims) == 4 else "bias"
        arrays[layer][kind] = numpy_helper.to_array(tensor)
    names = sorted(arrays)
    return {n.removesuffix("_1"): (arrays[n]["kernel"], arrays[n]["bias"]) for n in names}
