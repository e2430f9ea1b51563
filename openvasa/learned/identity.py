"""Identity code, z_id: who it is, one code for all frames of a person.

The papers read it with a frozen face recognition network. None may be carried here, so it is
learned beside the rest: by what the decoder and the warps need of it, and by contrast of people
(InfoNCE, van den Oord et al., arXiv:1807.03748): two frames of a clip show one person, those of two
groups of clips show two.
"""

from __future__ import annotations

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from openvasa.learned.blocks import CodeEncoder
from openvasa.learned.config import LatentConfig

TEMPERATURE = 0.1
"""Of the contrast; cosines are divided by it."""


class IdentityEncoder(nn.Module):
    """E_id."""

    def __init__(self, config: LatentConfig) -> None:
        super().__init__()
        self.encoder = CodeEncoder(config.crop, config.code_widths, config.identity)

    def forward(self, crops: Tensor) -> Tensor:
        """(N, 3, crop, crop) upright faces in 0–1 → (N, identity), of mean square 1."""
        code = self.encoder(crops)
        return functional.normalize(code, dim=1) * code.shape[1] ** 0.5


def identity_contrast(codes: Tensor, others: Tensor, groups: Tensor) -> Tensor:
    """InfoNCE of N clips' identity codes.

    Args:
        codes, others: (N, identity) of two frames of each clip.
        groups: (N,) int64, the person of each; clips of the same person are no contrast.
    """
    a, b = functional.normalize(codes, dim=1), functional.normalize(others, dim=1)
    likeness = a @ b.T / TEMPERATURE
    same = (groups[:, None] == groups) & ~torch.eye(len(groups), dtype=torch.bool).to(groups.device)
    likeness = likeness.masked_fill(same, -1e4)
    right = torch.arange(len(codes), device=codes.device)
    both = (likeness, likeness.T)
    return torch.stack([functional.cross_entropy(rows, right) for rows in both]).mean()
