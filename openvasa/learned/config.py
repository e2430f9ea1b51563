"""Sizes of the learned latent.

`mini` trains on two cores, `tiny` and `base` on one GPU, `full` is the papers' size.
"""

from __future__ import annotations

from dataclasses import dataclass

from openvasa.errors import check_choice


@dataclass(frozen=True)
class LatentConfig:
    """Sizes of the networks.

    Attributes:
        name: of the configuration.
        side: px of a square frame.
        grid: cells of the appearance volume across and down; `side / grid` is a power of two.
        depth: cells of the volume from front to back.
        channels: of the volume.
        widths: channels of the 2D layers from the frame's resolution to the grid's.
        still: channels of the still layer.
        identity, dynamics: numbers in the identity code and in the facial dynamics code.
        crop: px of the square, upright face crop that the two codes are read from.
        code_widths: channels of the encoders of codes, one halving of the resolution each.
        flow_widths: channels of the flow generators at 4, 8, 16 and 32 cells across.
        blocks: residual blocks of the encoder and of the decoder at the grid's resolution.
        volume_blocks: 3D residual blocks on the canonical volume.
        batch: clips in a batch of training on a GPU.
        small_batch: clips in a batch of training on a CPU.
    """

    name: str
    side: int
    grid: int
    depth: int
    channels: int
    widths: tuple[int, ...]
    still: int
    identity: int
    dynamics: int
    crop: int
    code_widths: tuple[int, ...]
    flow_widths: tuple[int, ...]
    blocks: int
    volume_blocks: int
    batch: int
    small_batch: int


CONFIGS = {
    "mini": LatentConfig(
        name="mini",
        side=64,
        grid=16,
        depth=8,
        channels=16,
        widths=(16, 32, 64),
        still=16,
        identity=32,
        dynamics=32,
        crop=32,
        code_widths=(16, 32, 48),
        flow_widths=(32, 16, 16),
        blocks=2,
        volume_blocks=1,
        batch=64,
        small_batch=8,
    ),
    "tiny": LatentConfig(
        name="tiny",
        side=128,
        grid=32,
        depth=16,
        channels=16,
        widths=(32, 64, 128),
        still=32,
        identity=64,
        dynamics=48,
        crop=64,
        code_widths=(32, 48, 64, 96),
        flow_widths=(48, 32, 24, 16),
        blocks=3,
        volume_blocks=2,
        batch=48,
        small_batch=4,
    ),
    "base": LatentConfig(
        name="base",
        side=256,
        grid=64,
        depth=16,
        channels=32,
        widths=(32, 64, 192),
        still=32,
        identity=128,
        dynamics=64,
        crop=128,
        code_widths=(32, 48, 64, 96, 128),
        flow_widths=(64, 48, 32, 16),
        blocks=3,
        volume_blocks=1,
        batch=16,
        small_batch=2,
    ),
    "full": LatentConfig(
        name="full",
        side=512,
        grid=64,
        depth=16,
        channels=96,
        widths=(64, 128, 256, 512),
        still=64,
        identity=512,
        dynamics=128,
        crop=224,
        code_widths=(64, 128, 256, 384, 512),
        flow_widths=(256, 128, 64, 32),
        blocks=8,
        volume_blocks=4,
        batch=8,
        small_batch=1,
    ),
}
"""The configurations by name. The papers give the size of the volume of `full`, 96 × 16 × 64 × 64
(MegaPortraits), and about 200 million parameters in all (VASA-1)."""


def find_config(name: str) -> LatentConfig:
    """The configuration of a name.

    Raises:
        InputError: there is none.
    """
    check_choice("config", name, list(CONFIGS))
    return CONFIGS[name]
