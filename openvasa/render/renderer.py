"""From the geometry of one moment to its frame: the layers, from back to front."""

from __future__ import annotations

from typing import Protocol

import cv2
import numpy as np

from openvasa.face.latent import CROP_SIDE, FaceLatent, FrameGeometry
from openvasa.render.compose import compose, soften_edges
from openvasa.render.cutout import MARGIN, SUBSAMPLES, cut_out
from openvasa.render.mesh import build_mesh, covered_triangles, pose_mesh
from openvasa.render.rasterize import moving_window, rasterize

STILL = 0.005
"""Px by which a point may move and still count as resting."""

Window = tuple[int, int, int, int]


class RenderBackend(Protocol):
    """Anything that turns geometry into frames of one portrait."""

    def render(self, geometry: FrameGeometry) -> np.ndarray:
        """(512, 512, 3) uint8 RGB frame."""
        ...


class Renderer:
    """The CPU renderer: dense warp of the portrait over its background plate.

    Args:
        face: the portrait; what depends only on it is prepared here.
    """

    def __init__(self, face: FaceLatent) -> None:
        self._image = face.image
        self._mesh = build_mesh(face.landmarks, face.canonical, face.head)
        self._cutout = cut_out(face)
        self._sources = self._cutout.place(self._mesh.points)
        self._triangles = covered_triangles(self._mesh, self._cutout)
        self._plate = face.background
        side = (CROP_SIDE, CROP_SIDE)
        self._depth = np.empty(side, np.float32)
        self._maps = np.empty(side, np.float32), np.empty(side, np.float32)
        self._residue = np.zeros((*side, 3), np.int16)
        at_rest = np.empty((*side, 3), np.uint8)
        resting = FrameGeometry(face.canonical, face.head, face.landmarks)
        self._draw(pose_mesh(self._mesh, resting), at_rest, (0, 0, CROP_SIDE, CROP_SIDE))
        self._residue = face.image.astype(np.int16) - at_rest

    def render(self, geometry: FrameGeometry) -> np.ndarray:
        """(512, 512, 3) uint8 RGB frame of the portrait at `geometry`."""
        corners = pose_mesh(self._mesh, geometry)
        frame = self._image.copy()
        window = moving_window(corners, self._mesh.points, self._triangles, STILL, CROP_SIDE)
        self._draw(corners, frame, window)
        return frame

    def _draw(self, corners: np.ndarray, frame: np.ndarray, window: Window) -> None:
        left, top, right, bottom = window
        if left == right:
            return
        rasterize(corners, self._sources, self._triangles, self._depth, *self._maps, window)
        person = cv2.remap(
            self._cutout.samples,
            self._maps[0][top:bottom, left:right],
            self._maps[1][top:bottom, left:right],
            cv2.INTER_LINEAR,
        )
        compose(
            person,
            *self._maps,
            SUBSAMPLES,
            MARGIN,
            self._residue,
            self._plate,
            frame,
            window,
        )
        soften_edges(person, *self._maps, frame, window)
