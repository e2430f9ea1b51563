"""The moving surface of a portrait: the face mesh, and around it rings of skull, hair and neck.

The 468 tracked points cover only the face. Rings of further points run outwards from the face's
oval past the silhouette. They lie on a skull-like ellipsoid, or, where the line of sight misses
it, on the plane through its centre that faced the camera. They turn with the head; from the chin
down the neck takes less and less of the head's movement.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from openvasa.face.canonical import LOG_DISTANCE, HeadTransform, apply_pose, pose_between
from openvasa.face.latent import FaceLatent, FrameGeometry
from openvasa.face.topology import (
    CHIN,
    FACE_OVAL,
    FOREHEAD_TOP,
    SURFACE_POINTS,
    canonical_mesh,
    near_oval,
)
from openvasa.maths import smoothstep
from openvasa.render.cut_off import Ceiling, Cut, find_cut, hold_border
from openvasa.render.loose import find_free_length, swing_out

RING_SCALES = np.array([1.05, 1.11, 1.18, 1.27, 1.38, 1.53, 1.72, 2.0, 2.4, 3.0, 4.5])
"""Distance of each ring from the oval's centre, in units of the oval's own."""

SKULL_CENTRE = np.array([0.0, -3.0, 3.5])
SKULL_AXES = np.array([8.3, 10.8, 10.0])
"""Mean skull with skin in canonical units: half width, half height, half depth."""

NECK_LENGTH = 0.55
"""Face heights from the chin down to where the head no longer moves the body."""

BODY_SHARE = np.array([0.0, 0.2, 0.15, 0.3, 0.3, 0.4], np.float32)
"""Part of the head's pose (pitch, yaw, roll, shift x and y, log distance) that the body follows."""

BODY_FOLLOWS = 0.06
"""Log distance up to which the body goes along; farther away goes the head alone, or the picture
would end beside the shoulders."""

BODY_PIVOT = np.array([[0.0, 28.0, 6.0]])
"""Canonical point in the middle of the chest, about which the body turns."""

GROUND = 0.15
"""Face heights above the square's lower border from which the body comes to a stand there, where
the picture goes on below."""

STEEPEST = 2.5
"""Px of depth per px across, to which the face's surface is eased towards its oval. A tracked face
drops off vertically there, and the two px of skin that the portrait shows of that drop would be
smeared over the cheek of a turned head."""

EASED_OVER = 0.06
"""Sine of the turn towards one side of the face over which that side's depth is eased."""

SURROUNDINGS = 12
"""Stated px around the person in which the plate may differ from the portrait."""


@dataclass(frozen=True)
class WarpMesh:
    """A portrait's surface at rest, and how each point of it follows head and face.

    Attributes:
        points: (V, 2) float32 px of the portrait; the 468 face points, then ring after ring.
        rest: head transform that the portrait shows.
        sight: (3,) float64 canonical direction in which the portrait was seen.
        relief: (V, 3) float32 canonical vectors along `sight` that ease the depth around the oval.
        outward: (V, 2) float32 canonical unit vectors from the middle of the face.
        oval: (36, 3) float32 canonical points of the face's oval at rest.
        rings: (P, 3) float32 canonical points of the rings at rest.
        head_share: (P,) float32 in 0–1, how much of the head's movement a ring point takes.
        body_share: (P,) float32 in 0–1, how much of the body's movement a ring point takes.
        skin_share: (P, 36) float32, how much of each oval point's change of shape it takes.
        free: (P,) float32 canonical length of hair or cloth that hangs free at each ring point.
        triangles: (T, 3) int32.
        cut: how the picture's upper border cuts the head off; None where it does not.
    """

    points: np.ndarray
    rest: HeadTransform
    sight: np.ndarray
    relief: np.ndarray
    outward: np.ndarray
    oval: np.ndarray
    rings: np.ndarray
    head_share: np.ndarray
    body_share: np.ndarray
    skin_share: np.ndarray
    free: np.ndarray
    triangles: np.ndarray
    cut: Cut | None = None


@lru_cache(maxsize=1)
def _triangles() -> np.ndarray:
    """(T, 3) int32: the face mesh, then the strips between the oval and ring after ring."""
    sides = len(FACE_OVAL)
    strips = []
    inner = FACE_OVAL
    for ring in range(len(RING_SCALES)):
        outer = SURFACE_POINTS + ring * sides + np.arange(sides)
        inner_next, outer_next = np.roll(inner, -1), np.roll(outer, -1)
        strips += [
            np.column_stack([inner, outer, inner_next]),
            np.column_stack([inner_next, outer, outer_next]),
        ]
        inner = outer
    return np.concatenate([canonical_mesh()[2], *strips]).astype(np.int32)


def _on_skull(xy: np.ndarray, head: HeadTransform) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where the lines of sight through (N, 2) px meet the skull.

    Returns:
        origin: (N, 3) canonical points on the lines of sight, at the picture's z = 0.
        direction: (3,) canonical vector of one px into the picture.
        depth: (N,) px along the line of sight.
    """
    flat = np.column_stack([xy, np.zeros(len(xy))])
    origin = head.invert(flat).astype(np.float64)
    direction = head.rotation[2] / head.scale
    start = (origin - SKULL_CENTRE) / SKULL_AXES
    step = direction / SKULL_AXES
    length = np.linalg.norm(step)
    nearest = -(start @ step) / length**2
    miss = np.linalg.norm(start + nearest[:, None] * step, axis=1)
    # The square root's infinite slope at the horizon would tear the coarse rings apart.
    inside = 1 - miss**2
    half_chord = np.sqrt((inside + np.sqrt(inside**2 + 0.02)) / 2)
    return origin, direction, nearest - (half_chord - 0.1 * smoothstep(0, 1, miss)) / length


def _eased_depth(surface: np.ndarray) -> np.ndarray:
    """(468,) px ≤ 0 to add to the depth of (468, 3) points, so that none is too steep to be seen.

    The depth becomes the lowest of the cones of slope `STEEPEST` that stand on all points; the
    middle of the face, whose nose may well hide a cheek, keeps its own.
    """
    across = np.linalg.norm(surface[:, None, :2] - surface[None, :, :2], axis=2)
    eased = (surface[None, :, 2] + STEEPEST * across).min(axis=1)
    return near_oval() * (eased - surface[:, 2])


def _skin_share(distance: np.ndarray, reach: np.ndarray) -> np.ndarray:
    """(P, 36) share of each oval point's change of shape that ring points take.

    Args:
        distance: (rings, 36) distance of each ring point from its oval point, face heights.
        reach: (36,) distance at which the change of shape has faded, face heights.
    """
    rings, sides = distance.shape
    fade = 1 - smoothstep(0, 1, distance / reach)
    around = np.abs((np.arange(sides)[:, None] - np.arange(sides) + sides / 2) % sides - sides / 2)
    shares = []
    for ring in range(rings):
        # Farther out the skin follows a wider stretch of the oval: no radial pleats.
        width = 0.4 + 8 * distance[ring][:, None]
        weights = np.exp(-0.5 * (around / width) ** 2)
        shares.append(weights / weights.sum(axis=1, keepdims=True) * fade[ring][:, None])
    return np.concatenate(shares).astype(np.float32)


def find_ground(face: FaceLatent) -> int | None:
    """Row of the crop's lower border where the picture shows more of the body below it."""
    height = face.size[1]
    goes_on = float(face.crop[1]) + height / face.zoom < face.picture.shape[0] - 1
    return height if goes_on else None


def build_mesh(
    landmarks: np.ndarray,
    canonical: np.ndarray,
    head: HeadTransform,
    *,
    ground: int | None,
    ceiling: Ceiling | None = None,
) -> WarpMesh:
    """Lay the surface over a portrait.

    Args:
        landmarks: (478, 3) px of the portrait.
        canonical: (478, 3) the same points in canonical space.
        head: transform from canonical space to the portrait.
        ground: row at which the body has to stand still, as it does below; None where nothing
            is below.
        ceiling: where the picture ends above; None where it goes on.
    """
    oval = landmarks[FACE_OVAL].astype(np.float64)
    centre = (oval[:, :2].min(axis=0) + oval[:, :2].max(axis=0)) / 2
    spokes = oval[:, :2] - centre
    face_height = float(np.linalg.norm(landmarks[FOREHEAD_TOP] - landmarks[CHIN]))

    xy = (centre + RING_SCALES[:, None, None] * spokes).reshape(-1, 2)
    distance = (RING_SCALES[:, None] - 1) * np.linalg.norm(spokes, axis=1) / face_height

    origin, direction, skull_depth = _on_skull(xy, head)
    bump = oval[:, 2] - _on_skull(oval[:, :2], head)[2]
    down = head.rotation[:2, 1] / np.linalg.norm(head.rotation[:2, 1])
    height = (oval[:, :2] - centre) @ down / face_height
    # Below the chin the depth drops off quickly: the jaw overhangs the neck.
    run_out = 0.14 - 0.06 * smoothstep(0.2, 0.45, height)
    fade = np.exp(-distance / run_out)
    depth = skull_depth + (bump * fade).reshape(-1)
    rings = origin + depth[:, None] * direction
    outward = np.concatenate([canonical[:SURFACE_POINTS], rings])[:, :2]
    outward = outward - canonical[FACE_OVAL, :2].mean(axis=0)
    outward /= np.maximum(np.linalg.norm(outward, axis=1, keepdims=True), 1e-6)

    below_chin = (xy - landmarks[CHIN, :2]) @ down / face_height
    head_share = 1 - smoothstep(0.0, NECK_LENGTH, below_chin)
    eased = _eased_depth(landmarks[:SURFACE_POINTS])
    eased_rings = (eased[FACE_OVAL] * fade).reshape(-1) * head_share
    relief = np.concatenate([eased, eased_rings])[:, None] * direction
    body_share = 1 - head_share
    # What lies beyond the rings stands still.
    for share in (head_share, body_share):
        share[-len(FACE_OVAL) :] = 0
    if ground is not None:
        body_share *= smoothstep(0.0, GROUND, (ground - xy[:, 1]) / face_height)

    aside = distance.reshape(-1) * face_height / head.scale
    reach = 0.1 + 0.05 * smoothstep(-0.3, 0.1, height) + 0.33 * smoothstep(0.2, 0.45, height)
    return WarpMesh(
        points=np.concatenate([landmarks[:SURFACE_POINTS, :2], xy]).astype(np.float32),
        rest=head,
        sight=head.rotation[2].copy(),
        relief=relief.astype(np.float32),
        outward=outward.astype(np.float32),
        oval=canonical[FACE_OVAL].astype(np.float32),
        rings=rings.astype(np.float32),
        head_share=head_share.astype(np.float32),
        body_share=body_share.astype(np.float32),
        skin_share=_skin_share(distance, reach),
        free=find_free_length(rings, aside, SKULL_CENTRE, SKULL_AXES),
        triangles=_triangles(),
        cut=None if ceiling is None else find_cut(centre, spokes, RING_SCALES, ceiling),
    )


def _body(rest: HeadTransform, head: HeadTransform) -> HeadTransform:
    """What the chest makes of a movement of the head from `rest`."""
    pose = pose_between(rest, head)
    pose[LOG_DISTANCE] = min(pose[LOG_DISTANCE], BODY_FOLLOWS)
    pose = pose * BODY_SHARE
    turned = apply_pose(rest, pose)
    shift = turned.translation - rest.translation
    slip = rest.apply(BODY_PIVOT)[0] - turned.apply(BODY_PIVOT)[0] + shift
    return HeadTransform(turned.rotation, turned.scale, turned.translation + slip)


def pose_mesh(mesh: WarpMesh, geometry: FrameGeometry) -> np.ndarray:
    """(V, 3) float32 px: where every point of the surface is in one frame."""
    rest = mesh.rest.apply(mesh.rings)
    move = (geometry.head.apply(mesh.rings) - rest) * mesh.head_share[:, None]
    carried = _body(mesh.rest, geometry.head).apply(mesh.rings) - rest
    # In front of or behind the head as it was: only the picture's plane matters.
    carried[:, 2] = 0
    move += carried * mesh.body_share[:, None]
    if geometry.trailed is not None:
        late = swing_out(mesh.free, mesh.rings, geometry.head, geometry.trailed)
        move += late * mesh.head_share[:, None]
    reshaped = geometry.landmarks[FACE_OVAL] - geometry.head.apply(mesh.oval)
    rings = rest + move + mesh.skin_share @ reshaped
    if mesh.cut is not None:
        hold_border(rings, mesh.cut)
    surface = np.concatenate([geometry.landmarks[:SURFACE_POINTS], rings])
    # A side that turns away keeps its depth: it has to vanish behind the rest of the face.
    turn = mesh.outward @ (mesh.sight - geometry.head.rotation[2])[:2]
    relief = smoothstep(-EASED_OVER, EASED_OVER, turn)[:, None] * mesh.relief
    surface += relief @ geometry.head.rotation.T * geometry.head.scale
    return surface.astype(np.float32)


def covered_triangles(
    mesh: WarpMesh, opacity: np.ndarray, margin: int, stated: float
) -> np.ndarray:
    """(T', 3) int32: the triangles that hold any part of the person or of its close surroundings.

    Args:
        mesh: the surface over the portrait.
        opacity: (H + 2 M, W + 2 M) uint8 of the cutout.
        margin: px of the cutout around the portrait.
        stated: px that one stated px is long.
    """
    reach = round(SURROUNDINGS * stated)
    near = cv2.dilate(opacity, np.ones((2 * reach + 1,) * 2, np.uint8)) > 0
    return find_triangles(mesh.triangles, mesh.points + margin, near)


def find_triangles(triangles: np.ndarray, points: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """(T', 3) int32: the triangles in whose box anything is wanted.

    Args:
        triangles: (T, 3) int32.
        points: (V, 2) px of the picture.
        wanted: (H, W) bool.
    """
    corners = points[triangles]
    limit = np.array(wanted.shape[::-1])
    low = np.clip(np.floor(corners.min(axis=1)), 0, limit - 1).astype(int)
    high = np.clip(np.ceil(corners.max(axis=1)) + 1, 0, limit).astype(int)
    total = np.pad(wanted.cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    inside = (
        total[high[:, 1], high[:, 0]]
        - total[low[:, 1], high[:, 0]]
        - total[high[:, 1], low[:, 0]]
        + total[low[:, 1], low[:, 0]]
    )
    return np.ascontiguousarray(triangles[inside > 0])


def find_reach(mesh: WarpMesh, size: tuple[int, int]) -> np.ndarray:
    """(H, W) bool: what lies within the outermost ring; `size` is the frame's width and height."""
    reached = np.zeros(size[::-1], np.uint8)
    ring = np.rint(mesh.points[-len(FACE_OVAL) :]).astype(np.int32)
    cv2.fillPoly(reached, [ring[None]], 1)
    return reached > 0


def head_shift(mesh: WarpMesh, geometry: FrameGeometry) -> float:
    """Px by which the head as a whole has moved from where the portrait shows it."""
    moved = geometry.head.apply(mesh.oval) - mesh.rest.apply(mesh.oval)
    return float(np.abs(moved[:, :2]).max())
