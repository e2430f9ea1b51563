"""What a portrait turned to one side does not show: borrowed from the other side of the head.

A mirrored portrait is a second view of an about symmetric head, from the other side. Where that
view sees the surface better, it takes over as the head turns there. Its colours are matched to
the portrait's own, smoothly over the face, so that the light keeps its direction.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from openvasa.face.canonical import HeadTransform
from openvasa.face.latent import FaceLatent, FrameGeometry
from openvasa.face.topology import (
    CHIN,
    FACE_OVAL,
    FOREHEAD_TOP,
    LEFT_SIDE,
    RIGHT_SIDE,
    SURFACE_POINTS,
    canonical_mesh,
    mirror_pairs,
)
from openvasa.maths import smoothstep
from openvasa.render.cut_off import find_ceiling
from openvasa.render.cutout import margin_px, place, upsample
from openvasa.render.mesh import (
    RING_SCALES,
    WarpMesh,
    build_mesh,
    covered_triangles,
    find_ground,
    pose_mesh,
)
from openvasa.render.rasterize import UNCOVERED, rasterize

FRONTAL = 10.0
"""Degrees of yaw up to which a portrait shows both sides well enough by itself."""

TURN_TO_FADE = np.radians(2.0), np.radians(9.0)
"""Turn towards the hidden side from which the mirrored view appears, and at which it is all in."""

TAKEN_OVER = 0.2, 0.5
"""Trust at the face's border from which the mirrored view shows outside it, and is all in."""

FAINT = 1 / 255
"""Trust at which nothing of the mirrored view shows."""

BORDER_FADE = 12.0
"""Stated px beside the picture's left and right borders over which the mirrored view ends: what is
made up beyond them must not hide what the portrait shows."""

COLOUR_BLUR = 4.0
"""Stated px over which colours are averaged before they are compared."""

GAIN_REACH = 3.0
"""Canonical units over which the colour match is smoothed."""


@dataclass(frozen=True)
class MirroredView:
    """The portrait's mirror image as a second source of texture.

    Attributes:
        mesh: its surface; `points` lie in the mirrored picture.
        own: the portrait's surface.
        sources: (2 V, 2) float32 sample positions of the points of `mesh`; to see of those of `own`
            is nothing.
        triangles: (T, 3) int32: of `mesh` where this view is needed; elsewhere on the face of
            `own`, which only hides what lies behind it.
        trusted: (N,) int32 the points around which this view shows any person.
        samples: (H, W, 4) uint8 RGB, matched to the portrait, and opacity, less where the
            portrait itself sees the surface well.
        azimuth: rad, from where around the head the portrait itself was seen.
    """

    mesh: WarpMesh
    own: WarpMesh
    sources: np.ndarray
    triangles: np.ndarray
    trusted: np.ndarray
    samples: np.ndarray
    azimuth: float

    def pose(self, geometry: FrameGeometry) -> np.ndarray:
        """(2 V, 3) float32 px: where the points of `sources` are in one frame."""
        return np.concatenate([pose_mesh(mesh, geometry) for mesh in (self.mesh, self.own)])

    def share(self, head: HeadTransform) -> float:
        """0–1, how much to use this view at a head pose."""
        turn = (self.azimuth - _azimuth(head)) * np.sign(self.azimuth)
        return float(smoothstep(*TURN_TO_FADE, turn))


def _azimuth(head: HeadTransform) -> float:
    """Direction of sight around the head's vertical axis, rad."""
    sight = head.rotation[2]
    return float(np.arctan2(sight[0], sight[2]))


def _mirror(face: FaceLatent) -> tuple[np.ndarray, np.ndarray, HeadTransform]:
    """Landmarks, canonical points and head transform of the mirrored portrait."""
    pairs = mirror_pairs()
    flip = np.array([-1.0, 1.0, 1.0])
    width = np.array([face.size[0] - 1.0, 0, 0])
    head = HeadTransform(
        face.head.rotation * flip * flip[:, None],
        face.head.scale,
        face.head.translation * flip + width,
    )
    landmarks = face.landmarks[pairs] * flip + width
    canonical = face.canonical[pairs] * flip
    return landmarks.astype(np.float32), canonical.astype(np.float32), head


def _facing(landmarks: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(468,) float64 cosine between surface normal and line of sight; 0 where out of sight."""
    points = landmarks[:SURFACE_POINTS].astype(np.float64)
    triangles = canonical_mesh()[2]
    a, b, c = (points[triangles[:, k]] for k in range(3))
    normals = np.zeros_like(points)
    for k in range(3):
        np.add.at(normals, triangles[:, k], np.cross(b - a, c - a))
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    facing = normals[:, 2] * np.sign(np.median(normals[:, 2]))
    width, height = size
    depth, unused_x, unused_y = (np.empty((height, width), np.float32) for _ in range(3))
    sources = np.zeros((SURFACE_POINTS, 2), np.float32)
    whole = (0, 0, width, height)
    corners = points.astype(np.float32)
    rasterize(corners, sources, triangles, depth, unused_x, unused_y, whole)
    at = np.clip(np.rint(points[:, :2]), 0, np.array(size) - 1).astype(int)
    face_width = np.linalg.norm(points[RIGHT_SIDE] - points[LEFT_SIDE])
    behind = points[:, 2] - depth[at[:, 1], at[:, 0]]
    return np.clip(facing, 0, 1) * (behind < 0.05 * face_width)


def _spread(values: np.ndarray, weights: np.ndarray, points: np.ndarray, reach: float):
    """Weighted Gaussian mean of (N, K) values over the (N, 3) points around each."""
    distance = np.linalg.norm(points[:, None] - points[None], axis=2)
    kernel = np.exp(-0.5 * (distance / reach) ** 2) * weights
    return kernel @ values / np.maximum(kernel.sum(axis=1, keepdims=True), 1e-6)


def _gains(face: FaceLatent, facing: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(468, 3) factors that turn the mirrored view's colours into the portrait's own."""
    pairs = mirror_pairs()[:SURFACE_POINTS]
    blur = COLOUR_BLUR * face.stated
    smooth = cv2.GaussianBlur(face.image, (0, 0), blur).astype(np.float32)
    at = np.clip(np.rint(face.landmarks[:SURFACE_POINTS, :2]), 0, np.array(face.size) - 1)
    at = at.astype(int)
    colours = np.log(smooth[at[:, 1], at[:, 0]] + 8)
    known = np.minimum(facing, facing[pairs]) ** 2 + 1e-3
    ratio = np.clip(colours - colours[pairs], -0.7, 0.7) * (known > 0.05)[:, None]
    return np.exp(_spread(ratio, known, points, GAIN_REACH))


def _paint_points(
    values: np.ndarray, corners: np.ndarray, triangles: np.ndarray, shape: tuple[int, int]
) -> np.ndarray:
    """(*shape, 2) float32: (V, 2) values of (V, 3) points, interpolated over what is in sight."""
    depth, first, second = (np.empty(shape, np.float32) for _ in range(3))
    whole = (0, 0, shape[1], shape[0])
    rasterize(corners, values.astype(np.float32), triangles, depth, first, second, whole)
    return np.maximum(np.dstack([first, second]), 0)


def _inside(width: int, margin: int, stated: float) -> np.ndarray:
    """(width,) float32: 1 on columns that the portrait shows, 0 on those of its margin."""
    column = np.arange(width)
    from_border = np.minimum(column, width - 1 - column) - margin
    return smoothstep(0, BORDER_FADE * stated, from_border).astype(np.float32)


def mirrored_view(face: FaceLatent, own: WarpMesh, cutout: np.ndarray) -> MirroredView | None:
    """The mirrored portrait as a source of hidden texture; None for a frontal portrait.

    Args:
        face: the portrait.
        own: its surface.
        cutout: (H + 2 M, W + 2 M, 4) uint8 RGBA of the person with its margin M.
    """
    if abs(face.head.euler_degrees[0]) < FRONTAL:
        return None
    landmarks, canonical, head = _mirror(face)
    ceiling = find_ceiling(face)
    if ceiling is not None:
        ceiling = ceiling._replace(opacity=ceiling.opacity[::-1])
    mesh = build_mesh(landmarks, canonical, head, ground=find_ground(face), ceiling=ceiling)
    pairs = mirror_pairs()[:SURFACE_POINTS]
    facing = _facing(face.landmarks, face.size)
    margin = margin_px(face.stated)
    better = smoothstep(0.05, 0.35, facing[pairs] - facing)
    unseen = better * (1 - smoothstep(0.45, 0.8, facing))
    points = canonical_mesh()[0].astype(np.float64)
    unseen = _spread(unseen[:, None], np.ones(SURFACE_POINTS), points, 0.8)[:, 0]
    gains = _gains(face, facing, points)

    rings = len(RING_SCALES)
    below_chin = (mesh.rings[:, 1] - canonical[CHIN, 1]) / (
        canonical[CHIN, 1] - canonical[FOREHEAD_TOP, 1]
    )
    # Collars and shoulders do not turn with the head; two of them would show at once.
    symmetric = 1 - smoothstep(-0.4, -0.05, below_chin)
    # One view or the other: half of each would show two outlines, and ears through each other.
    around = smoothstep(*TAKEN_OVER, unseen[FACE_OVAL])
    trust = np.append(unseen, np.tile(around, rings) * symmetric)
    gains = np.concatenate([gains, np.sqrt(np.tile(gains[FACE_OVAL], (rings, 1)))])
    corners = pose_mesh(mesh, FrameGeometry(canonical, head, landmarks))
    corners[:, :2] += margin
    shape = cutout.shape[:2]
    red_green = _paint_points(gains[:, :2], corners, mesh.triangles, shape)
    rest = np.column_stack([gains[:, 2], trust])
    blue_trust = _paint_points(rest, corners, mesh.triangles, shape)
    gain = np.dstack([red_green, blue_trust])
    gain[..., 3] *= _inside(shape[1], margin, face.stated)
    mirrored = np.clip(np.rint(cutout[:, ::-1] * gain), 0, 255).astype(np.uint8)
    shown = covered_triangles(mesh, mirrored[..., 3], margin, face.stated)
    # Behind the mirrored silhouette this surface is a guess, and folds back under px in sight.
    seen = np.any(trust[mesh.triangles] > FAINT, axis=1)
    # Around the face the two views' surfaces differ, so that there one would cut the other off.
    hides = ~seen & np.all(mesh.triangles < SURFACE_POINTS, axis=1)
    sources = place(mesh.points, margin)
    return MirroredView(
        mesh=replace(mesh, rest=face.head),
        own=own,
        sources=np.concatenate([sources, np.full_like(sources, UNCOVERED)]),
        triangles=np.concatenate([mesh.triangles[seen], mesh.triangles[hides] + len(sources)]),
        trusted=np.unique(shown[(trust[shown] > FAINT).any(axis=1)]),
        samples=upsample(mirrored),
        azimuth=_azimuth(face.head),
    )
