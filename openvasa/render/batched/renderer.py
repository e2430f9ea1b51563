"""A renderer that warps and composes several frames at once in torch: `--device cuda`.

Geometry, mouth, eyes, refinement and what is in front are `WarpRenderer`'s own, on the CPU.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from openvasa.assets import ASSETS
from openvasa.face.latent import FaceLatent, FrameGeometry
from openvasa.render.batched.compose import (
    compose,
    lay_over,
    load_plates,
    sample,
    soften_edges,
)
from openvasa.render.batched.rasterize import rasterize
from openvasa.render.compose import find_edges
from openvasa.render.ground import Ground, OwnBackground
from openvasa.render.mesh import head_shift, pose_mesh
from openvasa.render.shading import Shading
from openvasa.render.warp_renderer import WarpRenderer

BATCH_PX = 16 * 512 * 512
"""Px of the frames that are drawn at once: about 2 GB on the device."""


@dataclass(frozen=True)
class View:
    """A picture of the person and the surface that carries it, on a device.

    Attributes:
        pose: says where the surface's points are in a frame, (V, 3) float32 px.
        samples: (4, h, w) float32 RGBA in 0–255.
        sources: (V, 2) float32 px of `samples`.
        triangles: (T, 3) int64.
    """

    pose: Callable[[FrameGeometry], np.ndarray]
    samples: Tensor
    sources: Tensor
    triangles: Tensor

    def draw(
        self, geometries: Sequence[FrameGeometry], size: tuple[int, int]
    ) -> tuple[Tensor, Tensor]:
        """The person in each frame, (B, H, W, 4), and the (B, H, W, 2) maps they are drawn by."""
        posed = np.stack([self.pose(geometry) for geometry in geometries])
        corners = torch.from_numpy(posed).to(self.samples.device)
        maps = rasterize(corners, self.sources, self.triangles, size)
        return sample(self.samples, maps), maps


class TorchRenderer(WarpRenderer):
    """`WarpRenderer` whose warp and composition run on a device of torch, frames at a time.

    Args:
        face: the portrait.
        device: of torch, as "cuda" or "cpu".
        refined, networks, shading: as for `WarpRenderer`.
    """

    def __init__(
        self,
        face: FaceLatent,
        *,
        device: str = "cuda",
        refined: bool | None = None,
        networks: Path = ASSETS,
        shading: Shading = Shading(),  # noqa: B008 (frozen)
    ) -> None:
        super().__init__(face, refined=refined, networks=networks, shading=shading)
        width, height = face.size
        self.batch = max(1, BATCH_PX // (width * height))
        self._device = torch.device(device)
        # Twins share it: the device's memory is that of one batch, however many threads paint.
        self._turn = threading.Lock()
        self._view = self._load(
            partial(pose_mesh, self._mesh), self._samples, self._sources, self._triangles
        )
        hidden = self._mirrored
        self._other_view = hidden and self._load(
            hidden.pose, hidden.samples, hidden.sources, hidden.triangles
        )
        assert isinstance(self._ground, OwnBackground)
        self._plates = load_plates(self._ground, self._device)

    def _load(
        self,
        pose: Callable[[FrameGeometry], np.ndarray],
        samples: np.ndarray,
        sources: np.ndarray,
        triangles: np.ndarray,
    ) -> View:
        return View(
            pose,
            torch.from_numpy(samples).to(self._device).permute(2, 0, 1).float().contiguous(),
            torch.from_numpy(sources).to(self._device),
            torch.from_numpy(triangles).to(self._device).long(),
        )

    def _warp(
        self,
        frames: Sequence[np.ndarray],
        geometries: Sequence[FrameGeometry],
        grounds: Sequence[Ground],
    ) -> None:
        """As `WarpRenderer`, for all frames at once."""
        with self._turn, torch.inference_mode():
            self._warp_batch(frames, geometries, grounds)

    def _warp_batch(
        self,
        frames: Sequence[np.ndarray],
        geometries: Sequence[FrameGeometry],
        grounds: Sequence[Ground],
    ) -> None:
        size = frames[0].shape[1], frames[0].shape[0]
        person, maps = self._view.draw(geometries, size)
        person = self._with_hidden(person, geometries, size)
        shifts = [head_shift(self._mesh, geometry) for geometry in geometries]
        if isinstance(self._ground, OwnBackground):
            drawn = compose(person, maps, person.new_tensor(shifts), self._plates)
            drawn = soften_edges(drawn, person, maps).byte().cpu().numpy()
            for frame, ready in zip(frames, drawn, strict=True):
                frame[:] = ready
            return
        # Another ground lays the person itself.
        people, columns, rows = (
            part.contiguous().cpu().numpy() for part in (person.byte(), maps[..., 0], maps[..., 1])
        )
        window = (0, 0, *size)
        for k, (frame, ground) in enumerate(zip(frames, grounds, strict=True)):
            where = columns[k], rows[k]
            ground.lay_person(people[k], where, shifts[k], frame, window)
            found = find_edges(people[k], *where, window, self._edges, 0)
            ground.soften_edges(self._edges[:found], frame)

    def _with_hidden(
        self, person: Tensor, geometries: Sequence[FrameGeometry], size: tuple[int, int]
    ) -> Tensor:
        """The person, with what the portrait itself does not show laid over."""
        view = self._mirrored
        if view is None or self._other_view is None:
            return person
        shares = person.new_tensor([view.share(geometry.head) for geometry in geometries])
        if not shares.any():
            return person
        other, _ = self._other_view.draw(geometries, size)
        return lay_over(person, other, shares)
