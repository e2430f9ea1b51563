"""What is worn or held before the face: taken off the portrait, and laid over each frame again.

Lids, brows and lips must not drag rims, hats or masks along, and what is drawn of mouth and eyes
lies behind them. So the portrait is parted in two: the bare face, the skin behind things filled in
(Telea, J. Graphics Tools 9(1), 2004), and the things with their opacity. What is worn is rigid with
the skull: glasses on a curved plane before the eyes, masks and hats on the face's resting surface.
What is held, as hands and microphones are, stays where the portrait shows it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import cv2
import numpy as np

from openvasa.face.canonical import HeadTransform
from openvasa.face.guided_filter import fit_edges
from openvasa.face.latent import FaceLatent, FrameGeometry
from openvasa.face.occluders import Occluder
from openvasa.face.topology import FACE_OVAL, LEFT_EYE, RIGHT_EYE
from openvasa.maths import smoothstep
from openvasa.render.cutout import place, upsample
from openvasa.render.mesh import WarpMesh, find_triangles, pose_mesh
from openvasa.render.rasterize import rasterize

LEAST_DARK = 0.7
"""Share of the glass that has to be dark, or its dark places count as reflections on clear glass,
which shows the face behind it."""
WORN_IN_FACE, WORN_BEYOND = 0.6, 0.35
"""Share of the lower face that a mask fills at least, and of itself that lies beyond the face at
most; what fills less or reaches farther is held."""
LEAST_PART = {
    Occluder.RIM: 0.02,
    Occluder.SHADE: 0.02,
    Occluder.COVER: 0.02,
    Occluder.HEADWEAR: 0.1,
}
"""Share of the face's oval that a thing has to fill, or it counts as the network's mistake."""
CERTAIN_FROM, CERTAIN_TO = 0.35, 0.65
"""Chances between which a thing becomes opaque."""
EDGE_RADIUS, EDGE_EPSILON = 3, 1e-3
"""Of the guided filter, stated px, that moves a thing's edge to the picture's."""
FADE = 1
"""Stated px around a thing that are taken off with it: its blurred edge."""
LID = 3
"""Stated px around the opening between the lids in which rims are the network's mistake."""
FILLED_HEADWEAR = 14
"""Stated px of a hat beside the face behind which skin is filled in; what moves reaches no
farther."""
FILL_RADIUS, FILL_SIDE = 4, 384
"""Px from which skin is continued, and the side of the picture in which that is done."""

SAMPLED = 3
"""Px by which `upsample` and the interpolation between its samples spread what they show."""

VERTEX = -0.25
"""Canonical units by which the plane of the lenses lies before the nose's bridge; below 0 behind
it, where the bridge reaches through. Turned heads of 27 training people with glasses fit 0 to -0.5.
"""
WRAP = 1.2
"""Canonical units by which that plane falls back at the temples."""
HINGE = 6.6, 7.2
"""Canonical distances from the middle between which rims give way to temples, which lie on the
sides of the head."""
LOWER_FACE = np.concatenate([FACE_OVAL[9:28], [205, 2, 425]])
"""Outline of what masks cover: along the jaw, and below cheeks and nose."""
GRID = (33, 17)
"""Points of the glasses' plane, across and down."""


@dataclass(frozen=True)
class Layer:
    """Things that move together.

    Attributes:
        samples: (2 H, 2 W, 4) uint8 RGBA, not premultiplied, `upsample`d.
        sources: (V, 2) float32 sample positions of the surface's points.
        triangles: (T, 3) int32.
        surface: (V, 3) float32 canonical points on a plane before the eyes; None where the things
            lie on the face's resting surface.
    """

    samples: np.ndarray
    sources: np.ndarray
    triangles: np.ndarray
    surface: np.ndarray | None


@dataclass(frozen=True)
class Front:
    """The things before one portrait's face, from the face outwards.

    Attributes:
        layers: what is worn, each with its own surface.
        held: (h, w, 4) uint8 RGBA of what is held, and its left and top in the frame; None where
            nothing is.
        mesh: of the portrait.
        canonical: (478, 3) float32, the shape that the portrait shows.
    """

    layers: tuple[Layer, ...]
    held: tuple[np.ndarray, tuple[int, int]] | None
    mesh: WarpMesh
    canonical: np.ndarray

    def draw(
        self,
        geometry: FrameGeometry,
        size: tuple[int, int],
    ) -> Iterable[tuple[np.ndarray, tuple[int, int]]]:
        """Each layer's (h, w, 4) uint8 RGBA at a head pose, and its left and top in the frame.

        Args:
            geometry: only its head counts.
            size: width and height of the frame.
        """
        for layer in self.layers:
            corners = self._place(layer, geometry)
            window = _window(corners[np.unique(layer.triangles), :2], size)
            left, top, right, bottom = window
            if left >= right or top >= bottom:
                continue
            shape = bottom - top, right - left
            depth, map_x, map_y = (np.empty(shape, np.float32) for _ in range(3))
            rasterize(corners, layer.sources, layer.triangles, depth, map_x, map_y, window)
            yield cv2.remap(layer.samples, map_x, map_y, cv2.INTER_LINEAR), (left, top)
        if self.held is not None:
            yield self.held

    def _place(self, layer: Layer, geometry: FrameGeometry) -> np.ndarray:
        """(V, 3) float32 px of a layer's points."""
        if layer.surface is not None:
            return geometry.head.apply(layer.surface)
        landmarks = geometry.head.apply(self.canonical)
        # A veil swings with the hair behind it.
        moved = replace(geometry, canonical=self.canonical, landmarks=landmarks)
        return pose_mesh(self.mesh, moved)


def part_face(face: FaceLatent, mesh: WarpMesh) -> tuple[FaceLatent, Front | None]:
    """The portrait without what is before the face, and that; None where nothing is.

    Args:
        face: the portrait.
        mesh: its surface.
    """
    if face.occluders is None:
        return face, None
    glasses, hat, cover = (
        _with_edge(find_opacity(face, kinds), face.stated)
        for kinds in (_glasses_kinds(face), (Occluder.HEADWEAR,), (Occluder.COVER,))
    )
    # What lies between rims and background is no part of them, and eyes look past them.
    glasses = glasses * face.matte
    if Occluder.SHADE not in _glasses_kinds(face):
        glasses = glasses * (1 - _find_eyes(face))
    held = np.zeros_like(cover)
    if not _is_mask(face, cover):
        cover, held = held, cover
    temples = glasses * _beside_hinges(face)
    glasses = glasses - temples
    worn = np.maximum.reduce([hat, cover, temples])
    if not any(part.any() for part in (glasses, worn, held)):
        return face, None
    behind = np.maximum.reduce([glasses, temples, cover, held, hat * _beside_skin(face, hat)])
    bare = _fill(face.image, behind)
    layers = []
    if worn.any():
        things = _unmix(face.image, bare, worn)
        triangles = find_triangles(mesh.triangles, mesh.points, _find_shown(things))
        if len(triangles):  # else nothing of it is opaque enough for one level of grey
            layers.append(Layer(upsample(things), place(mesh.points, 0), triangles, None))
    if glasses.any():
        things = _unmix(face.image, bare, glasses)
        px, surface, triangles = _lay_plane(face, glasses)
        triangles = find_triangles(triangles, px, _find_shown(things))
        if len(triangles):
            layers.append(Layer(upsample(things), place(px, 0), triangles, surface))
    still = _cut_out(_unmix(face.image, bare, held)) if held.any() else None
    return replace(face, image=bare), Front(tuple(layers), still, mesh, face.canonical)


def _glasses_kinds(face: FaceLatent) -> tuple[Occluder, ...]:
    """What lies on the plane before the eyes: rims, and the lenses of sunglasses."""
    assert face.occluders is not None
    kinds = face.occluders.chances.argmax(axis=0)
    dark, clear = (float((kinds == k).sum()) for k in (Occluder.SHADE, Occluder.LENS))
    return (Occluder.RIM, Occluder.SHADE) if dark > LEAST_DARK * (dark + clear) else (Occluder.RIM,)


def _find_eyes(face: FaceLatent) -> np.ndarray:
    """(H, W) float32: 1 between the lids, and on them."""
    eyes = np.zeros(face.image.shape[:2], np.uint8)
    for eye in (RIGHT_EYE, LEFT_EYE):
        cv2.fillPoly(eyes, [np.rint(face.landmarks[eye, :2]).astype(np.int32)], 255)
    reach = 2 * round(LID * face.stated) + 1
    eyes = cv2.dilate(eyes, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach)))
    return cv2.GaussianBlur(eyes, (0, 0), face.stated).astype(np.float32) / 255


def find_opacity(face: FaceLatent, kinds: Iterable[Occluder]) -> np.ndarray:
    """(H, W) float32 opacity of things of some kinds; 0 all over where there are none."""
    assert face.occluders is not None
    oval = cv2.contourArea(face.landmarks[FACE_OVAL, :2])
    opacity = np.zeros(face.image.shape[:2], np.float32)
    for kind in kinds:
        chance = face.occluders.map_into(face.head, face.size, [kind])
        if float((chance > 0.5).sum()) <= LEAST_PART[kind] * oval:
            continue
        if kind == Occluder.RIM:
            chance = face.occluders.follow_rims().map_into(face.head, face.size, [kind])
        opacity = np.maximum(opacity, chance)
    if not opacity.any():
        return opacity
    radius = max(1, round(EDGE_RADIUS * face.stated))
    guide = face.image.astype(np.float32) / 255
    edges = fit_edges(guide, opacity, radius, EDGE_EPSILON).apply(guide)
    near = cv2.dilate(opacity, np.ones((3, 3), np.uint8))
    return smoothstep(CERTAIN_FROM, CERTAIN_TO, np.minimum(edges, near)).astype(np.float32)


def _with_edge(opacity: np.ndarray, stated: float) -> np.ndarray:
    """Opacity that takes the blurred edge of things along with them."""
    reach = 2 * max(1, round(FADE * stated)) + 1
    grown = cv2.dilate(opacity, np.ones((reach, reach), np.uint8))
    soft = cv2.GaussianBlur(grown, (0, 0), max(stated, 0.5))
    return np.where(soft > 0.01, np.maximum(soft, opacity), 0).astype(np.float32)


def _is_mask(face: FaceLatent, cover: np.ndarray) -> bool:
    """Whether a cover is worn on the lower face, rather than held before it."""
    oval, lower = (np.zeros(cover.shape, np.uint8) for _ in range(2))
    outline = np.rint(face.landmarks[FACE_OVAL, :2]).astype(np.int32)
    cv2.fillPoly(oval, [outline], 1)
    below = face.landmarks[LOWER_FACE, :2]
    cv2.fillPoly(lower, [np.rint(below).astype(np.int32)], 1)
    taken = cover > 0.5
    beyond = float((taken & (oval == 0)).sum()) / max(float(taken.sum()), 1.0)
    return bool(taken[lower > 0].mean() > WORN_IN_FACE and beyond < WORN_BEYOND)


def _beside_skin(face: FaceLatent, hat: np.ndarray) -> np.ndarray:
    """(H, W) bool: the part of a hat behind which skin is filled in, which is close to the face."""
    oval = np.zeros(hat.shape, np.uint8)
    cv2.fillPoly(oval, [np.rint(face.landmarks[FACE_OVAL, :2]).astype(np.int32)], 1)
    skin = ((oval > 0) & (hat < 0.5)).astype(np.uint8)
    reach = 2 * round(FILLED_HEADWEAR * face.stated) + 1
    return cv2.dilate(skin, np.ones((reach, reach), np.uint8)) > 0


def _fill(image: np.ndarray, opacity: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8: the picture with skin continued behind what is opaque."""
    size = image.shape[1::-1]
    zoom = min(1.0, FILL_SIDE / max(size))
    small = tuple(max(1, round(extent * zoom)) for extent in size)
    gone = cv2.resize(opacity, small, interpolation=cv2.INTER_AREA) > 0.01
    coarse = cv2.resize(image, small, interpolation=cv2.INTER_AREA)
    filled = cv2.inpaint(coarse, gone.astype(np.uint8), FILL_RADIUS, cv2.INPAINT_TELEA)
    filled = cv2.resize(filled, size, interpolation=cv2.INTER_LINEAR).astype(np.float32)
    # Where little of a thing is left, little of the picture is changed: it can be made again.
    share = np.minimum(2 * opacity, 1)[..., None]
    return np.rint(image + share * (filled - image)).astype(np.uint8)


def _unmix(image: np.ndarray, bare: np.ndarray, opacity: np.ndarray) -> np.ndarray:
    """(H, W, 4) uint8 RGBA of the things that make the portrait of the bare face."""
    alpha = np.rint(opacity * 255)[..., None] / 255
    colours = (image - (1 - alpha) * bare.astype(np.float32)) / np.maximum(alpha, 1e-3)
    colours = np.where(alpha > 0, np.clip(colours, 0, 255), image)
    return np.dstack([np.rint(colours), np.rint(alpha * 255)]).astype(np.uint8)


def _find_shown(things: np.ndarray) -> np.ndarray:
    """(H, W) bool: the px of (H, W, 4) RGBA things that show any of them between samples, too."""
    reach = np.ones((2 * SAMPLED + 1,) * 2, np.uint8)
    return cv2.dilate((things[..., 3] > 0).astype(np.uint8), reach) > 0


def _cut_out(things: np.ndarray) -> tuple[np.ndarray, tuple[int, int]]:
    """The part of (H, W, 4) RGBA that shows anything, and its left and top."""
    left, top, width, height = cv2.boundingRect((things[..., 3] > 0).astype(np.uint8))
    return np.ascontiguousarray(things[top : top + height, left : left + width]), (left, top)


def _lay_plane(face: FaceLatent, opacity: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A grid over the glasses: (V, 2) px, (V, 3) canonical points and (T, 3) triangles."""
    rows, columns = np.nonzero(opacity > 0)
    low = np.array([columns.min(), rows.min()]) - 2.0
    high = np.array([columns.max(), rows.max()]) + 2.0
    across, down = GRID
    x, y = np.meshgrid(np.linspace(low[0], high[0], across), np.linspace(low[1], high[1], down))
    px = np.column_stack([x.ravel(), y.ravel()])
    number = np.arange(across * down).reshape(down, across)
    a, b, c, d = number[:-1, :-1], number[:-1, 1:], number[1:, :-1], number[1:, 1:]
    triangles = np.stack([np.stack([a, b, c], -1), np.stack([b, d, c], -1)], -2).reshape(-1, 3)
    surface = _before_eyes(px, face.head, _front_of(face))
    return px.astype(np.float32), surface, np.ascontiguousarray(triangles.astype(np.int32))


def _front_of(face: FaceLatent) -> float:
    """Canonical depth of the lenses' middle."""
    return float(face.canonical[6, 2]) - VERTEX


def _beside_hinges(face: FaceLatent) -> np.ndarray:
    """(H, W) float32: 1 where glasses, if any, have temples."""
    width, height = face.size
    # The distance from the middle is linear in the px: three of them tell all.
    corners = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], np.float64)
    start = face.head.invert(corners).astype(np.float64)
    sight = face.head.rotation[2] / face.head.scale
    x = (start + ((_front_of(face) - start[:, 2]) / sight[2])[:, None] * sight)[:, 0]
    aside = x[0] + np.arange(width) * (x[1] - x[0]) + (np.arange(height) * (x[2] - x[0]))[:, None]
    return smoothstep(*HINGE, np.abs(aside)).astype(np.float32)


def _before_eyes(px: np.ndarray, head: HeadTransform, front: float) -> np.ndarray:
    """(V, 3) float32 canonical points of the glasses' plane on the lines of sight of (V, 2) px."""
    start = head.invert(np.column_stack([px, np.zeros(len(px))])).astype(np.float64)
    sight = head.rotation[2] / head.scale
    points = start + ((front - start[:, 2]) / sight[2])[:, None] * sight
    for _ in range(4):
        aside = np.abs(points[:, 0])
        depth = front + WRAP * (aside / HINGE[1]) ** 2
        points = points + (0.7 * (depth - points[:, 2]) / sight[2])[:, None] * sight
    return points.astype(np.float32)


def _window(points: np.ndarray, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of the px that points enclose in a frame."""
    width, height = size
    low, high = np.floor(points.min(axis=0)), np.ceil(points.max(axis=0)) + 1
    left, right = (int(np.clip(v, 0, width)) for v in (low[0], high[0]))
    top, bottom = (int(np.clip(v, 0, height)) for v in (low[1], high[1]))
    return left, top, right, bottom
