"""Learned refinement: rendered skin bent and shaded to what real faces show when they move.

Small networks see the rendered crops of mouth and eyes, the portrait's own crops and the geometry.
They never paint: they answer with coarse fields that say how far the picture is to be bent and how
much brighter or darker it is to become. Detail stays what the portrait and the drawn layers gave,
so teeth and brush strokes stay sharp. A region at rest is not touched at all.
"""

from __future__ import annotations

from copy import copy
from pathlib import Path

import cv2
import numpy as np

from openvasa.assets import ASSETS
from openvasa.backend import Network, load_coarse
from openvasa.face.latent import FaceLatent, FrameGeometry
from openvasa.render.bend import bend_and_shade
from openvasa.render.regions import (
    LEFT,
    MOUTH,
    RIGHT,
    cut_finely,
    frame_affine,
    geometry_maps,
    movement,
    source_view,
)
from openvasa.render.skin import measure_skin

COLOURED = 6.0
"""Mean distance from grey, in grey levels, from which a portrait counts as fully coloured; one
without colour is not given any."""

NETWORKS = {"mouth": (MOUTH,), "eye": (RIGHT, LEFT)}
"""Networks, and the regions that go through each as one batch."""


def network_file(folder: Path, name: str) -> Path:
    """Where the ONNX file of a refinement network lies."""
    return folder / f"refine_{name}.onnx"


def networks_in(folder: Path) -> list[str]:
    """Names of the networks that a folder holds; into the package go those that beat drawing."""
    return [name for name in NETWORKS if network_file(folder, name).exists()]


class Refiner:
    """Refines the frames of one portrait, in place.

    Args:
        face: the portrait.
        folder: where the networks are; the shipped ones by default. What none is for, stays.
    """

    def __init__(self, face: FaceLatent, folder: Path = ASSETS) -> None:
        self._face = face
        self._folder = folder
        self._networks: dict[str, Network] | None = _load_networks(folder)
        views = {
            region.name: source_view(region, face)
            for regions in NETWORKS.values()
            for region in regions
        }
        self._source_affines = {name: affine for name, (_, affine) in views.items()}
        self._source_crops = {
            name: np.stack([halve_crop(views[region.name][0]) for region in regions])
            for name, regions in NETWORKS.items()
        }
        self._skin = measure_skin(face)
        face_view = views[MOUTH.name][0].astype(np.float32)
        colour = np.abs(face_view - face_view.mean(axis=-1, keepdims=True)).mean()
        self._colour = np.float32(min(float(colour) / COLOURED, 1.0))

    def twin(self) -> Refiner:
        """A second refiner of this portrait for another thread, which loads its networks."""
        twin = copy(self)
        twin._networks = None
        return twin

    def refine(self, frame: np.ndarray, geometry: FrameGeometry) -> None:
        """Refine a rendered frame.

        Args:
            frame: (H, W, 3) uint8 RGB, changed in place.
            geometry: what it was rendered from, lids uncrossed.
        """
        if self._networks is None:
            self._networks = _load_networks(self._folder)
        for name, network in self._networks.items():
            self._refine_group(name, network, frame, geometry)

    def _refine_group(
        self, name: str, network: Network, frame: np.ndarray, geometry: FrameGeometry
    ) -> None:
        regions = NETWORKS[name]
        affines = [frame_affine(region, geometry, self._face.neutral) for region in regions]
        places = [
            (
                region,
                geometry.landmarks,
                self._face.landmarks,
                affine,
                self._source_affines[region.name],
            )
            for region, affine in zip(regions, affines, strict=True)
        ]
        moved = [movement(*place) for place in places]
        if max(moved) == 0:
            return
        crops = [
            halve_crop(cut_finely(frame, affine, region.side, self._face.stated))
            for region, affine in zip(regions, affines, strict=True)
        ]
        maps = [geometry_maps(*place) for place in places]
        bend, shade = network(np.stack(crops), self._source_crops[name], np.stack(maps))
        if self._colour < 1:
            grey = shade.mean(axis=-1, keepdims=True)
            shade = grey + self._colour * (shade - grey)
        for k, affine in enumerate(affines):
            if moved[k] > 0:
                fields = moved[k] * bend[k], moved[k] * shade[k]
                bend_and_shade(frame, *fields, affine, find_bare(maps[k]), self._skin)


def _load_networks(folder: Path) -> dict[str, Network]:
    """The networks of a folder by name.

    Frames are painted side by side: one thread for each costs less than all threads for one.
    """
    return {name: load_coarse(network_file(folder, name)) for name in networks_in(folder)}


def find_bare(maps: np.ndarray) -> np.ndarray:
    """(S/4, S/4) float32: how much of a cell is skin beyond lips and lids, from geometry maps."""
    return 1 - cv2.resize(maps[2:].max(axis=0), None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)


def halve_crop(crop: np.ndarray) -> np.ndarray:
    """(S, S, 3) → (S/2, S/2, 3) uint8: networks see crops at half their resolution."""
    return cv2.resize(crop, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
