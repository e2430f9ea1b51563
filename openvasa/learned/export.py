"""Export of the learned latent for the renderer: two ONNX files that need no torch.

`encoder.onnx` runs once for a portrait, `decoder.onnx` for each batch of its frames. Volumes are
sampled by GridSample in three dimensions, which ONNX knows since opset 20. Shapes of views are
written with −1 for the batch: what else a trace sees of it becomes a constant.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from openvasa.learned.files import (
    DECODER_FILE,
    DECODER_INPUTS,
    ENCODER_FILE,
    ENCODER_INPUTS,
    POSE_INPUTS,
)
from openvasa.learned.network import Appearance, LatentNetwork
from openvasa.learned.pose import Pose

OPSET = 20


class _Encoder(nn.Module):
    def __init__(self, network: LatentNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(
        self, source: Tensor, rotation: Tensor, shift: Tensor, size: Tensor
    ) -> tuple[Tensor, ...]:
        pose = Pose(rotation, shift, size)
        crops = self.network.crop(source, pose)
        identity, dynamics = self.network.identity(crops), self.network.dynamics(crops)
        seen = self.network.encode(source, pose, identity, dynamics)
        return seen.volume, seen.still, identity, seen.flow, dynamics


class _Decoder(nn.Module):
    def __init__(self, network: LatentNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(
        self,
        volume: Tensor,
        still: Tensor,
        identity: Tensor,
        flow: Tensor,
        source: Tensor,
        source_rotation: Tensor,
        source_shift: Tensor,
        source_size: Tensor,
        dynamics: Tensor,
        rotation: Tensor,
        shift: Tensor,
        size: Tensor,
    ) -> Tensor:
        frames = dynamics.shape[0]
        look = (volume, still, identity, flow, source, source_rotation, source_shift, source_size)
        each = [part.expand(frames, *part.shape[1:]) for part in look]
        seen = Appearance(each[0], each[1], each[2], each[3], each[4], Pose(*each[5:]))
        return self.network.decode(seen, Pose(rotation, shift, size), dynamics)


def export_network(network: LatentNetwork, folder: Path) -> None:
    """Write `encoder.onnx` and `decoder.onnx`: one appearance, any number of frames of it."""
    side = network.config.side
    pose = torch.eye(3)[None], torch.zeros(1, 2), torch.full((1,), 0.05)
    source = torch.rand(1, 3, side, side)
    encoder, decoder = _Encoder(network).eval(), _Decoder(network).eval()
    with torch.no_grad():
        volume, still, identity, flow, dynamics = encoder(source, *pose)
    given = (source, *pose)
    _write(encoder, given, ENCODER_INPUTS, ENCODER_FILE, folder)
    driving = [part.repeat(2, *[1] * (part.ndim - 1)) for part in (dynamics, *pose)]
    open_axes = {name: {0: "frames"} for name in ("dynamics", *POSE_INPUTS, "picture")}
    given = (volume, still, identity, flow, source, *pose, *driving)
    _write(decoder, given, DECODER_INPUTS, DECODER_FILE, folder, ["picture"], open_axes)


def _write(
    module: nn.Module,
    given: tuple[Tensor, ...],
    names: tuple[str, ...],
    file: str,
    folder: Path,
    outputs: list[str] | None = None,
    open_axes: dict[str, dict[int, str]] | None = None,
) -> None:
    partial = folder / f"{file}.partial"
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module,
            given,
            str(partial),
            input_names=list(names),
            output_names=outputs,
            dynamic_axes=open_axes,
            opset_version=OPSET,
            dynamo=False,
        )
    partial.replace(folder / file)
