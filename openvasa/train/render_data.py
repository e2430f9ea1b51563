"""Couples of frames that the refinement learns from: read, drawn, styled and placed anew."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as functional
from torch import Tensor

from openvasa.data.pairs import region_key
from openvasa.data.styles import draw_style
from openvasa.errors import InputError
from openvasa.render.regions import MOUTH, Region

LEAST_WEIGHT, MOST_WEIGHT = 0.3, 3.0
"""How often a couple is drawn whose skin does not move at all, and at most, against one whose skin
moves as far as usual."""

ROLL, ZOOM, SHIFT = 0.06, 0.05, 0.03
"""Deviations by which crops are turned (rad), scaled and moved (of half their side) in training."""

COLUMNS = ("rendered", "target", "geometry", "moved", "source", "source_of")


@dataclass(frozen=True)
class Batch:
    """Crops of couples of frames, the two frames of a couple next to each other.

    Attributes:
        rendered, target, source: (2n, 3, S, S) in 0–1.
        geometry: (2n, 4, S/2, S/2).
        moved: (2n, 1, 1, 1) how much of the refinement is to be applied, 0–1.
    """

    rendered: Tensor
    target: Tensor
    source: Tensor
    geometry: Tensor
    moved: Tensor

    def to(self, device: str) -> Batch:
        """The same batch on a device."""
        parts = {field.name: getattr(self, field.name) for field in fields(self)}
        return Batch(**{name: part.to(device) for name, part in parts.items()})


class PairReader:
    """Couples of training pairs for one network, all in memory (2 GB from 230 clips).

    Couples are drawn the more often the farther the skin has moved: most frames of most clips
    hardly differ from each other and teach little.

    Args:
        files: of `render_pairs.prepare_pairs`.
        regions: what the network learns from.

    Raises:
        InputError: there are no files.
    """

    def __init__(self, files: list[Path], regions: tuple[Region, ...]) -> None:
        self._mirrored = MOUTH in regions  # An eye is always seen as the right one.
        columns: dict[str, list[np.ndarray]] = {name: [] for name in COLUMNS}
        for file in files:
            with np.load(file) as data:
                for region in regions:
                    key = region_key(region)
                    source_of = np.full(len(data[f"{key}_moved"]), len(columns["source"]))
                    columns["source"].append(data[f"{key}_source"][None])
                    columns["source_of"].append(source_of)
                    for name in ("rendered", "target", "geometry", "moved"):
                        columns[name].append(data[f"{key}_{name}"])
        if not columns["source"]:
            raise InputError("no pairs to learn from; give clips of more people with sharp faces")
        self._data = {name: np.concatenate(parts) for name, parts in columns.items()}
        maps = self._data["geometry"][::2, :2]
        travel = np.array([np.abs(m.astype(np.float32)).mean() for m in maps])
        weight = LEAST_WEIGHT + np.minimum(travel / np.median(travel), MOST_WEIGHT)
        self._chances = weight / weight.sum()

    def __len__(self) -> int:
        """Number of couples."""
        return len(self._chances)

    def draw(self, couples: int, rng: np.random.Generator) -> Batch:
        """A random batch, each couple in a style, place and size of its own."""
        parts = self._rows(rng.choice(len(self), couples, p=self._chances))
        side = parts["rendered"].shape[1]
        for first in range(0, 2 * couples, 2):
            rows = slice(first, first + 2)
            names = ("rendered", "target", "source")
            crops = np.concatenate([parts[n][rows] for n in names])
            crops = draw_style(rng, side)(crops)
            for k, name in enumerate(names):
                parts[name][rows] = crops[2 * k : 2 * k + 2]
        batch = _as_batch(parts)
        flip = rng.random(couples) < 0.5 if self._mirrored else np.zeros(couples, bool)
        return place_batch(batch, _placements(rng, flip))

    def all_of(self, couples: int, batch: int) -> Iterator[Batch]:
        """So many couples, spread over all people, as they are, batch by batch."""
        chosen = np.random.default_rng(0).permutation(len(self))[:couples]
        for first in range(0, len(chosen), batch):
            yield _as_batch(self._rows(chosen[first : first + batch]))

    def _rows(self, couples: np.ndarray) -> dict[str, np.ndarray]:
        rows = (2 * couples[:, None] + np.arange(2)).reshape(-1)
        parts = {n: v[rows] for n, v in self._data.items() if n != "source"}
        return parts | {"source": self._data["source"][parts["source_of"]]}


def _as_batch(parts: dict[str, np.ndarray]) -> Batch:
    tensors = {n: torch.from_numpy(v) for n, v in parts.items()}
    pictures = {
        name: tensors[name].permute(0, 3, 1, 2).float() / 255
        for name in ("rendered", "target", "source")
    }
    return Batch(
        **pictures, geometry=tensors["geometry"].float(), moved=tensors["moved"].view(-1, 1, 1, 1)
    )


def _placements(rng: np.random.Generator, flip: np.ndarray) -> Tensor:
    """(2n, 2, 3) affines from places in the batch's crops to places in the kept ones, −1–1."""
    count = len(flip)
    angle, zoom = rng.normal(0, ROLL, count), np.exp(rng.normal(0, ZOOM, count))
    c, s = np.cos(angle) / zoom, np.sin(angle) / zoom
    mirror = np.where(flip, -1, 1)
    shift = rng.normal(0, SHIFT, (2, count))
    rows = [np.stack([mirror * c, -mirror * s, shift[0]]), np.stack([s, c, shift[1]])]
    affines = np.stack(rows).transpose(2, 0, 1).astype(np.float32)
    return torch.from_numpy(np.repeat(affines, 2, axis=0))


def place_batch(batch: Batch, placements: Tensor) -> Batch:
    """The batch seen by other crops, (2n, 2, 3) affines as of `_placements`."""

    def place_crops(crops: Tensor) -> Tensor:
        at = functional.affine_grid(placements, list(crops.shape), align_corners=False)
        return functional.grid_sample(crops, at, padding_mode="reflection", align_corners=False)

    geometry = place_crops(batch.geometry)
    turned = torch.linalg.inv(placements[:, :, :2])
    travel = torch.einsum("nij,njhw->nihw", turned, geometry[:, :2])
    return Batch(
        rendered=place_crops(batch.rendered),
        target=place_crops(batch.target),
        source=place_crops(batch.source),
        geometry=torch.cat([travel, geometry[:, 2:]], dim=1),
        moved=batch.moved,
    )
