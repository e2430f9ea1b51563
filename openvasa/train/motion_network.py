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
from openvasa.train.transformer import Block, choose_given, embed_time


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
        self.blocks = nn.ModuleList(
            Block(width, config.heads, config.dropout) for _ in range(config.layers)
        )
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
        condition = self.time_in(embed_time(time, self.config.width, log_highest=6.9))
        condition = condition + choose_given(has_style, self.style_in(style), self.no_style)
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
        past = choose_given(has_context, self.context_in(context), self.no_context)
        tokens = torch.cat([past, self.motion_in(noisy)], dim=1)
        heard = self.audio_in(self.audio_dropout(audio).transpose(1, 2)).transpose(1, 2)
        tokens = tokens + choose_given(has_audio, heard, self.no_audio)
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
