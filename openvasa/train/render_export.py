"""Write trained refinement networks as ONNX files, ready for `openvasa.render.refine`."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from openvasa.errors import InputError
from openvasa.render.refine import NETWORKS, network_file
from openvasa.render.regions import GEOMETRY_CHANNELS
from openvasa.train.checkpoint import BEST_FILE
from openvasa.train.onnx_weights import halve_weights
from openvasa.train.render import run_folder
from openvasa.train.render_network import RefinementNetwork
from openvasa.train.trainer import load_weights


class _OnPictures(nn.Module):
    """The network on uint8 pictures, (N, S/2, S/2, 3); its fields have channels last."""

    def __init__(self, network: RefinementNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, rendered: Tensor, source: Tensor, geometry: Tensor) -> tuple[Tensor, Tensor]:
        pictures = [p.permute(0, 3, 1, 2).float() / 255 for p in (rendered, source)]
        bend, shade = self.network(*pictures, geometry)
        return bend.permute(0, 2, 3, 1), shade.permute(0, 2, 3, 1)


def load_best(run: Path, name: str) -> RefinementNetwork:
    """The weights of one network of a run that did best on people held back."""
    network = RefinementNetwork(NETWORKS[name][0].side)
    network.load_state_dict(load_weights(run_folder(run, name)))
    return network.eval()


def export(run: Path, folder: Path, names: tuple[str, ...]) -> None:
    """Write some networks of a run into `folder`, weights in half precision."""
    for name, regions in NETWORKS.items():
        if name not in names:
            continue
        side, count = regions[0].side, len(regions)
        # One tensor given twice would become one input.
        pictures = (
            torch.zeros(count, side // 2, side // 2, 3, dtype=torch.uint8) for _ in range(2)
        )
        maps = torch.zeros(count, GEOMETRY_CHANNELS, side // 2, side // 2)
        path = network_file(folder, name)
        torch.onnx.export(
            _OnPictures(load_best(run, name)).eval(),
            (*pictures, maps),
            str(path),
            input_names=["rendered", "source", "geometry"],
            output_names=["bend", "shade"],
            opset_version=18,
            dynamo=True,
            external_data=False,
        )
        halve_weights(path)
        drop_traces(path)


def drop_traces(path: Path) -> None:
    """Take out of an ONNX file what the exporter notes of the code and the folders it ran in."""
    import onnx

    model = onnx.load(str(path))
    del model.metadata_props[:]
    del model.graph.metadata_props[:]
    for part in (*model.graph.node, *model.graph.value_info, *model.graph.initializer):
        part.doc_string = ""
        del part.metadata_props[:]
    for port in (*model.graph.input, *model.graph.output):
        del port.metadata_props[:]
    onnx.save(model, str(path))


def find_trained(run: Path) -> tuple[str, ...]:
    """Names of the networks that a run has weights of.

    Raises:
        InputError: it has none.
    """
    found = tuple(name for name in NETWORKS if (run_folder(run, name) / BEST_FILE).exists())
    if not found:
        raise InputError(f"{run}: holds no trained network; train it first")
    return found
