"""Layers that the encoders, warps and the decoder are made of."""

from __future__ import annotations

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

GROUP = 8
"""Channels that are normalised together."""


class Norm(nn.GroupNorm):
    """Group normalisation in the precision of what it is given.

    Autocast would have it in float32, which doubles what the memory of a GPU has to carry.

    Args:
        width: channels.
    """

    def __init__(self, width: int) -> None:
        super().__init__(width // GROUP, width)

    def forward(self, x: Tensor) -> Tensor:
        """(N, width, ...) → the same shape and type."""
        weight, bias = self.weight.to(x.dtype), self.bias.to(x.dtype)
        with torch.autocast(x.device.type, enabled=False):
            return functional.group_norm(x, self.num_groups, weight, bias, self.eps)


class Block(nn.Module):
    """Two convolutions beside an identity path, in two or three dimensions.

    Args:
        width: channels.
        kind: `nn.Conv2d` or `nn.Conv3d`.
        code: numbers of a code that scales and shifts the normalised channels (FiLM, Perez et al.,
            arXiv:1709.07871); 0 for none.
    """

    def __init__(self, width: int, kind: type[nn.Module], code: int = 0) -> None:
        super().__init__()
        self.first_norm = Norm(width)
        self.first = kind(width, width, 3, padding=1)
        self.second_norm = Norm(width)
        self.second = kind(width, width, 3, padding=1)
        nn.init.zeros_(self.second.weight)  # pyright: ignore[reportArgumentType]
        self.film = nn.Linear(code, 2 * width) if code else None
        if self.film is not None:
            nn.init.zeros_(self.film.weight)
            nn.init.zeros_(self.film.bias)

    def forward(self, x: Tensor, code: Tensor | None = None) -> Tensor:
        """(N, width, ...) and (N, code) → (N, width, ...)."""
        y = self.first(functional.silu(self.first_norm(x)))
        y = self.second_norm(y)
        if self.film is not None and code is not None:
            gain, offset = self.film(code).to(y.dtype).chunk(2, dim=1)
            shape = gain.shape + (1,) * (y.ndim - 2)
            y = y * (1 + gain.view(shape)) + offset.view(shape)
        return x + self.second(functional.silu(y))


class CodeEncoder(nn.Module):
    """Picture → a code: convolutions that halve the resolution, then a linear layer over all cells.

    Args:
        side: px of the picture.
        widths: channels after each halving.
        code: numbers to give.
    """

    def __init__(self, side: int, widths: tuple[int, ...], code: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = 3
        for width in widths:
            layers += [
                nn.Conv2d(before, width, 4, stride=2, padding=1),
                Norm(width),
                nn.SiLU(),
                Block(width, nn.Conv2d),
            ]
            before = width
        self.layers = nn.Sequential(*layers)
        cells = side // 2 ** len(widths)
        self.head = nn.Linear(before * cells * cells, code)

    def forward(self, picture: Tensor) -> Tensor:
        """(N, 3, side, side) in 0–1 → (N, code) float32."""
        return self.head(self.layers(2 * picture - 1).flatten(1)).float()
