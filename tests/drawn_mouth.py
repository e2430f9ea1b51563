"""A face of two colours whose mouth layer is painted: no portrait and no model needed."""

from __future__ import annotations

import numpy as np
from faces import made_face

from openvasa.face.canonical import HeadTransform
from openvasa.face.latent import FaceLatent, pose_face
from openvasa.face.topology import INNER_LIP_PAIRS, LIPS, canonical_mesh
from openvasa.render.mouth.jaw import JAW_POINTS
from openvasa.render.mouth.paint import paint_mouth
from openvasa.render.mouth.prepare import MouthAppearance

SKIN, LIP = (205, 160, 140), (175, 95, 95)


def neutral_shape() -> np.ndarray:
    mesh = canonical_mesh()[0]
    neutral = np.concatenate([mesh, np.repeat(mesh[[33, 263]], 5, axis=0)]).astype(np.float32)
    for upper, lower in INNER_LIP_PAIRS:
        neutral[[upper, lower]] = neutral[[upper, lower]].mean(axis=0)
    return neutral


def drawn_latent(image: np.ndarray, canonical: np.ndarray, neutral: np.ndarray) -> FaceLatent:
    head = HeadTransform(np.eye(3), 18.0, np.array([256.0, 256.0, 0.0]))
    return made_face(image, canonical, head, neutral=neutral)


def drawn_face() -> FaceLatent:
    """The face at rest, lips closed; 18 px a canonical unit, its origin at (256, 256)."""
    neutral = neutral_shape()
    image = np.full((512, 512, 3), SKIN, np.uint8)
    marks = neutral[LIPS, :2] * 18 + 256
    low, high = marks.min(axis=0).astype(int), marks.max(axis=0).astype(int)
    image[low[1] : high[1], low[0] : high[0]] = LIP
    return drawn_latent(image, neutral, neutral)


def parted(height: float, jaw: bool = False) -> np.ndarray:
    """(478, 3) shape change that parts the lips by `height` canonical units."""
    change = np.zeros((478, 3), np.float32)
    upper, lower = INNER_LIP_PAIRS.T
    arch = np.float32([0.4, 0.7, 0.9, 1, 1, 1, 0.9, 0.7, 0.4])
    change[upper, 1] -= 0.35 * height * arch
    change[lower, 1] += 0.65 * height * arch
    if jaw:
        change[JAW_POINTS, 1] += 0.65 * height
    return change


def painted(
    face: FaceLatent,
    mouth: MouthAppearance,
    change: np.ndarray,
    pose=None,
    tongue: tuple[float, float] = (0.0, 0.0),
) -> np.ndarray:
    geometry = pose_face(face, np.zeros(6) if pose is None else pose, change, tongue)
    frame = face.image.copy()
    paint_mouth(frame, geometry, mouth)
    return frame
