"""Write a trained motion generator into the package: its network and the space it works in."""

from __future__ import annotations

from pathlib import Path

import torch

from openvasa.motion.window_network import NETWORK_FILE, SPACE_FILE
from openvasa.train.onnx_weights import quantise
from openvasa.train.speech_motion_network import MotionNetwork, NetworkConfig
from openvasa.train.trainer import Weights, load_settings, load_weights

OPSET = 20
"""The first in which GELU is one operator, not ten."""
SPACE_NAME = "space.npz"
"""The motion space in a run."""
OPEN_AXES = {"noisy": "n", "mean": "n", "velocity": "n", "audio": "frames"}
"""Second axes that are left open."""


def export(run: Path, which: Weights = "best") -> None:
    """Export a run's averaged weights into the package's assets, in eight bits."""
    network = MotionNetwork(NetworkConfig(**load_settings(run)["network"]))
    network.load_state_dict(load_weights(run, which))
    write_onnx(network.eval(), NETWORK_FILE)
    quantise(NETWORK_FILE)
    SPACE_FILE.write_bytes((run / SPACE_NAME).read_bytes())


def write_onnx(network: MotionNetwork, path: Path) -> None:
    """Write a network as ONNX in full precision; batch and window's length are open."""
    config, rows, frames = network.config, 2, 8
    channels = config.motion_dim
    inputs = {
        "noisy": torch.zeros(rows, frames, channels),
        "time": torch.zeros(rows),
        "mean": torch.zeros(rows, frames, channels),
        "recent": torch.zeros(rows, config.recent, channels),
        "blocks": torch.zeros(rows, config.blocks, channels),
        "known": torch.zeros(rows, config.blocks),
        "audio": torch.zeros(rows, config.recent + frames, config.feature_dim),
        "style": torch.zeros(rows, config.style_dim),
        "has_history": torch.zeros(rows),
        "has_audio": torch.zeros(rows),
        "has_style": torch.zeros(rows),
    }
    axes = {
        name: {0: "rows"} | ({1: OPEN_AXES[name]} if name in OPEN_AXES else {})
        for name in [*inputs, "velocity"]
    }
    torch.onnx.export(
        network,
        tuple(inputs.values()),
        str(path),
        input_names=list(inputs),
        output_names=["velocity"],
        opset_version=OPSET,
        dynamic_axes=axes,
        dynamo=False,
    )
