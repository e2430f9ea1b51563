"""What the motion network is built of: transformer layers modulated by a condition."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

LOG_HIGHEST = 5.5
"""Natural logarithm of the highest frequency of `embed_time`."""


class Block(nn.Module):
    """Self-attention and feed-forward, both modulated (adaLN: Peebles & Xie, arXiv:2212.09748)."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.modulation = make_zero_linear(width, 6 * width)
        self.norm1 = nn.LayerNorm(width, elementwise_affine=False)
        self.norm2 = nn.LayerNorm(width, elementwise_affine=False)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """(B, T, width) tokens and (B, width) condition → (B, T, width)."""
        batch, tokens, width = x.shape
        modulation = self.modulation(condition)[:, None]
        shift1, scale1, gate1, shift2, scale2, gate2 = modulation.split(width, dim=2)
        h = self.norm1(x) * (1 + scale1) + shift1
        q, k, v = (
            part.reshape(batch, tokens, self.heads, width // self.heads).transpose(1, 2)
            for part in self.qkv(h).split(width, dim=2)
        )
        h = functional.scaled_dot_product_attention(q, k, v)
        h = self.out(h.transpose(1, 2).reshape(batch, tokens, width))
        x = x + gate1 * self.dropout(h)
        h = self.norm2(x) * (1 + scale2) + shift2
        h = self.down(functional.gelu(self.up(h), approximate="tanh"))
        return x + gate2 * self.dropout(h)


def make_zero_linear(width: int, out: int) -> nn.Linear:
    """A linear layer that gives zeros until it has learnt."""
    layer = nn.Linear(width, out)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def embed_time(time: Tensor, width: int) -> Tensor:
    """(B,) diffusion time in 0–1 → (B, width) sinusoids, of 1 to e^`LOG_HIGHEST` rad."""
    frequencies = torch.exp(torch.linspace(0.0, LOG_HIGHEST, width // 2, device=time.device))
    angles = time[:, None] * frequencies[None]
    return torch.cat([angles.cos(), angles.sin()], dim=1)


def choose_given(given: Tensor, value: Tensor, absent: Tensor) -> Tensor:
    """`value` where `given`, of its first axes, is 1, else `absent`."""
    mask = given.reshape(given.shape + (1,) * (value.dim() - given.dim()))
    return value * mask + absent * (1 - mask)
