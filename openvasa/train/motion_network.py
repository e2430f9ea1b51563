"""The motion generator's network: a small diffusion transformer over one window.

After VASA-1 (Xu et al., arXiv:2404.10667): an encoder over the frames of a window and the last
frames of the one before, conditioned on audio, predicting the clean motion. Diffusion time and
speaking style modulate each layer (adaLN, Peebles & Xie, arXiv:2212.09748).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from openvasa.audio.moonshine import MoonshineEncoder
from openvasa.motion.controls import CONTROL_DIM, CONTROL_SCALE, GROUPS


@dataclass(frozen=True)
class NetworkConfig:
    """Sizes. A window's tokens are `context` past frames, then up to `window` frames."""

    motion_dim: int
    style_dim: int
    context: int = 16
    window: int = 54
    width: int = 256
    layers: int = 6
    heads: int = 4
    dropout: float = 0.1
    feature_dim: int = MoonshineEncoder.dim


def time_embedding(time: Tensor, width: int) -> Tensor:
    """(B,) diffusion time in 0–1 → (B, width) sinusoids."""
    frequencies = torch.exp(torch.linspace(0.0, 6.9, width // 2, device=time.device))
    angles = time[:, None] * frequencies[None]
    return torch.cat([angles.cos(), angles.sin()], dim=1)


class Block(nn.Module):
    """Self-attention and feed-forward, both modulated by the condition."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        width = config.width
        self.heads = config.heads
        self.modulation = nn.Linear(width, 6 * width)
        nn.init.zeros_(self.modulation.weight)
        nn.init.zeros_(self.modulation.bias)
        self.norm1 = nn.LayerNorm(width, elementwise_affine=False)
        self.norm2 = nn.LayerNorm(width, elementwise_affine=False)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)
        self.dropout = nn.Dropout(config.dropout)

    def forward(self, x: Tensor, modulation: Tensor) -> Tensor:
        batch, tokens, width = x.shape
        shift1, scale1, gate1, shift2, scale2, gate2 = modulation[:, None].split(width, dim=2)
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


class MotionNetwork(nn.Module):
    """Predicts the clean motion of a window from its noisy version and the conditions."""

    control_scale: Tensor

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        tokens = config.context + config.window
        self.motion_in = nn.Linear(config.motion_dim, width)
        self.context_in = nn.Linear(config.motion_dim, width)
        self.audio_in = nn.Sequential(
            nn.Conv1d(config.feature_dim, width, 1),
            nn.GELU(approximate="tanh"),
            nn.Conv1d(width, width, 5, padding=2),
            nn.GELU(approximate="tanh"),
            nn.Conv1d(width, width, 3, padding=1),
        )
        self.controls_in = nn.Linear(CONTROL_DIM + len(GROUPS), width)
        self.no_audio = nn.Parameter(torch.zeros(width))
        self.no_context = nn.Parameter(torch.zeros(width))
        self.no_style = nn.Parameter(torch.zeros(width))
        self.register_buffer("control_scale", torch.tensor(CONTROL_SCALE))
        self.position = nn.Parameter(torch.randn(tokens, width) * 0.02)
        self.style_in = nn.Linear(config.style_dim, width)
        self.time_in = nn.Sequential(
            nn.Linear(width, width), nn.GELU(approximate="tanh"), nn.Linear(width, width)
        )
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.layers))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, config.motion_dim)
        self.audio_dropout = nn.Dropout(config.dropout)

    def forward(
        self,
        noisy: Tensor,
        time: Tensor,
        context: Tensor,
        audio: Tensor,
        style: Tensor,
        controls: Tensor,
        has_context: Tensor,
        has_audio: Tensor,
        has_style: Tensor,
        has_controls: Tensor,
    ) -> Tensor:
        """Predict the clean motion of n frames, n up to `window`.

        Args:
            noisy: (B, n, motion_dim) noisy normalised motion.
            time: (B,) diffusion time in 0–1.
            context: (B, context, motion_dim) the frames before the window.
            audio: (B, context + n, feature_dim) speech features of all tokens.
            style: (B, style_dim) normalised speaking style.
            controls: (B, context + n, CONTROL_DIM) gaze, distance, emotion (`motion.controls`).
            has_context: (B,) 1 where the context is given, else 0; likewise `has_audio`
                and `has_style`.
            has_controls: (B, 3) likewise for gaze, distance and emotion.

        Returns:
            (B, n, motion_dim) clean normalised motion.
        """
        modulations = self.modulations(time, style, has_style)
        return self.denoise(
            noisy, context, audio, controls, has_context, has_audio, has_controls, modulations
        )

    def modulations(self, time: Tensor, style: Tensor, has_style: Tensor) -> Tensor:
        """(B, layers, 6 width): what time and style, the same for all tokens, do to each layer."""
        condition = self.time_in(time_embedding(time, self.config.width))
        condition = condition + _choose(has_style, self.style_in(style), self.no_style)
        condition = functional.silu(condition)
        blocks = (block for block in self.blocks if isinstance(block, Block))
        return torch.stack([block.modulation(condition) for block in blocks], dim=1)

    def denoise(
        self,
        noisy: Tensor,
        context: Tensor,
        audio: Tensor,
        controls: Tensor,
        has_context: Tensor,
        has_audio: Tensor,
        has_controls: Tensor,
        modulations: Tensor,
    ) -> Tensor:
        """What is left of `forward` once `modulations` are known."""
        past = _choose(has_context, self.context_in(context), self.no_context)
        tokens = torch.cat([past, self.motion_in(noisy)], dim=1)
        heard = self.audio_in(self.audio_dropout(audio).transpose(1, 2)).transpose(1, 2)
        tokens = tokens + _choose(has_audio, heard, self.no_audio)
        tokens = tokens + self._steered(controls, has_controls) + self.position[: tokens.shape[1]]
        for block, modulation in zip(self.blocks, modulations.unbind(dim=1), strict=True):
            tokens = block(tokens, modulation)
        return self.head(self.norm(tokens[:, self.config.context :]))

    def _steered(self, controls: Tensor, given: Tensor) -> Tensor:
        """(B, T, CONTROL_DIM) and (B, 3) → (B, T, width); what is not given says nothing."""
        sizes = [group.stop - group.start for group in GROUPS]
        mask = torch.cat([given[:, i : i + 1].expand(-1, n) for i, n in enumerate(sizes)], dim=1)
        scaled = controls / self.control_scale * mask[:, None]
        flags = given[:, None].expand(-1, controls.shape[1], -1)
        return self.controls_in(torch.cat([scaled, flags], dim=2))


def _choose(given: Tensor, value: Tensor, absent: Tensor) -> Tensor:
    """Rows of `value` (B, …) where `given` (B,) is 1, else of `absent`."""
    mask = given.reshape((-1,) + (1,) * (value.dim() - 1))
    return value * mask + absent * (1 - mask)
