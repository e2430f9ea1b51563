"""Learned refinement: what warp and drawing cannot give, added where the face has moved.

Small networks see the rendered crops of mouth and eyes, the portrait's own crops and the geometry,
and answer with what to add. The crops are taken from the frame and only the additions go back into
it, so that pixels which are right stay as they are; a region at rest is not touched at all.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from openvasa.backend import Network, compile_network, half_precision
from openvasa.face.latent import CROP_SIDE, FaceLatent, FrameGeometry
from openvasa.face.topology import ASSETS
from openvasa.render.regions import (
    LEFT,
    MOUTH,
    RIGHT,
    Region,
    allowance,
    cut,
    frame_affine,
    geometry_maps,
    movement,
    source_view,
)

COLOURED = 6.0
"""Mean distance from grey, in grey levels, from which a portrait counts as fully coloured; what is
added to one without colour has none either."""

GROUPS = (("mouth", (MOUTH,)), ("eye", (RIGHT, LEFT)))
"""Networks, and the regions that go through each as one batch."""


def network_file(folder: Path, name: str) -> Path:
    """Where the ONNX file of a refinement network lies."""
    return folder / f"refine_{name}.onnx"


def networks_in(folder: Path) -> list[str]:
    """Names of the networks that a folder holds; into the package go those that beat drawing."""
    return [name for name, _ in GROUPS if network_file(folder, name).exists()]


class Refiner:
    """Refines the frames of one portrait, in place.

    Args:
        face: the portrait.
        folder: where the networks are; the shipped ones by default. What none is for, stays.
    """

    def __init__(self, face: FaceLatent, folder: Path = ASSETS) -> None:
        self._face = face
        self._networks = {
            name: _compiled(network_file(folder, name)) for name in networks_in(folder)
        }
        self._sources = {
            region.name: source_view(region, face.image, face.head, face.neutral)
            for _, regions in GROUPS
            for region in regions
        }
        face_view = self._sources[MOUTH.name][0].astype(np.float32)
        colour = np.abs(face_view - face_view.mean(axis=-1, keepdims=True)).mean()
        self._colour = np.float32(min(float(colour) / COLOURED, 1.0))

    def refine(self, frame: np.ndarray, geometry: FrameGeometry) -> None:
        """Refine a rendered frame.

        Args:
            frame: (512, 512, 3) uint8 RGB, changed in place.
            geometry: what it was rendered from, lids uncrossed.
        """
        for name, regions in GROUPS:
            if name in self._networks:
                self._refine_group(name, regions, frame, geometry)

    def _refine_group(
        self, name: str, regions: tuple[Region, ...], frame: np.ndarray, geometry: FrameGeometry
    ) -> None:
        crops, sources, maps, affines, moved = [], [], [], [], []
        for region in regions:
            source, source_affine = self._sources[region.name]
            affine = frame_affine(region, geometry, self._face.neutral)
            places = (geometry.landmarks, self._face.landmarks, affine, source_affine)
            moved.append(movement(region, *places))
            crops.append(cut(frame, affine, region.side))
            maps.append(geometry_maps(region, *places))
            sources.append(source)
            affines.append(affine)
        if max(moved) == 0:
            return
        added = self._networks[name](np.stack(crops), np.stack(sources), np.stack(maps))[0]
        if self._colour < 1:
            grey = added.mean(axis=-1, keepdims=True)
            added = grey + self._colour * (added - grey)
        for k in range(len(regions)):
            if moved[k] > 0:
                weight = 255 * moved[k] * allowance(maps[k])
                _add(frame, added[k] * weight[..., None], affines[k])


def _add(frame: np.ndarray, addition: np.ndarray, affine: np.ndarray) -> None:
    """Add a (S, S, 3) float32 crop, in grey levels, to the frame it was cut from."""
    side = len(addition)
    back = cv2.invertAffineTransform(affine)
    corners = np.array([[0, 0], [side, 0], [0, side], [side, side]]) @ back[:, :2].T + back[:, 2]
    low = np.clip(np.floor(corners.min(axis=0)).astype(int), 0, CROP_SIDE)
    high = np.clip(np.ceil(corners.max(axis=0)).astype(int) + 1, 0, CROP_SIDE)
    if (high <= low).any():
        return
    local = affine.copy()
    local[:, 2] += affine[:, :2] @ low
    size = tuple(map(int, high - low))
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    placed = cv2.warpAffine(addition, local, size, flags=flags, borderMode=cv2.BORDER_CONSTANT)
    part = frame[low[1] : high[1], low[0] : high[0]]
    part[:] = np.clip(np.rint(part + placed), 0, 255).astype(np.uint8)


def _compiled(path: Path) -> Network:
    return compile_network(path, precision=half_precision())
