"""Print the sizes of the learned latent's configurations: parameters, and multiplications a frame.

    python scripts/latent_sizes.py

Nothing is computed: tensors have shapes only. Sampling of volumes and colours is not counted.
"""

from __future__ import annotations

import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils.flop_counter import FlopCounterMode

from openvasa.learned.config import CONFIGS, LatentConfig
from openvasa.learned.network import LatentNetwork
from openvasa.learned.pose import Pose

COLUMNS = ("`--config`", "frame", "volume", "parameters", "encode once", "a frame")


def count(config: LatentConfig) -> tuple[float, float, float]:
    """Parameters, and multiply-accumulates of encoding a source and of drawing one frame."""
    with FakeTensorMode(allow_non_fake_inputs=True):
        network = LatentNetwork(config)
        pose = Pose(torch.ones(1, 3, 3), torch.ones(1, 2), torch.ones(1))
        frame = torch.ones(1, 3, config.side, config.side)
        with torch.no_grad(), FlopCounterMode(display=False) as encoding:
            seen, dynamics = network.encode_frames(frame, pose)
        with torch.no_grad(), FlopCounterMode(display=False) as drawing:
            network.decode(seen, pose, dynamics)
    parameters = sum(parameter.numel() for parameter in network.parameters())
    return parameters, encoding.get_total_flops() / 2, drawing.get_total_flops() / 2


def main() -> None:
    """Print the table."""
    print("| " + " | ".join(COLUMNS) + " |")
    print("|" + "---|" * len(COLUMNS))
    for name, config in CONFIGS.items():
        parameters, once, each = count(config)
        volume = f"{config.channels} × {config.depth} × {config.grid}²"
        sizes = f"{parameters / 1e6:.1f} M | {once / 1e9:.2f} GMAC | {each / 1e9:.2f} GMAC"
        print(f"| {name} | {config.side} px | {volume} | {sizes} |")


if __name__ == "__main__":
    main()
