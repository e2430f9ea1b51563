"""Canonical space and head pose: which part of the landmarks is the head, which is the face.

A head transform is a similarity (weak perspective): canonical point p goes to the picture as
`scale * R @ p + (tx, ty, 0)`. Motion's head pose is an offset from a resting transform, so that it
carries over to a portrait whatever way the portrait faces.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from openvasa.face.topology import RIGID, canonical_mesh

FACE_WIDTH = 15.0
"""Width of the mean head's face between the temples, canonical units."""

POSE_DIM = 6
TURN, SHIFT, LOG_DISTANCE = slice(0, 3), slice(3, 5), 5
"""Where the parts of a head pose stand in it; see `pose_between`."""
PITCH, YAW = 0, 1
"""The axes of the turn that nod and shake the head."""


@dataclass(frozen=True)
class HeadTransform:
    """Similarity from canonical space to picture pixels.

    Attributes:
        rotation: (3, 3) float64 rotation matrix, head to camera.
        scale: px per canonical unit.
        translation: (3,) float64 px; z is the depth of the head's origin in the same scale.
    """

    rotation: np.ndarray
    scale: float
    translation: np.ndarray

    def apply(self, points: np.ndarray) -> np.ndarray:
        """(N, 3) canonical points → (N, 3) float32 px."""
        return (points @ self.rotation.T * self.scale + self.translation).astype(np.float32)

    def invert(self, points: np.ndarray) -> np.ndarray:
        """(N, 3) px → (N, 3) float32 canonical points."""
        return ((points - self.translation) @ self.rotation / self.scale).astype(np.float32)

    @property
    def euler_degrees(self) -> np.ndarray:
        """(3,) yaw, pitch, roll in degrees; yaw > 0 turns the nose to the picture's right."""
        r = self.rotation
        yaw, roll = np.arctan2(r[0, 2], r[2, 2]), np.arctan2(r[1, 0], r[1, 1])
        return np.degrees([-yaw, np.arcsin(np.clip(-r[1, 2], -1, 1)), roll])


def fit_head(landmarks: np.ndarray) -> HeadTransform:
    """Fit the head transform of (478, 3) landmarks in px.

    Similarity Procrustes (Umeyama, PAMI 13(4), 1991) of the points that hardly move against the
    skull, on Google's mean head.
    """
    target = landmarks[RIGID].astype(np.float64)
    source = canonical_mesh()[0][RIGID].astype(np.float64)
    target_mean, source_mean = target.mean(axis=0), source.mean(axis=0)
    target_c, source_c = target - target_mean, source - source_mean
    u, singular, vt = np.linalg.svd(target_c.T @ source_c)
    signs = np.array([1, 1, np.sign(np.linalg.det(u @ vt))])
    rotation = (u * signs) @ vt
    scale = float((singular * signs).sum() / (source_c**2).sum())
    return HeadTransform(rotation, scale, target_mean - scale * rotation @ source_mean)


def pose_between(rest: HeadTransform, head: HeadTransform) -> np.ndarray:
    """(6,) float32 head pose of `head` as an offset from `rest`.

    Rotation vector in the resting head's own axes (rad), translation of the head's origin in the
    picture (face widths, x and y), log distance (> 0 is farther away).
    """
    rotation = cv2.Rodrigues(rest.rotation.T @ head.rotation)[0][:, 0]
    shift = (head.translation - rest.translation)[:2] / (rest.scale * FACE_WIDTH)
    return np.array([*rotation, *shift, np.log(rest.scale / head.scale)], np.float32)


def apply_pose(rest: HeadTransform, pose: np.ndarray) -> HeadTransform:
    """The head transform that lies `pose` (6,) away from `rest`; undoes `pose_between`."""
    rotation = rest.rotation @ cv2.Rodrigues(pose[TURN].astype(np.float64))[0]
    shift = np.append(pose[SHIFT], 0.0) * rest.scale * FACE_WIDTH
    return HeadTransform(
        rotation, rest.scale * float(np.exp(-pose[LOG_DISTANCE])), rest.translation + shift
    )
