"""A live frame's motion → its picture, marked."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from openvasa.face.dynamics import dynamics_code
from openvasa.face.latent import FaceLatent, pose_face
from openvasa.motion.motion import POSE_DIM
from openvasa.render.renderer import Renderer


class FrameMark(Protocol):
    """Something that hides a mark in a picture."""

    def apply(self, frame: np.ndarray) -> np.ndarray:
        """(H, W, 3) uint8 RGB → the same with the mark in it."""
        ...


class Painter:
    """Paints one portrait.

    Args:
        face: the portrait; what depends only on it is prepared here.
        mark: put into every picture; None leaves the pictures unmarked.
    """

    def __init__(self, face: FaceLatent, mark: FrameMark | None = None) -> None:
        self._face = face
        self._renderer = Renderer(face)
        self._code = dynamics_code()
        self._mark = mark

    def paint(self, motion: np.ndarray) -> np.ndarray:
        """(6 + D,) motion → (512, 512, 3) uint8 RGB."""
        change = self._code.decode(motion[POSE_DIM:])
        picture = self._renderer.render(pose_face(self._face, motion[:POSE_DIM], change))
        return picture if self._mark is None else self._mark.apply(picture)
