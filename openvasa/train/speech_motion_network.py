"""The motion generator's network: a small diffusion transformer over one window.

After VASA-1 (Xu et al., arXiv:2404.10667): an encoder over the frames of a window and the frames
before it, conditioned on audio. Two frames make a token (patches as in DiT, Peebles & Xie,
arXiv:2212.09748); diffusion time and speaking style modulate each layer (adaLN). It predicts the
velocity of the window's difference to what the prior expects (`motion.prior`, `motion.velocity`).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from openvasa.motion.speaker import STYLE_NAMES
from openvasa.train.transformer import Block, choose_given, embed_time, make_zero_linear


@dataclass(frozen=True)
class NetworkConfig:
    """Sizes of the network."""

    motion_dim: int
    """C = 6 + D, head pose and dynamics."""
    feature_dim: int
    """Numbers of the speech features in a frame."""
    style_dim: int = len(STYLE_NAMES)
    """Numbers of the speaking style."""
    recent: int = 16
    """Frames before a window that are seen one by one."""
    block: int = 8
    """Frames of a block of the history before those."""
    blocks: int = 8
    """Blocks of history."""
    window: int = 54
    """Frames of the longest window."""
    patch: int = 2
    """Frames of a token."""
    width: int = 256
    """Numbers in a token."""
    layers: int = 5
    """Of attention and feed-forward."""
    heads: int = 4
    """Of attention."""
    dropout: float = 0.1
    """Share of numbers dropped in training."""


class MotionNetwork(nn.Module):
    """Predicts the velocity of a noisy window from the conditions."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        width, patch = config.width, config.patch
        tokens = config.blocks + (config.recent + config.window) // patch
        self.window_in = nn.Linear(2 * patch * config.motion_dim, width)
        self.recent_in = nn.Linear(patch * config.motion_dim, width)
        self.block_in = nn.Linear(config.motion_dim, width)
        self.hear = nn.Sequential(
            nn.Conv1d(config.feature_dim, width, 1),
            nn.GELU(approximate="tanh"),
            nn.Conv1d(width, width, 4, stride=patch, padding=1),
            nn.GELU(approximate="tanh"),
            nn.Conv1d(width, width, 3, padding=1),
        )
        self.no_audio = nn.Parameter(torch.zeros(width))
        self.no_history = nn.Parameter(torch.zeros(width))
        self.no_block = nn.Parameter(torch.zeros(width))
        self.no_style = nn.Parameter(torch.zeros(width))
        self.position = nn.Parameter(torch.randn(tokens, width) * 0.02)
        self.style_in = nn.Linear(config.style_dim, width)
        self.time_in = nn.Sequential(
            nn.Linear(width, width), nn.GELU(approximate="tanh"), nn.Linear(width, width)
        )
        self.layers = nn.ModuleList(
            Block(width, config.heads, config.dropout) for _ in range(config.layers)
        )
        self.norm = nn.LayerNorm(width, elementwise_affine=False)
        self.head_modulation = make_zero_linear(width, 2 * width)
        # Without a velocity the sampler leaves a sample of the prior: an untrained network makes
        # motion of the right size and speed that has nothing to do with the speech.
        self.head = make_zero_linear(width, patch * config.motion_dim)
        self.audio_dropout = nn.Dropout(config.dropout)

    def forward(
        self,
        noisy: Tensor,
        time: Tensor,
        mean: Tensor,
        recent: Tensor,
        blocks: Tensor,
        known: Tensor,
        audio: Tensor,
        style: Tensor,
        has_history: Tensor,
        has_audio: Tensor,
        has_style: Tensor,
    ) -> Tensor:
        """Predict velocities for n frames, n even and up to `window`.

        Args:
            noisy: (B, n, C) state of the sampler, in deviations of the prior.
            time: (B,) angle as a share of a quarter circle, 0 motion to 1 noise.
            mean: (B, n, C) normalised motion that the prior expects.
            recent: (B, K, C) normalised motion before the window.
            blocks: (B, N, C) means of blocks before that, the newest first.
            known: (B, N) 1 where a block is known.
            audio: (B, K + n, F) speech features of the frames before and of the window.
            style: (B, S) normalised speaking style.
            has_history: (B,) 1 where frames before are known; likewise `has_audio`, `has_style`.

        Returns:
            (B, n, C) velocity, in deviations of the prior.
        """
        patch, width = self.config.patch, self.config.width
        size, frames, channels = noisy.shape
        tokens, paired = frames // patch, patch * channels
        window = torch.cat(
            [noisy.reshape(size, tokens, paired), mean.reshape(size, tokens, paired)], dim=2
        )
        before = recent.reshape(size, self.config.recent // patch, paired)
        before = choose_given(has_history, self.recent_in(before), self.no_history)
        heard = self.hear(self.audio_dropout(audio).transpose(1, 2)).transpose(1, 2)
        near = torch.cat([before, self.window_in(window)], dim=1)
        near = near + choose_given(has_audio, heard, self.no_audio)
        far = choose_given(known * has_history[:, None], self.block_in(blocks), self.no_block)
        x = torch.cat([far, near], dim=1)
        x = x + self.position[: x.shape[1]]
        condition = self.time_in(embed_time(time, width))
        condition = condition + choose_given(has_style, self.style_in(style), self.no_style)
        condition = functional.silu(condition)
        for layer in self.layers:
            x = layer(x, condition)
        x = x[:, self.config.blocks + self.config.recent // patch :]
        shift, gain = self.head_modulation(condition)[:, None].split(width, dim=2)
        return self.head(self.norm(x) * (1 + gain) + shift).reshape(size, frames, channels)
